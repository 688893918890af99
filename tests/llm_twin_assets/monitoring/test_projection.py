"""The projection: fixed on the reference, the same whatever the order of its rows."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from llm_twin_assets.monitoring.projection import fixed_on


def reference(seed=0):
    return np.random.default_rng(seed).normal(size=(200, 6)) * np.array([5, 3, 1, 1, 0.5, 0.1]) + 2


def test_the_axes_are_the_principal_ones():
    rows = reference()
    known = PCA(2).fit(rows)
    made = fixed_on(rows)
    np.testing.assert_allclose(np.abs(made.of(rows)), np.abs(known.transform(rows)), atol=1e-8)
    np.testing.assert_allclose(made.shares, known.explained_variance_ratio_)


def test_a_window_does_not_move_the_reference():
    made = fixed_on(reference())
    before = made.of(reference())
    made.of(reference(1) + 100)
    np.testing.assert_array_equal(made.of(reference()), before)
    assert made.of(reference(1) + 100).mean() != pytest.approx(before.mean(), abs=10)


def test_the_order_of_rows_turns_no_axis_round():
    rows = reference()
    shuffled = np.random.default_rng(3).permutation(rows)
    np.testing.assert_allclose(fixed_on(shuffled).of(rows), fixed_on(rows).of(rows), atol=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_the_larger_end_of_an_axis_is_positive(seed):
    """Which end the library calls positive hangs on its rounding, so it must not show."""
    axes = fixed_on(reference(seed)).axes
    assert all(axis[np.abs(axis).argmax()] > 0 for axis in axes)
