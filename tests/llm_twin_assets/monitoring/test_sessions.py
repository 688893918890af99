"""Sessions: who belongs together, and that each counts once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_twin_assets.monitoring.sessions import averaged, count, halves, numbered, sessions_of

NAMES = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=30)


def test_a_request_without_a_thread_is_its_own_session():
    found = sessions_of(["t", None, "t", None, ""], ["1", "2", "3", "4", "5"])
    assert found[0] == found[2]
    assert count(found) == 4


def test_a_thread_called_like_a_request_is_not_taken_for_it():
    assert count(sessions_of(["1", None], ["0", "1"])) == 2


def test_a_request_without_its_trace_is_an_error():
    with pytest.raises(ValueError, match="shorter"):
        sessions_of(["t", None], ["1"])


@settings(deadline=None)
@given(NAMES)
def test_numbers_follow_the_names_and_not_the_rows(names):
    found = dict(zip(names, numbered(names).tolist(), strict=True))
    assert found == {name: rank for rank, name in enumerate(sorted(set(names)))}


@settings(deadline=None)
@given(NAMES)
def test_no_session_is_in_both_halves_and_none_is_lost(names):
    early, late = halves(names)
    assert {names[row] for row in early} & {names[row] for row in late} == set()
    assert sorted([*early, *late]) == list(range(len(names)))
    assert count([names[row] for row in early]) == len(set(names)) // 2


def test_the_earlier_half_is_what_began_first():
    early, late = halves(["z", "z", "a", "z", "b", "c"])
    assert early.tolist() == [0, 1, 2, 3]
    assert late.tolist() == [4, 5]


@settings(deadline=None)
@given(NAMES, st.integers(1, 3))
def test_the_means_are_those_of_each_session(names, width):
    values = np.random.default_rng(len(names)).normal(size=(len(names), width))
    numbers = numbered(names)
    expected = [values[numbers == number].mean(axis=0) for number in range(len(set(names)))]
    np.testing.assert_allclose(averaged(values, numbers), expected)
    np.testing.assert_allclose(averaged(values[:, 0], numbers), np.array(expected)[:, 0])


def test_a_session_counts_once_however_much_it_asked():
    assert averaged(np.array([0.0, 1, 1, 1]), numbered(["a", "b", "b", "b"])).mean() == pytest.approx(0.5)
