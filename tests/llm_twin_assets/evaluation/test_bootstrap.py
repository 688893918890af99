"""The interval and what is certain: ties must rarely look like gains, real gains must be seen."""

import numpy as np
import pytest

from llm_twin_assets.evaluation.bootstrap import FEWEST, Improvement, improvement, interval

# What an adapter gained on five validation documents of the manual, in bits per byte.
REAL = [0.027, 0.035, 0.042, 0.041, 0.045]


def gained(gains):
    return improvement([2.0] * len(gains), [2.0 - gain for gain in gains])


@pytest.mark.parametrize("documents", [5, 8])
def test_simulated_ties_are_promoted_at_most_as_often_as_the_level_says(documents):
    """A/A: 2.5 % of ties, and three and a half standard errors of 600 trials for chance."""
    random = np.random.default_rng(7)
    trials = 600
    promoted = sum(gained(random.normal(0, 0.01, documents)).is_certain for _ in range(trials))
    assert promoted <= 0.025 * trials + 3.5 * (trials * 0.025 * 0.975) ** 0.5


def test_a_real_gain_is_certain_also_on_five_documents():
    found = gained(REAL)
    assert found.is_certain
    assert 0 < found.low < found.mean < found.high
    assert found.mean == pytest.approx(0.038)
    assert (found.improved, found.documents) == (5, 5)


def test_gains_here_and_losses_there_are_not_certain():
    assert not gained([0.03, -0.03, 0.01, -0.01, 0.002]).is_certain


def test_a_loss_is_never_certain():
    found = gained([-gain for gain in REAL])
    assert not found.is_certain
    assert found.high < 0
    assert found.improved == 0


def test_the_same_gains_give_the_same_interval_in_any_order_of_calls():
    first = interval(np.array(REAL))
    interval(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    assert interval(np.array(REAL)) == first


def test_equal_gains_have_an_interval_of_one_point():
    assert interval(np.array([0.5] * 6)) == (0.5, 0.5)
    assert not gained([0.0] * 6).is_certain


def test_the_interval_is_never_narrower_than_students():
    low, high = interval(np.array(REAL))
    mean, error = np.mean(REAL), np.std(REAL, ddof=1) / len(REAL) ** 0.5
    assert low <= mean - 2.776 * error
    assert high >= mean + 2.776 * error


@pytest.mark.parametrize(
    ("gains", "certain"),
    [([0.1], True), ([0.1, 0.2, 0.1, 0.3], True), ([0.1, -0.1], False), ([0.1, 0.0], False)],
)
def test_below_five_documents_every_one_must_improve_and_there_is_no_interval(gains, certain):
    assert len(gains) < FEWEST
    found = gained(gains)
    assert (found.low, found.high) == (None, None)
    assert found.is_certain is certain
    assert "no interval" in str(found)


def test_no_document_is_no_comparison():
    with pytest.raises(ValueError, match="no document"):
        improvement([], [])
    assert not Improvement(0.0, None, None, 0, 0).is_certain


def test_an_improvement_reads_as_a_sentence():
    assert str(gained(REAL)).startswith("0.0380 bits per byte, 95 % interval 0.0")
    assert str(gained(REAL)).endswith("5 of 5 documents better")
