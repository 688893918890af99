"""The chat page before the real server: a question is typed, the answer streams in, its source opens."""

import re
import threading

import pytest
from playwright.sync_api import expect

from llm_twin_assets.serving.quoting import Quotations
from tests.llm_twin_assets.serving.page.browsing import QUESTION, ask, opened, put
from tests.llm_twin_assets.serving.small import DOCUMENTS, Small, document, following, listening
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

HOSTILE = document(
    "file:texts/<img src=x onerror=alert(1)>.md",
    "Eve",
    "# <script>alert(1)</script> wolves\n\n## Wolves & <b>bold</b> hunters\n\n"
    'Wolves hunt "by night" & **never** alone in `packs`.\n',
)


@pytest.fixture(scope="module")
def served(tmp_path_factory, made_models):
    """The small served world with its address."""
    small = Small(tmp_path_factory.mktemp("page") / "home", made_models)
    documents = [*DOCUMENTS, HOSTILE]
    small.write_documents(documents)
    small.publish_index(documents)
    small.release("first", "ada")
    small.release("second", "eve", "Eve", min_similarity=0.1)
    with following(small.serving()) as serving, listening(small.app(serving)) as address:
        wait_until(lambda: serving.ready()["ready"])
        yield small, address


@pytest.fixture
def page(browser, served):
    with opened(browser, served[1]) as made:
        expect(made.get_by_role("button", name="Ask")).to_be_enabled()
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
    put(page)
    answer = page.locator(".answer")
    expect(answer).to_contain_text("A hive hums in winter")
    expect(answer).to_have_class("answer writing")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
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
    expect(page.locator("ol.sources a").first).to_have_text("Keeping bees")
    expect(page.get_by_role("button", name="Ask")).to_be_enabled()


def test_a_declined_question_and_a_follow_up(page):
    ask(page, "Who won the match on Saturday?")
    expect(page.locator(".answer.declined")).to_contain_text("rather not guess")
    ask(page)
    expect(page.locator(".turn")).to_have_count(2)
    expect(page.locator(".answer").nth(1)).to_contain_text("A hive hums")
    expect(page.locator("#empty")).to_have_count(0)


def test_thumbs_and_a_correction_are_recorded_beside_the_trace_of_their_answer(page, served):
    small, _ = served
    ask(page)
    trace_id = page.locator(".ids").text_content().split()[-1]
    page.get_by_role("button", name="Bad answer").click()
    expect(page.locator(".below span")).to_have_text("Noted. Thank you.")
    page.get_by_role("button", name="Comment or correct").click()
    page.get_by_label("A better answer").fill("Bees shiver.")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("button", name="Send")).to_be_hidden()
    said = [(one["value"], one["correction"]) for one in small.traces.feedback_since("ada")]
    assert said == [(-1, None), (-1, "Bees shiver.")]
    assert {one["trace_id"] for one in small.traces.feedback_since("ada")} == {trace_id}
    assert small.traces.trace(trace_id)["question"] == QUESTION


def test_texts_are_never_read_as_html(page):
    page.get_by_label("Talk to").select_option("eve")
    put(page, "<b>Wolves</b> hunt by night?")
    expect(page.locator(".asked")).to_have_text("<b>Wolves</b> hunt by night?")
    expect(page.locator(".answer")).to_contain_text('Wolves hunt "by night" & never alone in packs.')
    expect(page.locator(".answer strong")).to_have_text("never")
    expect(page.locator(".answer code")).to_have_text("packs")
    expect(page.locator("ol.sources a")).to_have_text("<script>alert(1)</script> wolves")
    expect(page.locator("#list .open span")).to_have_text("<b>Wolves</b> hunt by night?")
    with page.context.expect_page() as waiting:
        page.locator("ol.sources a").click()
    expect(waiting.value.locator("h1")).to_have_text("<script>alert(1)</script> wolves")
    expect(waiting.value.locator("article")).to_contain_text("## Wolves & <b>bold</b> hunters")
