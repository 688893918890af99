"""The chat page in a real browser: asking, and how an answer is shown."""

import pytest
from playwright.sync_api import expect

from tests.llm_twin_assets.serving.page.browsing import QUESTION, SHOWN, ask, put
from tests.llm_twin_assets.serving.page.standin import ANSWER, SENTENCES

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]


def test_each_says_whose_twin_it_is_and_links_its_quotations_on_this_server(page, url):
    ask(page)
    expect(page.locator(".answer")).to_have_text(SHOWN)
    expect(page.locator(".answer em")).to_have_text("honey")
    expect(page.locator(".speaker")).to_have_text("Twin of Ada Moss")
    expect(page.get_by_role("heading", level=1)).to_have_text("Twin of Ada Moss")
    with page.context.expect_page() as opening:
        page.get_by_role("link", name="Source 2: Keeping bees").click()
    assert opening.value.url == f"{url}/sources/bees?start=2&end=9&proof=ab&sig=s2#quote"
    assert page.evaluate("document.querySelector('a.mark').rel") == "noopener"


def test_it_streams_and_is_read_out_once_it_is_whole(page, standin):
    standin.go_on.clear()
    put(page)
    expect(page.locator(".answer.writing")).to_have_text(SENTENCES[0])
    expect(page.locator(".speaker")).to_have_text("Twin of Ada Moss")
    expect(page.get_by_role("status")).to_have_text("")
    standin.go_on.set()
    expect(page.get_by_role("status")).to_have_text(f"Twin of Ada Moss answered: {ANSWER}")
    expect(page.locator(".answer.writing")).to_have_count(0)


def test_a_question_that_was_understood_otherwise_says_so(page, standin):
    ask(page)
    expect(page.locator(".standalone")).to_have_count(0)
    standin.standalone = "Why is the winter hive loud?"
    ask(page, "And why?")
    expect(page.locator(".standalone")).to_have_text("understood as: Why is the winter hive loud?")


@pytest.mark.parametrize("how", ["Escape", "button"])
def test_one_that_is_stopped_keeps_what_was_said(page, standin, how):
    standin.go_on.clear()
    put(page)
    expect(page.locator(".answer")).to_have_text(SENTENCES[0])
    page.keyboard.press("Escape") if how == "Escape" else page.get_by_role("button", name="Stop").click()
    expect(page.locator(".stopped")).to_be_visible()
    expect(page.get_by_role("button", name="Ask")).to_be_enabled()
    expect(page.get_by_label("Your question")).to_be_focused()
    standin.go_on.set()
    ask(page, "And now?")
    assert standin.sent == [("user", QUESTION), ("assistant", SENTENCES[0]), ("user", "And now?")]


def test_a_reader_who_scrolled_up_is_not_pulled_down(page, standin):
    for _ in range(3):
        ask(page)
    standin.go_on.clear()
    put(page)
    expect(page.locator(".writing")).to_be_visible()
    page.evaluate("document.getElementById('talk').scrollTop = 0")
    standin.go_on.set()
    expect(page.locator(".ids")).to_have_count(4)
    assert page.evaluate("document.getElementById('talk').scrollTop") == 0
