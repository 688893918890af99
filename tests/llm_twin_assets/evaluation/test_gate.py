"""The gate's three answers, each with its reason and its evidence."""

import json

import numpy as np
import pytest

from llm_twin_assets.evaluation.bootstrap import Paired, improvement
from llm_twin_assets.evaluation.gate import Contest, Measured, by_scores, without_scores
from llm_twin_assets.evaluation.guards import Finding, Guard, judged
from tests.llm_twin_assets.evaluation.simulated import gains, promoted
from tests.llm_twin_assets.evaluation.test_bootstrap import REAL, found, paired

BETTER = found(REAL)
TIE = found([0.03, -0.02, 0.01, -0.01, 0.002])
LEVEL = found([0.01, -0.01, 0.02, -0.02, 0.0])
WORSE = found([-gain for gain in REAL])
SAME = found([0.0] * 5)
FEW_BETTER = found([0.04, 0.03])
FEW_MIXED = found([0.08, -0.01])
FEW_SAME = found([0.0, 0.0])

HOLDS = judged(Guard("answers", 0.02, paired([0.01, -0.01, 0.0, 0.002, -0.003, 0.001])))
FAILS = judged(Guard("repetition", 0.02, paired([-0.1, -0.12, -0.09, -0.11, -0.1, -0.13])))
OPEN = judged(Guard("refusals", 0.02, paired([0.3, -0.3, 0.2, -0.2, 0.1, -0.05])))
LEAK = Finding("personal_data", "answer 7", "an e-mail address")


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
        (BETTER, TIE, "keep"),
        (BETTER, WORSE, "keep"),
        (BETTER, SAME, "keep"),
        (BETTER, FEW_MIXED, "keep"),
        # Four of four is a tie once in sixteen: against a champion an interval is asked for.
        (BETTER, FEW_BETTER, "keep"),
        (FEW_BETTER, FEW_BETTER, "keep"),
        (TIE, None, "refuse"),
        (SAME, None, "refuse"),
        (FEW_MIXED, None, "refuse"),
        (FEW_SAME, None, "refuse"),
        (TIE, BETTER, "keep"),
        (SAME, BETTER, "keep"),
        (WORSE, None, "refuse"),
        (WORSE, TIE, "refuse"),
        (WORSE, BETTER, "refuse"),
    ],
)
def test_scores_decide(over_base, over_champion, outcome):
    assert by_scores(Measured(over_base, over_champion)).outcome == outcome


@pytest.mark.parametrize("over_champion", [None, BETTER, TIE, SAME])
@pytest.mark.parametrize(
    ("guards", "findings", "reason"),
    [
        ([HOLDS, FAILS], [], "guard repetition fails"),
        ([OPEN, FAILS], [], "guard repetition fails"),
        ([HOLDS], [LEAK], "zero-tolerance findings: 1, the first personal_data in answer 7"),
        ([FAILS], [LEAK], "guard repetition fails"),
    ],
)
def test_a_failed_guard_or_a_finding_refuses_whatever_the_scores(over_champion, guards, findings, reason):
    decision = by_scores(Measured(BETTER, over_champion, guards, findings))
    assert decision.outcome == "refuse"
    assert reason in decision.reason


@pytest.mark.parametrize(("over_champion", "outcome"), [(BETTER, "keep"), (None, "refuse")])
def test_an_open_guard_only_hinders(over_champion, outcome):
    decision = by_scores(Measured(BETTER, over_champion, [HOLDS, OPEN]))
    assert decision.outcome == outcome
    assert decision.reason.startswith("guard refusals undecided (margin 0.02)")
    assert f"at least {OPEN.missing} more test documents" in decision.reason
    assert ("no champion to keep" in decision.reason) == (over_champion is None)


def test_guards_that_hold_do_not_hinder():
    assert by_scores(Measured(BETTER, BETTER, [HOLDS, HOLDS])).outcome == "promote"


def reason(over_champion, worthwhile=0.0):
    return by_scores(Measured(BETTER, over_champion, worthwhile=worthwhile)).reason


def test_too_little_power_says_how_many_documents_are_missing():
    decision = by_scores(Measured(BETTER, TIE))
    missing = decision.evidence["over_champion"]["need"]["missing"]
    assert missing > 100
    assert f"at least {missing} more test documents to show 0.0024 with 80 % power" in decision.reason


def test_a_smallest_gain_worth_having_asks_for_fewer_than_a_smaller_one_seen():
    missing = by_scores(Measured(BETTER, TIE, worthwhile=0.015)).evidence["over_champion"]["need"]["missing"]
    assert 0 < missing < 20
    assert f"at least {missing} more test documents to show 0.015" in reason(TIE, 0.015)


def test_a_tie_with_power_enough_is_called_one():
    assert "a tie: these would have shown a gain of 0.5 with 80 % power" in reason(
        found([0.03, -0.02] * 20), 0.5
    )


def test_other_reasons_to_keep():
    assert "the same score as the champion on every item" in reason(SAME)
    assert "no gain was seen" in reason(WORSE)
    assert "no gain was seen" in reason(LEVEL)
    assert "no interval" in reason(FEW_BETTER)
    assert "at least 5 more test documents" in reason(FEW_BETTER)
    # Gains that would be enough by Student's interval: more documents are the remedy all the same.
    assert "at least 2 more test documents" in reason(found([1.0] * 5))


def test_an_identical_model_is_never_promoted():
    random = np.random.default_rng(13)
    for documents in (1, 4, 5, 10, 30):
        scores = random.normal(size=documents * 3).tolist()
        same = improvement(Paired([f"d{number // 3}" for number in range(documents * 3)], scores, scores))
        decision = by_scores(Measured(BETTER, same))
        assert decision.outcome == "keep"
        assert "every item" in decision.reason
        assert by_scores(Measured(same)).outcome == "refuse"


def test_the_gate_promotes_what_the_simulations_count_as_promoted():
    outcomes = set()
    for row in gains(np.random.default_rng(14), "normal", 20, 8, 1.0):
        outcome = by_scores(Measured(BETTER, found(row.tolist()))).outcome
        assert (outcome == "promote") == (promoted(row[None, :]) == 1.0)
        outcomes.add(outcome)
    assert outcomes == {"promote", "keep"}


def test_the_evidence_is_json_and_has_every_number():
    unbounded = found([1.0] * 5)
    decision = by_scores(Measured(BETTER, unbounded, [HOLDS, OPEN, FAILS], [LEAK], 0.01))
    evidence = json.loads(json.dumps(decision.evidence, allow_nan=False))
    assert evidence["over_base"]["low"] == BETTER.low
    assert evidence["over_base"]["need"]["power"] > 0.99
    assert evidence["over_champion"]["low"] is None
    assert [guard["verdict"] for guard in evidence["guards"]] == ["holds", "undecided", "fails"]
    assert evidence["guards"][2]["change"]["high"] < -0.02
    assert evidence["findings"] == [
        {"kind": "personal_data", "item": "answer 7", "detail": "an e-mail address"}
    ]
    assert (evidence["level"], evidence["power_wanted"], evidence["worthwhile"]) == (0.95, 0.8, 0.01)
    assert by_scores(Measured(BETTER)).evidence["over_champion"] is None
