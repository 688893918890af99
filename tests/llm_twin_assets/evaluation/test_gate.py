"""The gate's three answers, each with its reason."""

import pytest

from llm_twin_assets.evaluation.bootstrap import Improvement
from llm_twin_assets.evaluation.gate import Contest, by_scores, without_scores

BETTER = Improvement(0.04, 0.03, 0.05, 5, 5)
TIE = Improvement(0.001, -0.01, 0.012, 3, 5)
WORSE = Improvement(-0.04, -0.05, -0.03, 0, 5)
FEW_BETTER = Improvement(0.04, None, None, 2, 2)
FEW_MIXED = Improvement(0.04, None, None, 1, 2)


@pytest.mark.parametrize(
    ("contest", "outcome", "reason"),
    [
        (Contest("new", "new", False, 5), "keep", "champion itself"),
        (Contest("new", "new", False, 0), "keep", "champion itself"),
        (Contest("new", "new", True, 5), "keep", "champion itself"),
        (Contest("new", "old", True, 5), "keep", "quarantine"),
        (Contest("new", "old", True, 0), "keep", "quarantine"),
        (Contest("new", None, True, 5), "refuse", "quarantine"),
        (Contest("new", None, False, 0), "refuse", "no test document"),
        (Contest("new", "old", False, 0), "refuse", "no test document"),
    ],
)
def test_some_decisions_need_no_model_to_be_run(contest, outcome, reason):
    decision = without_scores(contest)
    assert decision.outcome == outcome
    assert reason in decision.reason


@pytest.mark.parametrize("contest", [Contest("new", None, False, 1), Contest("new", "old", False, 5)])
def test_the_others_wait_for_scores(contest):
    assert without_scores(contest) is None


@pytest.mark.parametrize(
    ("over_base", "over_champion", "outcome"),
    [
        (BETTER, None, "promote"),
        (FEW_BETTER, None, "promote"),
        (BETTER, BETTER, "promote"),
        (BETTER, FEW_BETTER, "promote"),
        (BETTER, TIE, "keep"),
        (BETTER, WORSE, "keep"),
        (BETTER, FEW_MIXED, "keep"),
        (TIE, None, "refuse"),
        (WORSE, None, "refuse"),
        (FEW_MIXED, None, "refuse"),
        (TIE, BETTER, "refuse"),
        (WORSE, TIE, "refuse"),
    ],
)
def test_scores_decide(over_base, over_champion, outcome):
    decision = by_scores(over_base, over_champion)
    assert decision.outcome == outcome
    assert str(over_champion if outcome == "keep" else over_base).split(",")[0] in decision.reason
