"""A headless Chromium, and pages in it that fail a test by any error or any request elsewhere."""

import contextlib
import re
from pathlib import Path

import pytest
from playwright.sync_api import Error, expect, sync_playwright

from tests.llm_twin_assets.serving.page.standin import SENTENCES

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# What Chromium itself writes about a response that is an error.
TOLD_BY_CHROMIUM = "Failed to load resource"
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
QUESTION = "Why does the hive hum in winter?"
# The stand-in's answer as it is seen: each mark is a link, and emphasis no asterisks.
SHOWN = f"{SENTENCES[0]}1 {SENTENCES[1].replace('*', '')}2"


@contextlib.contextmanager
def chromium():
    """A browser; the test is skipped where none can be started."""
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(args=ARGUMENTS, executable_path=_installed())
        except Error as error:
            pytest.skip(f"no Chromium can be started here: {error.message.splitlines()[0]}")
        yield browser
        browser.close()


def _installed():
    system = Path("/usr/bin/chromium")
    return str(system) if system.exists() else None


@contextlib.contextmanager
def opened(browser, url, tolerated="none", path="/", **options):
    """A page; leaving it fails on any error in the browser and any request elsewhere."""
    context = browser.new_context(locale="en-GB", **options)
    context.set_default_timeout(10_000)
    page, errors, addresses = context.new_page(), [], []
    context.on("request", lambda request: addresses.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(url + path)
    yield page
    context.close()
    assert [error for error in errors if tolerated not in error] == []
    assert all(address.startswith((url, "data:")) for address in addresses)


def ask(page, question=QUESTION):
    """Type a question and wait for its whole answer."""
    answers = page.locator(".ids").count()
    put(page, question)
    expect(page.locator(".ids")).to_have_count(answers + 1)


def put(page, question=QUESTION):
    """Type a question."""
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")


def reloaded(page):
    """Load it again and wait for the twins."""
    page.reload()
    expect(page.get_by_role("button", name="Ask")).to_be_enabled()


def is_too_wide(page):
    """Whether the page must be scrolled sideways."""
    return page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


def contrast(page, selector, behind="body"):
    """WCAG 2 contrast ratio of an element's text with the background of what lies behind it."""
    style = "getComputedStyle(document.querySelector(s))"
    colours = [
        page.evaluate(f"(s) => {style}.{property}", where)
        for where, property in ((selector, "color"), (behind, "backgroundColor"))
    ]
    light, dark = sorted((_luminance(colour) for colour in colours), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour):
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
