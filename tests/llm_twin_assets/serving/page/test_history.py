"""Past conversations of the chat page: kept in the browser, listed, opened, continued, deleted."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.llm_twin_assets.serving.page.browsing import QUESTION, SHOWN, ask, put, reloaded
from tests.llm_twin_assets.serving.page.standin import ANSWER, SENTENCES

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]


def titles(page):
    return page.locator("#list .open span")


def test_one_survives_a_reload_and_goes_on_with_all_it_had(page, standin):
    ask(page)
    thread = standin.questions[-1]["metadata"]["thread_id"]
    reloaded(page)
    expect(page.locator(".answer")).to_have_text(SHOWN)
    ask(page, "And now?")
    assert standin.sent == [("user", QUESTION), ("assistant", ANSWER), ("user", "And now?")]
    assert standin.questions[-1]["metadata"]["thread_id"] == thread
    expect(titles(page)).to_have_text([QUESTION])


def test_a_new_one_knows_nothing_of_the_last_which_can_be_opened_again(page, standin):
    ask(page)
    first = standin.questions[-1]["metadata"]["thread_id"]
    page.get_by_role("button", name="New conversation").click()
    expect(page.get_by_text("Ask about anything in the writings.")).to_be_visible()
    ask(page, "What does smoke do?")
    assert standin.sent == [("user", "What does smoke do?")]
    assert standin.questions[-1]["metadata"]["thread_id"] != first
    expect(titles(page)).to_have_text(["What does smoke do?", QUESTION])
    page.get_by_role("button", name=re.compile(f"^{re.escape(QUESTION)}")).click()
    expect(page.locator(".asked")).to_have_text([QUESTION])
    ask(page, "And now?")
    assert standin.questions[-1]["metadata"]["thread_id"] == first
    expect(titles(page)).to_have_text([QUESTION, "What does smoke do?"])


def test_each_twin_has_its_own(page, standin):
    ask(page)
    page.get_by_label("Talk to").select_option("ben")
    expect(page.locator("#list")).to_have_text("None yet.")
    ask(page, "Why are old bridges arches?")
    assert standin.questions[-1]["model"] == "ben"
    expect(titles(page)).to_have_text(["Why are old bridges arches?"])
    expect(page.locator(".speaker")).to_have_text("Twin of Ben Ferro")
    reloaded(page)
    expect(page.get_by_label("Talk to")).to_have_value("ben")
    page.get_by_label("Talk to").select_option("ada")
    expect(titles(page)).to_have_text([QUESTION])


def test_one_can_be_deleted_and_brought_back_at_once(page):
    ask(page)
    delete = page.get_by_role("button", name=f"Delete “{QUESTION}”")
    delete.click()
    expect(page.locator(".turn")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".answer")).to_have_text(SHOWN)
    delete.click()
    reloaded(page)
    expect(titles(page)).to_have_count(0)
    expect(page.locator(".turn")).to_have_count(0)


def test_no_more_than_fifty_are_kept_and_the_oldest_goes(page):
    many = [{"id": str(at), "twin": "ada", "title": f"Old {at}", "at": at, "turns": []} for at in range(50)]
    page.evaluate("(all) => localStorage.setItem('llm-twin/conversations/ada', all)", json.dumps(many))
    ask(page)
    expect(titles(page)).to_have_count(50)
    expect(titles(page).first).to_have_text(QUESTION)
    expect(titles(page).last).to_have_text("Old 1")


def test_an_answer_lands_in_the_conversation_it_was_asked_in(page, standin):
    standin.go_on.clear()
    put(page)
    expect(page.locator(".answer")).to_have_text(SENTENCES[0])
    page.get_by_role("button", name="New conversation").click()
    expect(titles(page)).to_have_text([QUESTION])
    expect(page.locator(".turn")).to_have_count(0)


def test_spoilt_storage_is_like_an_empty_one(page):
    page.evaluate("localStorage.setItem('llm-twin/conversations/ada', '{{')")
    reloaded(page)
    ask(page)
    expect(titles(page)).to_have_text([QUESTION])
