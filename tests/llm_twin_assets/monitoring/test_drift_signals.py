"""Scores as samples: what was not measured, which way does harm, what is stale, and Holm's adjustment."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_twin_assets.monitoring.drift_signals import (
    QUESTIONS,
    Sample,
    compared,
    harm,
    holm,
    novel,
    sample,
    stale,
    stale_share,
)
from llm_twin_assets.monitoring.windows import Window

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def scored(values, sessions=None):
    values = np.asarray(values, dtype=float)
    return Sample(values, sessions or [str(number) for number in range(len(values))])


def test_requests_that_were_not_measured_are_no_part_of_the_sample():
    window = Window(np.eye(3), ["a", "b", "b"], {"style": np.array([0.1, np.nan, 0.3])})
    found = sample(window, "style")
    assert found.values.tolist() == [0.1, 0.3]
    assert found.sessions == ["a", "b"]
    assert len(sample(window, QUESTIONS)) == 3
    assert len(sample(window, "unheard of")) == 0


def test_a_session_counts_once_in_the_mean():
    assert scored([0, 1, 1, 1], ["a", "b", "b", "b"]).mean() == pytest.approx(0.5)


def test_a_score_that_fell_has_a_negative_effect_in_standard_deviations():
    random = np.random.default_rng(0)
    before, after = random.normal(0.6, 0.1, 500), random.normal(0.55, 0.1, 200)
    p_value, effect = compared(scored(before), scored(after), 199, 0)
    assert p_value == 1 / 200
    assert effect == pytest.approx(-0.5, abs=0.15)


def test_a_share_that_rose_is_seen_as_a_score_of_zeros_and_ones():
    random = np.random.default_rng(0)
    before, after = (random.random(600) < 0.05), (random.random(200) < 0.2)
    p_value, effect = compared(scored(before), scored(after), 199, 0)
    assert p_value <= 0.01
    assert effect > 0.2


def test_equal_scores_have_no_effect():
    assert compared(scored(np.ones(30)), scored(np.ones(30)), 99, 0) == (1.0, 0.0)


def test_harm_is_counted_in_the_direction_that_matters():
    assert harm("style", -0.3) == pytest.approx(0.3)
    assert harm("style", 0.3) == pytest.approx(-0.3)
    assert harm("novel", 0.3) == pytest.approx(0.3)
    assert harm("words", -0.3) == harm("words", 0.3) == pytest.approx(0.3)
    assert harm(QUESTIONS, -0.3) == pytest.approx(-0.3)


def test_a_question_is_novel_below_the_threshold():
    assert novel([0.2, 0.39, 0.5], 0.39).tolist() == [1, 0, 0]


def test_an_answer_is_stale_where_anything_it_cites_is_gone():
    found = stale([["h1"], ["h1", "gone"], [], {"h2"}], ["h1", "h2"])
    assert found[[0, 1, 3]].tolist() == [0, 1, 0]
    assert np.isnan(found[2])


def test_the_stale_share_is_of_the_answers_that_cite():
    window = Window(np.eye(4), list("abcd"), {"stale": np.array([0, 1, np.nan, 1.0])})
    assert stale_share(window) == pytest.approx(2 / 3)
    assert stale_share(Window(np.eye(1), ["a"], {"stale": np.array([np.nan])})) is None


def test_holm_on_a_worked_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@settings(deadline=None)
@given(P_VALUES)
def test_holm_rejects_what_stepping_down_rejects(p_values):
    """The procedure itself: from the smallest, until one is above the level over the number that is left."""
    for level in (0.01, 0.05, 0.3):
        rejected, left = set(), len(p_values)
        for position in sorted(range(len(p_values)), key=lambda at: p_values[at]):
            if p_values[position] * left > level:
                break
            rejected.add(position)
            left -= 1
        assert {at for at, value in enumerate(holm(p_values)) if value <= level} == rejected


@settings(deadline=None)
@given(P_VALUES)
def test_holm_makes_nothing_smaller_and_nothing_above_one(p_values):
    adjusted = holm(p_values)
    assert all(p <= q <= 1 for p, q in zip(p_values, adjusted, strict=True))


def test_holm_of_nothing_is_nothing():
    assert holm([]) == []
