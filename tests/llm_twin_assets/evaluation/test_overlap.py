"""ROUGE-L by hand and by its properties, and repetition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.evaluation.overlap import distinct_share, repeated_share, rouge_l

WORDS = st.lists(st.sampled_from(["the", "sea", "is", "cold", "and", "grey"]), max_size=12)


def test_rouge_l_of_lins_example():
    # Lin 2004, section 3: both candidates share unigrams, only the first their order.
    reference = ["police", "killed", "the", "gunman"]
    assert rouge_l(["police", "kill", "the", "gunman"], reference) == pytest.approx(3 / 4)
    assert rouge_l(["the", "gunman", "kill", "police"], reference) == pytest.approx(2 / 4)


def test_recall_and_precision_weigh_the_same():
    assert rouge_l(["a"], ["a", "b", "c"]) == pytest.approx(2 * 1 * (1 / 3) / (1 + 1 / 3))


@given(WORDS, WORDS)
def test_rouge_l_is_a_share_and_turns_round(one, other):
    assert 0 <= rouge_l(one, other) <= 1
    assert rouge_l(one, other) == rouge_l(other, one)
    assert rouge_l(one, one) == bool(one)


def test_repetition_counts_what_stood_before():
    looping = ["round", "and", "round", "it", "goes", "round", "and", "round", "it", "goes"]
    assert repeated_share(looping) == pytest.approx(2 / 7)
    assert repeated_share(["once", "only"]) == 0
    assert distinct_share(["a", "b", "a", "b"]) == pytest.approx(2 / 3)
    assert distinct_share([]) == 0
