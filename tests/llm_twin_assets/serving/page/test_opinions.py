"""What a reader says of an answer: thumbs, a comment, a better answer."""

import pytest
from playwright.sync_api import expect

from tests.llm_twin_assets.serving.page.browsing import ask, reloaded
from tests.llm_twin_assets.serving.page.standin import SENTENCES

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]


def test_thumbs_reach_the_server_with_the_answers_id_and_can_be_changed_and_taken_back(page, standin):
    ask(page)
    ask(page, "And now?")
    good, bad = (page.get_by_role("button", name=name).nth(1) for name in ("Good answer", "Bad answer"))
    for thumb, other, value in ((good, bad, 1), (bad, good, -1)):
        thumb.click()
        expect(thumb).to_have_attribute("aria-pressed", "true")
        expect(other).to_have_attribute("aria-pressed", "false")
        assert standin.feedback[-1] == {"trace_id": "trace-2", "value": value}
    bad.click()
    expect(bad).to_have_attribute("aria-pressed", "false")
    assert standin.feedback[-1] == {"trace_id": "trace-2", "value": 0}
    expect(page.get_by_role("button", name="Good answer").first).to_have_attribute("aria-pressed", "false")


def test_a_comment_and_a_corrected_answer_are_sent_and_stay(page, standin):
    ask(page)
    page.get_by_role("button", name="Bad answer").click()
    page.get_by_role("button", name="Comment or correct").click()
    better = page.get_by_label("A better answer")
    expect(better).to_have_value(" ".join(SENTENCES))
    better.fill("Bees shiver.")
    page.get_by_label("What is right or wrong with it?").fill("Too long.")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".below span")).to_have_text("Noted. Thank you.")
    said = {"trace_id": "trace-1", "value": -1, "comment": "Too long.", "correction": "Bees shiver."}
    assert standin.feedback[-1] == said
    reloaded(page)
    expect(page.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Comment or correct").click()
    expect(page.get_by_label("A better answer")).to_have_value("Bees shiver.")


def test_an_answer_that_nobody_corrected_is_no_correction(page, standin):
    ask(page)
    page.get_by_role("button", name="Comment or correct").click()
    page.get_by_label("What is right or wrong with it?").fill("Fine.")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".below span")).to_have_text("Noted. Thank you.")
    assert standin.feedback == [{"trace_id": "trace-1", "comment": "Fine."}]
    expect(page.get_by_role("button", name="Send")).to_be_hidden()


def test_a_form_that_says_nothing_is_only_closed(page, standin):
    ask(page)
    page.get_by_role("button", name="Comment or correct").click()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("button", name="Send")).to_be_hidden()
    expect(page.get_by_role("button", name="Comment or correct")).to_be_focused()
    assert standin.feedback == []


def test_what_could_not_be_noted_is_told_and_not_shown_as_pressed(troubled, standin):
    standin.feedback_status = 404
    ask(troubled)
    troubled.get_by_role("button", name="Good answer").click()
    expect(troubled.locator(".below span")).to_have_text("Not noted: no such trace")
    pressed = troubled.get_by_role("button", name="Good answer")
    expect(pressed).to_have_attribute("aria-pressed", "false")
