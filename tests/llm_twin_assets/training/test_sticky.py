"""When the base is trained again: never without a reason, always with one."""

import pytest

from llm_twin_assets.training.sticky import TOLERATED, training_texts, why_retrain
from tests.llm_twin_assets.training import small

RECIPE = {"tokens": 1000, "rates": [0.1]}
TEXTS = [("a", "hash-a", 600), ("b", "hash-b", 400)]
BEFORE = {"recipe": RECIPE, "trained_on": [list(text) for text in TEXTS]}


def test_nothing_changed_is_no_reason():
    assert why_retrain(BEFORE, RECIPE, TEXTS) is None
    assert why_retrain(BEFORE, RECIPE, TEXTS[::-1]) is None


@pytest.mark.parametrize(
    ("before", "recipe", "now", "reason"),
    [
        (None, RECIPE, TEXTS, "no base model yet"),
        (BEFORE, RECIPE | {"tokens": 2000}, TEXTS, "recipe changed"),
        ({"revision": "main"}, RECIPE, TEXTS, "recipe changed"),
        (BEFORE, RECIPE, TEXTS[:1], "1 of its documents left"),
        (BEFORE, RECIPE, [*TEXTS[:1], ("c", "hash-b", 400)], "1 of its documents left"),
        (BEFORE, RECIPE, [*TEXTS, ("c", "hash-c", 201)], "20% of its training text changed"),
        (BEFORE, RECIPE, [TEXTS[0], ("b", "other", 400)], "40% of its training text changed"),
    ],
)
def test_each_reason_is_told(before, recipe, now, reason):
    assert reason in why_retrain(before, recipe, now)


def test_a_fifth_may_change_and_not_more():
    assert TOLERATED == 0.2
    assert why_retrain(BEFORE, RECIPE, [*TEXTS, ("c", "hash-c", 200)]) is None


def test_a_base_trained_on_nothing_is_trained_once_there_is_text():
    assert why_retrain(BEFORE | {"trained_on": []}, RECIPE, TEXTS)
    assert why_retrain(BEFORE | {"trained_on": []}, RECIPE, []) is None


def test_training_texts_are_the_train_split_in_order_of_ids():
    table = small.documents("train", "test", "validation", "train")
    found = training_texts(table)
    train = table[table["split"] == "train"].sort_values("document_id")
    assert found == list(
        zip(train["document_id"], train["content_hash"], train["text"].map(len), strict=True)
    )
    assert training_texts(table.iloc[::-1]) == found
