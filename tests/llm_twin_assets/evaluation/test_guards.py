"""Guards: what is shown to be worse than its margin fails, what is shown not to be holds, else it is open."""

import math

import numpy as np
import pytest

from llm_twin_assets.evaluation.guards import Finding, Guard, judged, told
from llm_twin_assets.evaluation.power import documents_needed
from tests.llm_twin_assets.evaluation.simulated import NOISES, TRIALS, chance, ends, gains
from tests.llm_twin_assets.evaluation.test_bootstrap import paired

# Equals failed: the level's 2.5 %, and what so many trials add to it by chance.
MOST = 0.025 + chance(0.025)
NEAR = [0.01, -0.01, 0.005, -0.002, 0.0, -0.004, 0.003, 0.001]


def verdict(gained, margin=0.02):
    return judged(Guard("answers", margin, paired(gained)))


@pytest.mark.parametrize(
    ("gained", "expected"),
    [
        (NEAR, "holds"),
        ([0.5 + gain for gain in NEAR], "holds"),
        ([0.0] * 6, "holds"),
        ([gain - 0.1 for gain in NEAR], "fails"),
        ([gain - 0.02 for gain in NEAR], "undecided"),
        ([30 * gain for gain in NEAR], "undecided"),
        ([-1.0] * 5, "undecided"),
        ([-1.0] * 6, "fails"),
        ([-0.01, 0.0], "holds"),
        ([0.1, -0.05], "undecided"),
    ],
)
def test_three_verdicts(gained, expected):
    assert verdict(gained).verdict == expected


def test_equal_scores_hold_without_any_margin():
    assert verdict([0.0] * 8, 0.0).verdict == "holds"
    assert verdict(NEAR, 0.0).verdict == "undecided"


def test_an_open_verdict_says_how_many_documents_would_settle_it():
    found = verdict([30 * gain for gain in NEAR], 0.05)
    distance = found.change.mean + 0.05
    assert found.missing == documents_needed(distance, found.change.spread) - len(NEAR) > 0
    assert f"at least {found.missing} more test documents would tell" in found.reason
    assert verdict([-1.0] * 5).missing >= 1


def test_a_settled_verdict_asks_for_nothing():
    failed = verdict([gain - 0.1 for gain in NEAR])
    assert failed.missing is None
    assert failed.reason.startswith("guard answers fails (margin 0.02): -0.09")
    assert verdict(NEAR).missing is None


def test_where_no_number_would_settle_it_none_is_told():
    assert verdict([-0.02 + gain for gain in (0.01, -0.01, 0.02, -0.02, 0.0)]).reason.endswith("better")


@pytest.mark.parametrize("margin", [-0.1, math.nan, math.inf])
def test_a_margin_is_a_bound(margin):
    with pytest.raises(ValueError, match="guard answers: a margin"):
        verdict(NEAR, margin)


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("documents", [5, 10, 30, 100])
@pytest.mark.parametrize("margin", [0.0, 0.2])
def test_an_equal_guard_is_rarely_failed(documents, noise, margin):
    _, high = ends(gains(np.random.default_rng(21), noise, TRIALS, documents))
    assert (high < -margin).mean() <= MOST


@pytest.mark.parametrize("documents", [10, 100])
def test_a_guard_just_at_its_margin_is_failed_and_held_equally_rarely(documents):
    low, high = ends(gains(np.random.default_rng(23), "normal", TRIALS, documents, -0.5))
    assert (high < -0.5).mean() <= MOST
    assert (low >= -0.5).mean() <= MOST


def test_a_loss_of_twice_the_margin_fails_at_adequate_numbers():
    """One margin beyond the bound, with spread sqrt(1.25) a document: shown four times in five."""
    margin = 0.5
    documents = documents_needed(margin, 1.25**0.5)
    random = np.random.default_rng(22)
    _, high = ends(gains(random, "normal", TRIALS, documents, -2 * margin))
    assert (high < -margin).mean() >= 0.8 - chance(0.8)
    _, high = ends(gains(random, "normal", TRIALS, 2 * documents, -2 * margin))
    assert (high < -margin).mean() >= 0.97


def test_a_verdict_is_what_the_simulated_ends_say():
    for row in gains(np.random.default_rng(9), "normal", 20, 12, -0.5):
        low, high = (end[0] for end in ends(row[None, :]))
        expected = "fails" if high < -0.3 else "holds" if low >= -0.3 else "undecided"
        assert verdict(row.tolist(), 0.3).verdict == expected


def test_findings_are_counted_and_the_first_is_told():
    findings = [
        Finding("verbatim_run", "answer 3", "61 tokens"),
        Finding("personal_data", "answer 9", "e-mail"),
    ]
    assert told(findings) == "zero-tolerance findings: 2, the first verbatim_run in answer 3: 61 tokens"
