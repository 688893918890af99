"""An arm's items and summaries, its guards and findings; answers are written, so no model is run."""

import dataclasses

import pytest

from llm_twin_assets.documents.shingles import words
from llm_twin_assets.evaluation.answers import Answer, Asked
from llm_twin_assets.evaluation.arms import Arm, Item, Yardstick, summary, texts_of
from llm_twin_assets.evaluation.guarding import GUARDED, findings, guards
from llm_twin_assets.evaluation.guards import judged
from llm_twin_assets.evaluation.memorisation import LONGEST, Memory
from llm_twin_assets.evaluation.prompts import Prompt, injected
from llm_twin_assets.evaluation.style import Style

LEARNED = "The old lamp in the harbour was lit by a widow who never once let it go out."
PASSAGE = ("Lamps", "A widow lit the lamp at four.")
PROMPTS = [Prompt(f"row{at}", f"document{at % 6}", "What of the lamp?", "She lit it.") for at in range(12)]
YARDSTICK = Yardstick(Style(None, None, {}), Memory([words(LEARNED)]), ["ada@mossbank-letters.net"])


def arm(name="tuned", texts=("She lit it.",) * 12, passages=(), shown=0, run=0):
    asked = [Asked(prompt.instruction, passages, "texts") for prompt in PROMPTS]
    answers = [Answer(text, 9, shown, run) for text in texts]
    return YARDSTICK.arm(name, "version", PROMPTS, asked, answers)


def with_styles(made, *styles):
    return dataclasses.replace(made, styles={f"document{at}": one for at, one in enumerate(styles)})


def test_an_item_holds_what_an_answer_shows():
    item = arm(texts=[LEARNED, *["She lit it."] * 11]).items[0]
    assert (item.row_id, item.words, item.repeated_4grams, item.grounded) == ("row0", 18, 0, None)
    assert item.memorised_8grams == 1
    assert arm().items[0].rouge_l == 1


def test_only_with_passages_it_is_grounded_in_them():
    item = arm(texts=["A widow lit candles."] * 12, passages=(PASSAGE,), shown=1).items[0]
    assert item.grounded == pytest.approx(2 / 3)


def test_a_missing_answer_is_a_state():
    found = YARDSTICK.arm("tuned", "v", PROMPTS, [Asked("?", (), "")] * 12, [None] * 12)
    assert (found.is_measured, found.items) == (False, ())
    assert found.to_dict()["metrics"]["rouge_l"] is None


def test_passages_that_never_fit_are_a_state():
    found = arm(passages=(PASSAGE,), shown=0)
    assert "no passage fits" in found.state
    assert not found.is_measured
    assert len(found.items) == 12


def test_a_document_counts_once_in_a_summary():
    found = summary(["a", "a", "a", "b"], [0.0, 0.0, 0.0, 1.0])
    assert (found["mean"], found["low"], found["documents"], found["items"]) == (0.5, None, 2, 4)
    spread = summary(list("abcdef"), [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert spread["low"] < spread["mean"] < spread["high"]
    assert summary([], []) is None


def verdicts(old, new, reference="base"):
    return {one.name: judged(one).verdict for one in guards({reference: old, "tuned": new}, reference)}


def test_an_equal_model_holds_every_guard():
    same = with_styles(arm(), *[0.8] * 6)
    assert verdicts(same, same) == {one.metric: "holds" for one in GUARDED}


LOOP = "round and round it goes " * 6


@pytest.mark.parametrize(
    ("guard", "worse"),
    [
        ("repeated_4grams", lambda: with_styles(arm(texts=[LOOP] * 12), *[0.8] * 6)),
        ("memorised_8grams", lambda: with_styles(arm(texts=[LEARNED] * 12), *[0.8] * 6)),
        ("rouge_l", lambda: with_styles(arm(texts=["Nobody knows."] * 12), *[0.8] * 6)),
        ("style_score", lambda: with_styles(arm(), *[0.3] * 6)),
        ("style_score", lambda: with_styles(arm(), *[None] * 6)),
    ],
)
def test_a_worse_model_fails_its_guard(guard, worse):
    old = with_styles(arm(), *[0.8] * 6)
    assert verdicts(old, worse())[guard] == "fails"
    assert set(verdicts(worse(), old).values()) == {"holds"} or guard == "style_score"


def test_what_is_not_measured_of_both_guards_nothing():
    assert guards({"tuned": arm()}, "base") == []
    assert guards({"base": arm(passages=(PASSAGE,)), "tuned": arm()}, "base") == []
    assert "style_score" not in verdicts(with_styles(arm(), *[None] * 6), with_styles(arm(), *[0.8] * 6))


def test_both_ways_of_asking_are_guarded_together():
    worse = arm("tuned+retrieval", [LOOP] * 12, (PASSAGE,), 1)
    arms = {"base": arm(), "tuned": arm(), "tuned+retrieval": worse}
    arms["base+retrieval"] = arm("base+retrieval", passages=(PASSAGE,), shown=1)
    found = {one.name: judged(one) for one in guards(arms, "base")}
    assert found["repeated_4grams"].verdict == "fails"
    assert found["repeated_4grams"].change.items == 24


def kinds(*arms):
    return [one.kind for one in findings({made.name: made for made in arms}, [])]


def test_a_verbatim_run_is_found_in_the_tuned_model_only():
    assert kinds(arm(run=LONGEST)) == ["verbatim_run"] * 12
    assert kinds(arm("tuned+retrieval", run=LONGEST)) == ["verbatim_run"] * 12
    assert kinds(arm(run=LONGEST - 1), arm("base", run=LONGEST)) == []


def test_personal_data_is_found_and_not_repeated():
    address = "jo" + "@" + "ropewalk-letters.net"
    found = findings({"tuned": arm(texts=[f"Write to {address}."] + ["No."] * 11)}, [])
    assert [one.kind for one in found] == ["personal_data"]
    assert "EMAIL" in found[0].detail
    assert "row0" in found[0].item
    assert address not in str(found)
    assert kinds(arm(texts=["Write to ada" + "@mossbank-letters.net."] * 12)) == []


def test_an_obeyed_order_is_found_whatever_its_case():
    order = injected()[0]
    said = [Answer(text, 3, 1, 0) for text in (order.canary.upper(), "bell quarry", order.passages[0][1])]
    assert [one.kind for one in findings({}, [(order, one) for one in said])] == ["injection_obeyed"]


def test_only_arms_with_answers_have_texts():
    assert list(texts_of([arm(), Arm("base", "v", "asked nothing")])) == ["tuned"]
    assert isinstance(arm().items[0], Item)
