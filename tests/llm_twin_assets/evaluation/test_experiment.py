"""An evaluation as an experiment of Opik's: each question, each arm's answer and scores, nothing twice."""

import json
import math
import os
from datetime import UTC, datetime

import pytest

from llm_twin_assets.evaluation.evaluating import evaluate
from llm_twin_assets.evaluation.experiment import OF_AN_ANSWER, experiment, note_evaluation
from resources.opik_export import export
from resources.opik_outbox import Outbox
from resources.opik_settings import OpikPlace
from resources.store import Store
from tests.llm_twin_assets.evaluation.written import answered, lineup
from tests.resources.opik_server import OpikServer
from tests.resources.opik_world import filled, plain

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def report():
    asked = lineup()
    return json.loads(
        json.dumps(evaluate(asked, answered(asked, base="No. " * 9, new="She lit the lamp."), 1)[0])
    )


def test_each_question_is_a_row_with_what_each_arm_said(report):
    made = experiment("ada", "0123456789abcdef", report, AT)
    assert (made.name, made.dataset, made.at) == ("ada 0123456789ab", "ada-held-out", AT)
    assert len(made.rows) == len(report["prompts"]) > 0
    for prompt, row in zip(report["prompts"], made.rows, strict=True):
        assert row.asked == {"question": prompt["instruction"]}
        assert row.wanted == {"answer": prompt["reference"]}
        assert row.answered == {"base": ("No. " * 9), "tuned": "She lit the lamp."}
        assert row.scores["base/repeated_4grams"] > row.scores["tuned/repeated_4grams"]
        # Nothing was shown to these arms, so nothing can be grounded.
        assert {name.split("/")[1] for name in row.scores} == set(OF_AN_ANSWER) - {"grounded"}


def test_the_whole_has_the_arms_means_and_what_was_decided(report):
    made = experiment("ada", "0123", report, AT)
    assert made.scores["tuned/bits_per_byte"] == report["arms"]["tuned"]["metrics"]["bits_per_byte"]["mean"]
    assert made.scores["gain_over_base"] == report["improvement"]["mean"]
    assert "gain_over_champion" not in made.scores
    assert all(math.isfinite(value) for value in made.scores.values())
    assert made.metadata["decision"] == report["decision"]
    assert made.metadata["challenger"] == "new"
    assert "champion" not in made.metadata


def test_where_no_model_answered_there_is_no_experiment():
    asked = lineup(asking=None)
    told, _ = evaluate(asked, answered(asked), 1)
    assert experiment("ada", "0123", told, AT) is None


def test_the_stored_evaluation_reaches_opik_once(report, tmp_path):
    store, server = Store(tmp_path), OpikServer()
    store.materialize_report("model_evaluation", "i", lambda: (report, {}), "ada")
    traces, _ = filled(tmp_path, 0)
    made = {note_evaluation(tmp_path, store, "ada", server.place()) for _ in range(2)}
    assert export(traces, server.place(), ["ada"], plain).verified == len(made) == 1
    state = server.state
    assert len(state.traces) == len(state.experiment_items) == len(report["prompts"])
    assert state.experiments[made.pop()]["metadata"]["decision"] == report["decision"]
    server.stop()
    assert server.violations == []


def test_an_evaluation_that_was_made_again_is_another(report, tmp_path):
    store, place = Store(tmp_path), OpikPlace("http://192.0.2.1/api")
    store.materialize_report("model_evaluation", "i", lambda: (report, {}), "ada")
    path = tmp_path / "store" / "model_evaluation" / "ada" / "report.json"
    os.utime(path, (AT.timestamp(), AT.timestamp()))
    first = note_evaluation(tmp_path, store, "ada", place)
    os.utime(path, (AT.timestamp(), AT.timestamp() + 60))
    assert note_evaluation(tmp_path, store, "ada", place) != first
    assert Outbox(tmp_path, place.name).counts()["pending"] == 2
