"""The chat page by keyboard, on a telephone, in the dark, and for who hears it."""

import re

import pytest
from playwright.sync_api import expect

from tests.llm_twin_assets.serving.page.browsing import PHONE, ask, contrast, is_too_wide, opened, put

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]


def test_all_of_it_goes_by_keyboard(page, standin):
    expect(page.get_by_label("Your question")).to_be_focused()
    page.keyboard.type("One line")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("and another?")
    page.keyboard.press("Enter")
    expect(page.locator(".ids")).to_be_visible()
    assert standin.sent == [("user", "One line\nand another?")]
    expect(page.get_by_label("Your question")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="Comment or correct")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="Bad answer")).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "true")


def test_the_first_stop_skips_to_the_question(page):
    page.evaluate("document.body.tabIndex = -1; document.body.focus()")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the question")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Your question")).to_be_focused()


def test_every_control_has_a_name(page):
    ask(page)
    page.get_by_role("button", name="Comment or correct").click()
    for role in ("button", "textbox", "combobox", "link", "main", "navigation"):
        found, named = page.get_by_role(role), page.get_by_role(role, name=re.compile(r"\S"))
        assert found.count() == named.count() > 0, role


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_readable_in_both_schemes_and_on_a_telephone(browser, url, scheme):
    with opened(browser, url, color_scheme=scheme, **PHONE) as page:
        ask(page, "Why " + "does the hive hum " * 20 + "x" * 200 + "?")
        page.get_by_role("button", name="Comment or correct").click()
        assert not is_too_wide(page)
        assert contrast(page, ".answer") > 7
        for faint in (".ids", "#about", ".speaker", ".below button"):
            assert contrast(page, faint) > 4.5, faint
        assert contrast(page, "#send", "#send") > 4.5
        assert contrast(page, "#side h2", "#side") > 4.5


def test_on_a_telephone_the_conversations_are_in_a_drawer(browser, url):
    with opened(browser, url, **PHONE) as page:
        ask(page)
        menu, new = (page.get_by_role("button", name=name) for name in ("Conversations", "New conversation"))
        expect(new).to_be_hidden()
        menu.click()
        expect(new).to_be_focused()
        expect(new).to_be_in_viewport()
        page.get_by_label("Your question").focus()
        expect(new).to_be_focused()
        assert not is_too_wide(page)
        page.keyboard.press("Escape")
        expect(new).to_be_hidden()
        expect(menu).to_be_focused()
        menu.click()
        new.click()
        expect(page.locator(".turn")).to_have_count(0)
        expect(new).to_be_hidden()


def test_nothing_moves_for_whoever_wants_it_still(browser, url, standin):
    standin.go_on.clear()
    with opened(browser, url, reduced_motion="reduce") as page:
        put(page)
        expect(page.locator(".writing")).to_be_visible()
        moving = "getComputedStyle(document.querySelector('.writing'), '::after').animationName"
        assert page.evaluate(moving) == "none"
        standin.go_on.set()
