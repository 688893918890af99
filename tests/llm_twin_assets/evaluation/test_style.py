"""Style on the manual's two authors: whose text is nearer, and what is said where there is too little."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from llm_twin_assets.evaluation.delta import BAG
from llm_twin_assets.evaluation.style import LEAST_BAG, learned_style
from tests.prose import prose

MANUAL = Path(__file__).parents[3] / "docs/manual"


def pages(author):
    found = []
    for path in sorted(MANUAL.glob("*.md")):
        _, front, text = path.read_text(encoding="utf-8").split("---\n", 2)
        if yaml.safe_load(front)["author"] == author:
            found.append(text)
    return found


NORA, VIKTOR = pages("Nora Adeyemi"), pages("Viktor Brandt")
TEXTS = [("Nora", text) for text in NORA[4:]] + [("Viktor", text) for text in VIKTOR[4:]]
STYLE = learned_style(pd.DataFrame(TEXTS, columns=["author", "text"]), "Nora")


def test_the_authors_own_held_out_text_is_nearest():
    assert STYLE.lacking == {}
    found = STYLE.deltas({"own": NORA[:4], "other": VIKTOR[:4]})
    assert found["own"]["mean"] < found["other"]["mean"]
    assert {one["bag"] for one in found.values()} == {BAG}
    assert min(map(STYLE.score, NORA[:4])) > 0.5 > max(map(STYLE.score, VIKTOR[:4]))


def test_a_short_arm_makes_all_bags_short_and_a_shorter_one_has_a_state():
    words = f"{prose(1)} " * 5
    found = STYLE.deltas({"own": NORA[:4], "short": [words], "silent": ["Yes.", ""]})
    assert LEAST_BAG <= found["own"]["bag"] == found["short"]["bag"] < BAG
    assert found["silent"] == {"state": f"too little text: 1 words, {LEAST_BAG} are needed"}


@pytest.mark.parametrize("text", ["", "Too short to tell.", "```\ncode\n```"])
def test_too_short_a_text_has_no_score(text):
    assert STYLE.score(text) is None


def test_without_other_authors_there_is_no_classifier_but_a_delta():
    alone = learned_style(pd.DataFrame(TEXTS[: len(NORA) - 4], columns=["author", "text"]), "Nora")
    assert set(alone.lacking) == {"style_score"}
    assert alone.score(NORA[0]) is None
    assert alone.deltas({"own": NORA[:4]})["own"]["state"] == "measured"


def test_without_training_text_everything_is_lacking():
    nothing = learned_style(pd.DataFrame({"author": [], "text": []}), "Nora")
    assert set(nothing.lacking) == {"delta", "style_score"}
    assert "bags" in nothing.deltas({"own": NORA[:1]})["own"]["state"]
