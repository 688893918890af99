"""The interval and what is certain: ties must rarely look like gains, real gains must be seen."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_twin_assets.evaluation.bootstrap import FEWEST, Improvement, Paired, improvement, interval, intervals
from tests.llm_twin_assets.evaluation.simulated import NOISES, TRIALS, chance, gains, promoted, won

# What an adapter gained on five validation documents of the manual, in bits per byte.
REAL = [0.027, 0.035, 0.042, 0.041, 0.045]
# Ties promoted: the level's 2.5 %, and what so many trials add to it by chance.
MOST = 0.025 + chance(0.025)


def paired(gained):
    """One item a document."""
    return Paired([f"d{number}" for number in range(len(gained))], [0.0] * len(gained), gained)


def found(gained):
    return improvement(paired(gained))


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("documents", [5, 10, 30, 100])
def test_simulated_ties_are_promoted_at_most_as_often_as_the_level_says(documents, noise):
    assert promoted(gains(np.random.default_rng(11), noise, TRIALS, documents)) <= MOST


@pytest.mark.parametrize("documents", [5, 10, 30, 100])
@pytest.mark.parametrize("items", [1, 3])
def test_ties_of_items_that_are_won_or_lost_are_no_exception(documents, items):
    assert promoted(won(np.random.default_rng(5), 0.5, TRIALS, documents, items)) <= MOST


@pytest.mark.parametrize("noise", NOISES)
def test_a_tie_is_lost_as_seldom_as_it_is_won(noise):
    assert promoted(-gains(np.random.default_rng(12), noise, TRIALS, 10)) <= MOST


def test_many_items_of_a_document_prove_no_more_than_the_document():
    """As if independent, the same 200 items of five documents would promote one tie in three."""
    random = np.random.default_rng(3)
    drawn = random.normal(size=(TRIALS, 5, 1)) + 0.1 * random.normal(size=(TRIALS, 5, 40))
    assert promoted(drawn.mean(axis=2)) <= MOST
    assert promoted(drawn.reshape(TRIALS, 200)[:100]) > 0.25


def test_a_real_gain_is_certain_also_on_five_documents():
    real = found(REAL)
    assert real.is_certain
    assert 0 < real.low < real.mean < real.high
    assert real.mean == pytest.approx(0.038)
    assert (real.improved, real.documents, real.items, real.differing) == (5, 5, 5, 5)
    assert real.spread == pytest.approx(np.std(REAL, ddof=1))


def test_gains_here_and_losses_there_are_not_certain():
    mixed = found([0.03, -0.03, 0.01, -0.01, 0.002])
    assert not mixed.is_certain
    assert not mixed.is_worse


def test_a_loss_is_certain_as_a_loss():
    loss = found([-gain for gain in REAL])
    assert loss.is_worse
    assert not loss.is_certain
    assert loss.improved == 0


def test_the_same_gains_give_the_same_interval_in_any_order_of_calls():
    first = interval(np.array(REAL))
    interval(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    assert interval(np.array(REAL)) == first


def test_equal_gains_have_an_interval_of_one_point():
    assert interval(np.array([0.1] * 6)) == pytest.approx((0.1, 0.1))
    assert interval(np.array([0.0] * 5)) == (0.0, 0.0)
    assert not found([0.0] * 6).is_certain


def test_five_equal_gains_may_be_luck():
    """Five ties that are won or lost are all won once in 32, which is more than one in 40."""
    assert interval(np.array([1.0] * 5)) == (-math.inf, math.inf)
    unbounded = found([1.0] * 5)
    assert (unbounded.low, unbounded.high, unbounded.is_certain) == (None, None, False)
    assert "unbounded to unbounded" in str(unbounded)


@pytest.mark.parametrize(
    ("wins", "losses", "certain"), [(6, 1, False), (10, 1, True), (19, 1, True), (12, 5, False)]
)
def test_lone_losses_weigh_as_much_as_they_should(wins, losses, certain):
    assert found([1.0] * wins + [-1.0] * losses).is_certain is certain


def test_the_interval_is_never_narrower_than_students():
    low, high = interval(np.array(REAL))
    mean, error = np.mean(REAL), np.std(REAL, ddof=1) / len(REAL) ** 0.5
    assert low <= mean - 2.776 * error
    assert high >= mean + 2.776 * error


NUMBERS = st.lists(st.floats(-100, 100).map(lambda number: round(number, 3)), min_size=6, max_size=12)


@settings(max_examples=25, deadline=None)
@given(NUMBERS)
def test_exchanging_the_models_mirrors_the_interval(numbers):
    low, high = interval(np.array(numbers))
    mirrored = interval(-np.array(numbers))
    assert mirrored == pytest.approx((-high, -low), abs=1e-6)
    assert low <= np.mean(numbers) <= high


def test_many_comparisons_at_once_are_the_same_as_one_by_one():
    drawn = np.random.default_rng(1).normal(size=(8, 7))
    together = np.stack(intervals(drawn), axis=1)
    assert together == pytest.approx(np.array([interval(row) for row in drawn]))


@pytest.mark.parametrize(
    ("gained", "unanimous"),
    [([0.1], True), ([0.1, 0.2, 0.1, 0.3], True), ([0.1, -0.1], False), ([0.1, 0.0], False), (REAL, False)],
)
def test_below_five_documents_there_is_no_interval_but_there_may_be_unanimity(gained, unanimous):
    small = found(gained)
    assert small.is_unanimous is unanimous
    if len(gained) < FEWEST:
        assert (small.low, small.high, small.is_certain) == (None, None, False)
        assert "no interval" in str(small)


def test_a_document_counts_once_however_many_items_it_has():
    items = Paired(["long"] * 3 + ["short"], [0.0] * 4, [0.3, 0.1, 0.2, 1.0])
    assert sorted(items.gains()) == pytest.approx([0.2, 1.0])
    assert (improvement(items).documents, improvement(items).items) == (2, 4)


ITEMS = st.lists(st.tuples(st.sampled_from("abcdefg"), st.floats(-9, 9), st.floats(-9, 9)), min_size=1)


@settings(max_examples=50, deadline=None)
@given(ITEMS, st.randoms())
def test_the_order_of_items_does_not_matter(items, random):
    shuffled = random.sample(items, len(items))
    one, other = (Paired(*zip(*order, strict=True)).gains() for order in (items, shuffled))
    assert one == pytest.approx(other)
    table = pd.DataFrame(items, columns=["document", "before", "after"])
    grouped = (table["after"] - table["before"]).groupby(table["document"]).mean()
    assert one == pytest.approx(grouped.to_numpy())


@pytest.mark.parametrize(
    ("scores", "complaint"),
    [
        (([], [], []), "no document"),
        ((["a"], [1.0, 2.0], [1.0]), "every item"),
        ((["a", "b"], [1.0], [1.0]), "every item"),
        ((["a"], [1.0], [math.nan]), "not a finite number"),
        ((["a"], [math.inf], [1.0]), "not a finite number"),
    ],
)
def test_scores_that_cannot_be_compared_are_refused(scores, complaint):
    with pytest.raises(ValueError, match=complaint):
        Paired(*scores)


def test_identical_items_are_told_from_gains_that_cancel():
    same = improvement(Paired(["a", "a"], [0.2, 0.4], [0.2, 0.4]))
    cancelled = improvement(Paired(["a", "a"], [0.2, 0.4], [0.4, 0.2]))
    assert (same.differing, cancelled.differing) == (0, 2)
    assert same.mean == cancelled.mean == 0


def test_no_document_is_neither_certain_nor_unanimous():
    assert not Improvement(0.0, None, None, 0, 0).is_certain
    assert not Improvement(0.0, None, None, 0, 0).is_unanimous


def test_an_improvement_reads_as_a_sentence():
    told = str(improvement(paired(REAL), "bits per byte"))
    assert told.startswith("0.0380 bits per byte, 95 % interval 0.0")
    assert told.endswith("5 of 5 documents better")
    assert str(found(REAL)).startswith("0.0380, 95 %")
