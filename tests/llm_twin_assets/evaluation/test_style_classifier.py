"""The passage classifier on the manual's two authors: right, bounded, repeatable, and kept as JSON."""

import json
import random
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.evaluation.style_classifier import PASSAGE, StyleClassifier
from llm_twin_assets.evaluation.words import TooLittleText, own_words, passages, tokens

MANUAL = Path(__file__).parents[3] / "docs/manual"


def pages(author):
    found = []
    for path in sorted(MANUAL.glob("*.md")):
        _, front, text = path.read_text(encoding="utf-8").split("---\n", 2)
        if yaml.safe_load(front)["author"] == author:
            found.append(text)
    return [text for n, text in enumerate(found) if n % 3], found[::3]


def cut(texts, size):
    found = [passage for text in texts for passage in passages(own_words(text), size)]
    return [passage for passage in found if len(tokens(passage)) >= size]


NORA, NORA_HELD = pages("Nora Adeyemi")
VIKTOR, VIKTOR_HELD = pages("Viktor Brandt")
MODEL = StyleClassifier.fit(NORA, VIKTOR)


@pytest.mark.parametrize(("size", "least"), [(50, 0.9), (100, 0.95), (PASSAGE, 0.98)])
def test_held_out_passages_are_told_apart(size, least):
    ours, theirs = cut(NORA_HELD, size), cut(VIKTOR_HELD, size)
    assert min(len(ours), len(theirs)) >= 10
    assert MODEL.auc(ours, theirs) >= least


def test_scores_lie_on_the_right_side_of_one_half():
    assert min(MODEL.score(text) for text in NORA_HELD) > 0.5
    assert max(MODEL.score(text) for text in VIKTOR_HELD) < 0.5


def test_auc_counts_ties_as_one_half_and_turns_round_with_the_sides():
    assert MODEL.auc(NORA_HELD, NORA_HELD) == pytest.approx(0.5)
    assert MODEL.auc(VIKTOR_HELD, NORA_HELD) == pytest.approx(1 - MODEL.auc(NORA_HELD, VIKTOR_HELD))


@given(st.text(alphabet="the and, I don't—know; “what”!?\n", min_size=50, max_size=2_000))
def test_any_text_that_is_long_enough_has_a_probability(text):
    if len(tokens(own_words(text))) < 50:
        with pytest.raises(TooLittleText):
            MODEL.score(text)
        return
    assert 0 <= MODEL.score(text) <= 1


def test_one_odd_habit_does_not_decide():
    text = cut(NORA_HELD, PASSAGE)[0]
    odd = text.replace(". ", ".... ").replace(",", ", (")
    assert MODEL.score(odd) > 0.5


def test_subjects_hardly_count():
    """With every word but the small ones replaced, a passage keeps its author."""
    from llm_twin_assets.evaluation.words import FUNCTION_WORDS

    small = set(FUNCTION_WORDS)
    for texts, is_ours in ((NORA_HELD, True), (VIKTOR_HELD, False)):
        blank = [
            " ".join(
                word if set(tokens(word)) & small or not tokens(word) else _thing(word)
                for word in text.split()
            )
            for text in cut(texts, PASSAGE)
        ]
        right = sum((MODEL.score(text) > 0.5) == is_ours for text in blank)
        assert right / len(blank) > 0.9


def _thing(word):
    """The word with its letters replaced and its marks kept."""
    return "".join("x" if letter.islower() else "X" if letter.isupper() else letter for letter in word)


def test_to_dict_and_back_through_json_is_the_same_classifier():
    again = StyleClassifier.from_dict(json.loads(json.dumps(MODEL.to_dict())))
    assert again == MODEL
    assert again.score(NORA_HELD[0]) == MODEL.score(NORA_HELD[0])


def test_other_features_than_it_was_fitted_on_are_refused():
    content = MODEL.to_dict()
    with pytest.raises(ValueError, match="fit it again"):
        StyleClassifier.from_dict(content | {"features": content["features"][1:]})


def test_the_order_of_documents_does_not_matter():
    draw = random.Random(3)
    mixed = StyleClassifier.fit(draw.sample(NORA, len(NORA)), draw.sample(VIKTOR, len(VIKTOR)))
    assert mixed == MODEL


def test_more_text_of_one_side_does_not_move_the_middle():
    """Both sides weigh the same: with the other authors' text repeated, scores stay about where they were."""
    heavier = StyleClassifier.fit(NORA, VIKTOR * 4)
    for text in (*NORA_HELD, *VIKTOR_HELD):
        assert (heavier.score(text) > 0.5) == (MODEL.score(text) > 0.5)


def test_quotations_code_and_headings_are_not_scored():
    text = cut(NORA_HELD, PASSAGE)[0]
    more = f"# Short. Words. Here.\n\n{text}\n\n> Stop. Do this. Do that.\n\n```\nrun; run; run\n```\n"
    assert MODEL.score(more) == MODEL.score(text)


def test_too_little_text_is_said_with_numbers():
    with pytest.raises(TooLittleText, match="3 words of prose, 50 are needed"):
        MODEL.score("Just three words.")
    with pytest.raises(TooLittleText, match="0 passages of the author, 10 are needed"):
        StyleClassifier.fit([], VIKTOR)
    with pytest.raises(TooLittleText, match="passages of other authors, 10 are needed"):
        StyleClassifier.fit(NORA, VIKTOR[:1])
