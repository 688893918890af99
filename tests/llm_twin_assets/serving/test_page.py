"""The chat page in a real browser: a question is typed, the answer streams in, its source opens."""

import contextlib
import re
import threading
from pathlib import Path

import pytest
from playwright.sync_api import Error, expect, sync_playwright

from llm_twin_assets.serving.quoting import Quotations
from tests.llm_twin_assets.serving.small import DOCUMENTS, Small, document, following, listening
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
QUESTION = "Why does the hive hum in winter?"
HOSTILE = document(
    "file:texts/<img src=x onerror=alert(1)>.md",
    "Eve",
    "# <script>alert(1)</script> wolves\n\n## Wolves & <b>bold</b> hunters\n\n"
    'Wolves hunt "by night" & **never** alone in `packs`.\n',
)


@pytest.fixture(scope="module")
def url(tmp_path_factory, made_models):
    small = Small(tmp_path_factory.mktemp("page") / "home", made_models)
    documents = [*DOCUMENTS, HOSTILE]
    small.write_documents(documents)
    small.publish_index(documents)
    small.release("first", "ada")
    small.release("second", "eve", "Eve", min_similarity=0.1)
    with following(small.serving()) as serving, listening(small.app(serving)) as address:
        wait_until(lambda: serving.ready()["ready"], 30)
        yield address


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        try:
            opened = playwright.chromium.launch(args=ARGUMENTS, executable_path=_chromium())
        except Error as error:
            pytest.skip(f"no Chromium can be started here: {error.message.splitlines()[0]}")
        yield opened
        opened.close()


def _chromium():
    system = Path("/usr/bin/chromium")
    return str(system) if system.exists() else None


@contextlib.contextmanager
def opened(browser, url, tolerated="none", **options):
    """The chat page; leaving it fails on any error in the browser and any request elsewhere."""
    context = browser.new_context(**options)
    page, errors, addresses = context.new_page(), [], []
    context.on("request", lambda request: addresses.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(url)
    expect(page.get_by_role("button", name="Ask")).to_be_enabled()
    yield page
    context.close()
    assert [error for error in errors if tolerated not in error] == []
    assert all(address.startswith((url, "data:")) for address in addresses)


def ask(page, question=QUESTION):
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")


@pytest.fixture
def page(browser, url):
    with opened(browser, url) as made:
        yield made


def test_the_page_says_that_it_is_a_twin_and_which_release_and_index_speak(page):
    about = page.locator("#about")
    expect(about).to_contain_text("This is a twin")
    expect(about).to_contain_text("It is not Ada Moss")
    expect(about).to_contain_text(re.compile(r"Release [0-9a-f]{12}, index [0-9a-f]{12}"))
    page.get_by_label("Talk to").select_option("eve")
    expect(about).to_contain_text("It is not Eve")


def test_the_answer_streams_in_and_its_quotation_opens_in_its_source(page, monkeypatch):
    hold, close = threading.Event(), Quotations.close
    monkeypatch.setattr(Quotations, "close", lambda self: hold.wait(30) and close(self))
    ask(page)
    answer = page.locator(".answer")
    expect(answer).to_contain_text("A hive hums in winter")
    expect(answer).to_have_class("answer writing")
    expect(page.get_by_role("button", name="Ask")).to_be_disabled()
    hold.set()
    expect(answer).to_have_class("answer")
    expect(page.locator(".ids")).to_contain_text("trace")
    with page.context.expect_page() as waiting:
        page.locator("a.mark").first.click()
    source = waiting.value
    marked = source.locator("mark#quote")
    expect(marked).to_be_in_viewport()
    assert marked.text_content() in DOCUMENTS[0]["text"]
    assert marked.text_content().startswith("A hive hums in winter")
    expect(page.locator("ol.sources a")).to_have_text("Keeping bees")
    expect(page.get_by_role("button", name="Ask")).to_be_enabled()


def test_a_declined_question_and_a_conversation(page):
    ask(page, "Who won the match on Saturday?")
    expect(page.locator(".answer.declined")).to_contain_text("rather not guess")
    ask(page)
    expect(page.locator(".turn")).to_have_count(2)
    expect(page.locator(".answer").nth(1)).to_contain_text("A hive hums")
    expect(page.locator("#empty")).to_have_count(0)


def test_texts_are_never_read_as_html(page):
    page.get_by_label("Talk to").select_option("eve")
    ask(page, "<b>Wolves</b> hunt by night?")
    expect(page.locator(".asked")).to_have_text("<b>Wolves</b> hunt by night?")
    expect(page.locator(".answer")).to_contain_text('Wolves hunt "by night" & never alone in packs.')
    expect(page.locator(".answer strong")).to_have_text("never")
    expect(page.locator(".answer code")).to_have_text("packs")
    expect(page.locator("ol.sources a")).to_have_text("<script>alert(1)</script> wolves")
    with page.context.expect_page() as waiting:
        page.locator("ol.sources a").click()
    expect(waiting.value.locator("h1")).to_have_text("<script>alert(1)</script> wolves")
    expect(waiting.value.locator("article")).to_contain_text("## Wolves & <b>bold</b> hunters")


def test_an_error_is_told_and_the_next_question_can_be_asked(browser, url):
    with opened(browser, url, tolerated="Failed to load resource") as page:
        page.route("**/v1/chat/completions", lambda route: route.abort(), times=1)
        ask(page)
        expect(page.locator(".failed")).to_contain_text("No answer")
        ask(page)
        expect(page.locator(".answer")).to_contain_text("A hive hums")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_readable_in_both_schemes_and_on_a_telephone(browser, url, scheme, tmp_path):
    with opened(browser, url, color_scheme=scheme, viewport={"width": 390, "height": 760}) as page:
        ask(page)
        expect(page.locator(".ids")).to_be_visible()
        wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not wide
        assert contrast(page, ".answer") > 7
        assert contrast(page, ".ids") > 4.5
        page.screenshot(path=tmp_path / f"{scheme}.png")


def contrast(page, selector):
    """WCAG 2 contrast ratio of an element's text with the page's background."""
    style = "getComputedStyle(document.querySelector(s))"
    colours = [
        page.evaluate(f"(s) => {style}.{property}", where)
        for where, property in ((selector, "color"), ("body", "backgroundColor"))
    ]
    light, dark = sorted((_luminance(colour) for colour in colours), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour):
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
