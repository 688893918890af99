"""The published rules against their definitions, taken step by step with the libraries that they name."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from llm_twin_assets.monitoring import published_rules
from llm_twin_assets.monitoring.published_rules import (
    RULES,
    cosine_rule,
    evidently_default,
    evidently_model,
    evidently_ratio,
    population_stability,
    psi_rule,
    wasserstein,
)


def normal(count, mean=0.0, width=4, seed=0):
    return np.random.default_rng(seed).normal(mean, 1, (count, width))


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 40), st.integers(2, 40), st.integers(0, 1000))
def test_the_distance_of_each_component_is_scipys(first, second, seed):
    reference, window = normal(first, seed=seed), normal(second, 0.5, seed=seed + 1)
    reference[0] = window[0]
    expected = [wasserstein_distance(reference[:, at], window[:, at]) for at in range(4)]
    np.testing.assert_allclose(wasserstein(reference, window), expected, atol=1e-12)


def auc(reference, window):
    rows, sides = np.concatenate([reference, window]), [1] * len(reference) + [0] * len(window)
    seen, held, known, truth = train_test_split(rows, sides, test_size=0.5, random_state=42, shuffle=True)
    model = SGDClassifier(loss="log_loss", random_state=42).fit(seen, known)
    return roc_auc_score(truth, model.predict_proba(held)[:, 1]), truth


@pytest.mark.parametrize("mean", [0.0, 0.1, 0.2, 0.5])
def test_the_model_rule_compares_the_held_out_auc_with_its_cut(mean):
    reference, window = normal(400), normal(200, mean, seed=1)
    found, truth = auc(reference, window)
    drawn = []
    for seed in range(100):
        np.random.seed(seed)
        drawn.append(roc_auc_score(truth, np.random.rand(len(truth))))
    assert evidently_model(reference, window, bootstrap=False) == (found > 0.55)
    assert evidently_model(reference, window, bootstrap=True) == (found > np.percentile(drawn, 95))


def test_the_default_takes_its_cut_by_the_size_of_the_reference(monkeypatch):
    asked = []
    monkeypatch.setattr(published_rules, "evidently_model", lambda *_, bootstrap: asked.append(bootstrap))
    for count in (999, 1000):
        evidently_default(normal(count), normal(50))
    assert asked == [True, False]


def test_the_ratio_rule_needs_more_than_a_fifth_of_the_components():
    reference = normal(3000, width=10)
    window = reference.copy()
    window[:, :2] += 1
    assert not evidently_ratio(reference, window)
    window[:, 2] += 1
    assert evidently_ratio(reference, window)


def test_a_component_has_drifted_from_a_tenth_of_a_standard_deviation():
    reference = normal(2000, width=1)
    assert not evidently_ratio(reference, reference + 0.099 * reference.std())
    assert evidently_ratio(reference, reference + 0.101 * reference.std())


def test_the_stability_index_by_hand_in_deciles():
    reference = np.arange(1000, dtype=float)[:, None]
    window = np.arange(500, dtype=float)[:, None]
    # Five bins of a tenth hold a fifth each, five hold nothing.
    expected = 5 * (0.1 - 0.2) * np.log(0.1 / 0.2) + 5 * (0.1 - 0.0001) * np.log(0.1 / 0.0001)
    assert population_stability(reference, window)[0] == pytest.approx(expected, rel=1e-6)
    assert population_stability(reference, reference)[0] == pytest.approx(0)


def test_the_stability_rule_takes_the_mean_over_components():
    reference = normal(5000, width=4)
    one_moved = reference + np.array([0.7, 0, 0, 0])
    assert population_stability(reference, one_moved).max() > 0.2
    assert not psi_rule(reference, one_moved)
    assert psi_rule(reference, reference + 0.7)


def test_the_cosine_rule_looks_at_the_means_alone():
    first, second = np.array([[1.0, 0.0]]), np.array([[np.cos(0.4), np.sin(0.4)], [np.cos(0.5), np.sin(0.5)]])
    assert not cosine_rule(first, second)
    assert cosine_rule(first, second + np.array([0, 0.1]))
    assert not cosine_rule(normal(200, 5.0), 3 * normal(200, 5.0, seed=1))


def test_every_rule_sees_another_distribution_and_says_so_in_a_truth_value():
    reference, window = normal(1000, 1.0, width=8), normal(200, -2.0, width=8, seed=1)
    for name, rule in RULES.items():
        assert rule(reference, window) is True, name


def test_no_rule_but_those_of_fixed_cuts_on_small_samples_alarms_on_the_same_rows():
    reference = normal(2000, 1.0, width=8)
    for name, rule in RULES.items():
        assert rule(reference, reference) is False, name
