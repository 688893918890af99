"""How many documents are asked for: with so many a true effect is shown four times in five, by simulation."""

import numpy as np
import pytest

from llm_twin_assets.evaluation.power import documents_for_win_rate, documents_needed, need, power
from tests.llm_twin_assets.evaluation.simulated import TRIALS, chance, promoted, won
from tests.llm_twin_assets.evaluation.test_bootstrap import found

ENOUGH = 0.8 - chance(0.8)


@pytest.mark.parametrize("rate", [0.6, 0.65, 0.7, 0.8, 0.9])
def test_a_true_win_rate_is_promoted_at_the_number_asked_for(rate):
    documents = documents_for_win_rate(rate)
    assert promoted(won(np.random.default_rng(2), rate, TRIALS, documents)) >= ENOUGH


def test_a_win_rate_of_sixty_percent_is_promoted_four_times_in_five():
    assert promoted(won(np.random.default_rng(2), 0.6, 2 * TRIALS, documents_for_win_rate(0.6))) >= 0.8


def test_fewer_than_asked_for_would_not_do():
    assert promoted(won(np.random.default_rng(2), 0.6, TRIALS, documents_for_win_rate(0.6) * 3 // 4)) < 0.75


@pytest.mark.parametrize(("rate", "sign_test"), [(0.55, 783), (0.60, 194), (0.65, 85)])
def test_the_numbers_lie_just_above_the_sign_tests(rate, sign_test):
    assert sign_test < documents_for_win_rate(rate) <= sign_test + 15


@pytest.mark.parametrize("items", [4, 10])
def test_several_items_a_document_need_fewer_documents(items):
    documents = documents_for_win_rate(0.6, items)
    assert documents < documents_for_win_rate(0.6) / items * 1.5
    assert promoted(won(np.random.default_rng(4), 0.6, TRIALS, documents, items)) >= ENOUGH


def test_items_that_agree_within_their_document_are_worth_less():
    free, half, one = (documents_for_win_rate(0.6, 10, correlation) for correlation in (0.0, 0.5, 1.0))
    assert free < half < one
    assert one == pytest.approx(documents_for_win_rate(0.6), abs=8)


def test_correlated_items_reach_the_power_too():
    """Each document has its own win rate, beta around 0.6, whose items correlate by 1 / (a + b + 1)."""
    random, documents = np.random.default_rng(6), documents_for_win_rate(0.6, 5, 0.2)
    rates = random.beta(0.6 * 4, 0.4 * 4, (TRIALS, documents))
    assert promoted(random.binomial(5, rates) / 5 - 0.5) >= ENOUGH


@pytest.mark.parametrize("effect", [1.5, 0.8, 0.5, 0.3])
def test_a_true_gain_is_shown_at_the_number_asked_for(effect):
    documents = documents_needed(effect, 1.0)
    drawn = np.random.default_rng(8).normal(effect, 1.0, (TRIALS, documents))
    assert promoted(drawn) >= ENOUGH
    assert power(documents, effect, 1.0) >= 0.8
    assert promoted(drawn[:, : documents // 2]) < 0.75


def test_power_is_that_of_the_textbook():
    """Cohen's table: 33 pairs show half a standard deviation four times in five; without one, 1 in 40."""
    assert power(33, 0.5, 1.0) == pytest.approx(0.80, abs=0.01)
    assert power(20, 1e-9, 1.0) == pytest.approx(0.025, abs=1e-6)
    assert power(33, 0.5, 1.0) == pytest.approx(power(33, 5.0, 10.0))


def test_where_there_is_nothing_to_show_no_number_is_told():
    assert documents_needed(0.0, 1.0) is None
    assert documents_needed(-0.1, 1.0) is None
    assert power(30, -0.1, 1.0) == 0
    assert power(4, 5.0, 1.0) == 0


def test_equal_gains_need_few():
    assert documents_needed(0.1, 0.0) <= 8
    assert power(6, 0.1, 0.0) == 1


def test_a_tiny_effect_needs_very_many_but_a_number():
    assert 7_000_000 < documents_needed(0.001, 1.0) < 9_000_000


def test_what_is_missing_is_what_is_needed_beyond_what_there_is():
    seen = found([0.03, -0.02, 0.04, 0.01, 0.0, 0.02])
    wanted = need(seen, seen.mean)
    assert wanted.documents == documents_needed(seen.mean, seen.spread)
    assert wanted.missing == wanted.documents - 6 > 0
    assert 0 < wanted.power < 0.8
    assert need(seen, 10.0).missing <= 2
    assert need(found([0.1] * 40), 0.1).missing == 0
    assert (need(seen, -1.0).documents, need(seen, -1.0).missing) == (None, None)


@pytest.mark.parametrize("rate", [0.5, 0.3, 1.01, float("nan")])
def test_no_number_of_documents_shows_what_is_no_win(rate):
    with pytest.raises(ValueError, match="not above one half"):
        documents_for_win_rate(rate)
