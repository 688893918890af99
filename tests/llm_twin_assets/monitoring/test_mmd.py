"""The two-sample test: its statistic by hand, its level under the null, its blindness to order and names."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_twin_assets.monitoring.mmd import energy, gaussian, permutation_test
from tests.llm_twin_assets.monitoring.simulated import spread_bound, traffic

TRIALS = 300
PERMUTATIONS = 199


def alone(count):
    return [str(number) for number in range(count)]


def found(first, second, kernel=gaussian, seed=0, permutations=PERMUTATIONS):
    values = np.concatenate([first.vectors, second.vectors])
    return permutation_test(kernel(values), first.sessions, second.sessions, permutations, seed)


def by_hand(kernel, first, second):
    """The unbiased MMD² as printed, over sessions, in loops."""
    sides = [sorted(set(first)), sorted(set(second))]
    rows = {(0, one): [at for at, name in enumerate(first) if name == one] for one in sides[0]} | {
        (1, one): [len(first) + at for at, name in enumerate(second) if name == one] for one in sides[1]
    }

    def mean(one, other):
        return np.mean([kernel[a, b] for a in rows[one] for b in rows[other]])

    def within(side):
        keys = [key for key in rows if key[0] == side]
        return np.mean([mean(one, other) for one in keys for other in keys if one != other])

    across = np.mean([mean(one, other) for one in rows if not one[0] for other in rows if other[0]])
    return within(0) + within(1) - 2 * across


def test_the_statistic_is_the_printed_one_over_sessions():
    random = np.random.default_rng(1)
    kernel = gaussian(random.normal(size=(13, 3)))
    first, second = ["a", "a", "b", "c", "c", "c", "d"], ["a", "e", "e", "f", "g", "g"]
    tested = permutation_test(kernel, first, second, 9, 0)
    assert tested.statistic == pytest.approx(by_hand(kernel, first, second), abs=1e-6)


def test_half_the_energy_distance_is_the_squared_difference_of_shares():
    values = np.array([1.0, 0, 0, 0, 1, 1, 1, 0])
    biased = [energy(values)[a][:, b].mean() for a, b in ((slice(4), slice(4)), (slice(4, 8), slice(4, 8)))]
    across = energy(values)[:4, 4:].mean()
    assert sum(biased) - 2 * across == pytest.approx(2 * (0.25 - 0.75) ** 2)


def test_the_width_is_the_median_distance():
    values = np.array([[0.0], [1.0], [3.0]])
    assert gaussian(values)[0, 2] == pytest.approx(np.exp(-9 / (2 * 4)))


def test_equal_vectors_have_a_kernel_of_ones():
    assert (gaussian(np.ones((4, 2))) == 1).all()


@pytest.mark.parametrize(("session", "size"), [(1, 60), (10, 120)])
def test_p_values_are_uniform_where_nothing_changed(session, size):
    """Permuting single questions of sessions of ten instead gives p ≤ 0.05 in half of the trials."""
    random = np.random.default_rng(5)
    p_values = np.sort(
        [
            found(traffic(random, 2 * size, session), traffic(random, size, session), seed=trial).p_value
            for trial in range(TRIALS)
        ]
    )
    gaps = np.abs(p_values - np.arange(1, TRIALS + 1) / TRIALS)
    assert gaps.max() <= spread_bound(TRIALS) + 1 / (1 + PERMUTATIONS)
    assert (p_values <= 0.05).mean() <= 0.09


def test_permuting_single_questions_of_sessions_alarms_far_too_often():
    random = np.random.default_rng(5)
    alarms = 0
    for trial in range(60):
        first, second = traffic(random, 200, 10), traffic(random, 100, 10)
        kernel = gaussian(np.concatenate([first.vectors, second.vectors]))
        alarms += permutation_test(kernel, alone(200), alone(100), PERMUTATIONS, trial).p_value <= 0.05
    assert alarms > 20


@pytest.mark.parametrize("count", [60, 200])
def test_p_values_of_zeros_and_ones_are_never_too_small(count):
    """Draws that are equal but for rounding must count: of shares, many are."""
    random = np.random.default_rng(3)
    small = 0
    for trial in range(TRIALS):
        values = (random.random(count) < 0.1).astype(float)
        tested = permutation_test(energy(values), alone(count // 2), alone(count // 2), PERMUTATIONS, trial)
        small += tested.p_value <= 0.05
    assert small / TRIALS <= 0.05 + 3 * (0.05 * 0.95 / TRIALS) ** 0.5


def test_scores_that_are_all_equal_differ_in_nothing():
    tested = permutation_test(energy(np.full(40, 0.3)), alone(20), alone(20), 99, 0)
    assert tested.p_value == 1
    assert tested.effect == 0


def test_a_new_topic_is_seen_and_the_smallest_p_value_is_not_zero():
    random = np.random.default_rng(0)
    tested = found(traffic(random, 400), traffic(random, 100, moved=0.4))
    assert tested.p_value == 1 / (1 + PERMUTATIONS)
    assert tested.effect > 0.01


def test_the_effect_of_a_share_grows_with_its_square():
    random = np.random.default_rng(0)
    effects = [
        found(traffic(random, 1000), traffic(random, 1000, moved=moved)).effect for moved in (0.2, 0.4)
    ]
    assert effects[1] / effects[0] == pytest.approx(4, rel=0.4)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_rows_is_of_no_consequence(seed):
    random = np.random.default_rng(seed)
    first, second = traffic(random, 60, 3), traffic(random, 40, 2, moved=0.2)
    before = found(first, second)
    after = found(first.rows(random.permutation(60)), second.rows(random.permutation(40)))
    assert after.p_value == pytest.approx(before.p_value, abs=1 / (1 + PERMUTATIONS))
    assert after.statistic == pytest.approx(before.statistic, abs=1e-6)


def test_a_session_that_stands_in_both_samples_is_two():
    """Otherwise its questions would be averaged over the samples that are to be told apart."""
    random = np.random.default_rng(4)
    first, second = traffic(random, 60, 3), traffic(random, 60, 3, moved=1.0)
    kernel = gaussian(np.concatenate([first.vectors, second.vectors]))
    renamed = [f"other {name}" for name in second.sessions]
    same = permutation_test(kernel, first.sessions, second.sessions, 99, 0)
    other = permutation_test(kernel, first.sessions, renamed, 99, 0)
    assert same.statistic == pytest.approx(other.statistic)
    assert same.p_value == other.p_value == 0.01


def test_the_same_seed_gives_the_same_and_another_another():
    random = np.random.default_rng(4)
    first, second = traffic(random, 100), traffic(random, 60)
    assert found(first, second, seed=1) == found(first, second, seed=1)
    assert len({found(first, second, seed=seed).p_value for seed in range(5)}) > 1


def test_one_session_cannot_be_compared():
    random = np.random.default_rng(4)
    with pytest.raises(ValueError, match="fewer than 2 sessions"):
        found(traffic(random, 20), traffic(random, 20, session=20))


def test_two_hundred_against_a_thousand_takes_under_a_second_of_the_processor():
    random = np.random.default_rng(4)
    first, second = traffic(random, 1000), traffic(random, 200)
    found(first, second)
    started = time.process_time()
    found(first, second, permutations=999)
    assert time.process_time() - started < 1
