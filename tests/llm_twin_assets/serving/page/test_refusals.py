"""What the chat page does where the server refuses, breaks off, or asks for a key."""

import re

import pytest
from playwright.sync_api import expect

from tests.llm_twin_assets.serving.page.browsing import (
    QUESTION,
    SHOWN,
    TOLD_BY_CHROMIUM,
    ask,
    opened,
    put,
    reloaded,
)
from tests.llm_twin_assets.serving.page.standin import SENTENCES

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]


def test_too_many_questions_are_told_and_asked_again_once_the_server_wants(troubled, standin):
    standin.refusals = [(429, {"Retry-After": "2"})]
    put(troubled)
    told = "No answer: The server has as many questions as it can answer at the moment."
    expect(troubled.locator(".problem span")).to_have_text(told)
    expect(troubled.get_by_role("status")).to_have_text(told)
    expect(troubled.get_by_role("button", name=re.compile(r"Try again in \d s"))).to_be_disabled()
    again = troubled.get_by_role("button", name="Try again", exact=True)
    expect(again).to_be_enabled()
    again.click()
    expect(troubled.locator(".answer")).to_have_text(SHOWN)
    expect(troubled.locator(".turn")).to_have_count(1)
    assert standin.sent == [("user", QUESTION)]


@pytest.mark.parametrize(
    ("status", "told"),
    [(503, "The twin is not ready to answer yet."), (504, "The answer took too long.")],
)
def test_what_may_go_better_later_can_be_tried_again_at_once(troubled, standin, status, told):
    standin.refusals = [(status, {})]
    put(troubled)
    expect(troubled.locator(".problem span")).to_have_text(f"No answer: {told}")
    troubled.get_by_role("button", name="Try again").click()
    expect(troubled.locator(".answer")).to_have_text(SHOWN)


def test_what_will_not_go_better_is_told_in_the_servers_words(troubled, standin):
    standin.refusals = [(400, {})]
    put(troubled)
    expect(troubled.locator(".problem")).to_have_text("No answer: the server's own words")
    expect(troubled.get_by_role("button", name="Try again")).to_have_count(0)
    ask(troubled)


def test_a_stream_that_breaks_off_is_told_and_what_was_said_stays(troubled, standin):
    standin.broken = True
    put(troubled)
    expect(troubled.locator(".problem span")).to_have_text("No answer: The connection was lost.")
    expect(troubled.locator(".answer")).to_have_text(SENTENCES[0])
    standin.broken = False
    troubled.get_by_role("button", name="Try again").click()
    expect(troubled.locator(".answer")).to_have_text(SHOWN)


def test_a_server_that_is_gone_is_told(troubled):
    troubled.route("**/v1/chat/completions", lambda route: route.abort(), times=1)
    put(troubled)
    expect(troubled.locator(".problem span")).to_have_text("No answer: The server does not answer.")
    ask(troubled)


def test_a_key_is_asked_for_a_wrong_one_told_and_a_good_one_kept_in_the_tab(browser, url, standin):
    standin.key = "ltk_good"
    with opened(browser, url, TOLD_BY_CHROMIUM) as page:
        field = page.get_by_label("API key")
        expect(field).to_be_focused()
        expect(page.get_by_role("button", name="Ask")).to_be_disabled()
        field.fill("ltk_bäd")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_have_text("The server does not know this key.")
        field.fill("ltk_good")
        page.get_by_role("button", name="Use this key").click()
        ask(page)
        expect(field).to_have_count(0)
        reloaded(page)
        kept = page.evaluate("[JSON.stringify(localStorage), sessionStorage.getItem('llm-twin/key')]")
        assert "ltk_good" not in kept[0]
        assert kept[1] == '"ltk_good"'


def test_a_question_waits_for_a_key_that_was_changed_meanwhile(troubled, standin):
    expect(troubled.get_by_role("button", name="Ask")).to_be_enabled()
    standin.key = "ltk_new"
    put(troubled)
    troubled.get_by_label("API key").fill("ltk_new")
    troubled.keyboard.press("Enter")
    expect(troubled.locator(".answer")).to_have_text(SHOWN)
    assert len(standin.questions) == 1
