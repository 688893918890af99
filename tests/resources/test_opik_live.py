"""Against a real Opik: runs where OPIK_URL_OVERRIDE is set, and never otherwise.

It writes into a project of its own, named by OPIK_PROJECT_NAME or "llm-twin-live".
"""

import os
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from resources.models import Model, ModelStore
from resources.opik_client import connected
from resources.opik_drift import publish_drift
from resources.opik_export import export
from resources.opik_library import Experiment, ExperimentRow, note_experiment, note_prompt
from resources.opik_reader import read_scores, read_traces
from resources.opik_settings import opik_configured
from resources.opik_training import publish_training
from resources.traces import Feedback
from tests.resources.opik_world import filled, plain
from tests.waiting import wait_until

# Read now: no test sees these variables.
LIVE = {name: value for name, value in os.environ.items() if name.startswith("OPIK_")}
LIVE.setdefault("OPIK_PROJECT_NAME", "llm-twin-live")
pytestmark = pytest.mark.skipif("OPIK_URL_OVERRIDE" not in LIVE, reason="OPIK_URL_OVERRIDE is not set")
VISIBLE = 120.0


@pytest.fixture
def place():
    return opik_configured(LIVE)


def around():
    return datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(hours=1)


def settled(traces, place, number):
    """Export until so many records were read back."""
    return wait_until(lambda: export(traces, place, ["ada"], plain).verified == number, VISIBLE)


def test_traces_spans_and_feedback_arrive_and_are_read_back(place, tmp_path):
    traces, ids = filled(tmp_path, 30)
    traces.give_feedback(Feedback(ids[0], "2026-01-01", 1, "good"))
    settled(traces, place, 31)
    found = {one["id"]: one for one in read_traces(place, *around())}
    assert set(ids) <= set(found)
    assert found[ids[3]]["input"] == {"question": "Question 3?"}
    ours = read_scores(place, *around(), sources=["sdk"])
    assert {(one.name, one.value) for one in ours if one.trace_id == ids[0]} == {
        ("thumbs", 1),
        ("commented", 1),
    }


def test_sending_again_doubles_nothing(place, tmp_path):
    traces, ids = filled(tmp_path, 5)
    settled(traces, place, 5)
    (tmp_path / "opik.db").unlink()
    settled(traces, place, 5)
    read = [one["id"] for one in read_traces(place, *around())]
    assert all(read.count(one) == 1 for one in ids)


def test_drift_is_seen(place, tmp_path):
    traces, _ = filled(tmp_path, 0)
    look = publish_drift(tmp_path, place, "ada", datetime.now(UTC), "drift", {"p_value": 0.01})
    settled(traces, place, 3)
    seen = read_scores(place, *around(), sources=["sdk"])
    assert {one.name for one in seen if one.trace_id == look} == {"drift", "drift_p_value"}


def test_prompts_are_committed_once_and_in_their_order(place, tmp_path):
    traces, _ = filled(tmp_path, 0)
    twin = f"live-{uuid.uuid4().hex[:8]}"
    for number, text in enumerate(["Hello {name}", "Hello {name}", "Good day {name}"]):
        name = note_prompt(tmp_path, place, twin, f"r{number}", text)
    settled(traces, place, 3)
    with connected(place) as api:
        newest = api.prompts.retrieve_prompt_version(name=name, project_name=place.project)
    assert newest.template == "Good day {{name}}"


def test_an_experiment_is_taken_and_shown(place, tmp_path):
    traces, _ = filled(tmp_path, 0)
    rows = [ExperimentRow({"q": n}, {"a": n}, {"a": n}, {"tuned/style": 0.5}) for n in range(3)]
    at = datetime.fromtimestamp(int(time.time()), UTC)
    tried = Experiment(f"live-{uuid.uuid4().hex[:8]}", "live-questions", at, rows, scores={"gain": 0.5})
    made = note_experiment(tmp_path, place, "ada", tried)
    settled(traces, place, 1)
    with connected(place) as api:
        shown = api.experiments.get_experiment_by_id(made)
    assert (shown.name, shown.trace_count) == (tried.name, 3)


def test_a_training_is_seen(place, tmp_path):
    traces, _ = filled(tmp_path, 0)
    models = ModelStore(tmp_path)
    known = Model("m1", "i", "elsewhere/m1", {"final_loss": 2.5, "tokens_per_second": 900.0})
    model = models.point("fine_tuned_model", known, "ada")
    made = publish_training(tmp_path, place, models, "fine_tuned_model", model, "ada")
    settled(traces, place, 3)
    seen = read_scores(place, *around(), sources=["sdk"])
    assert len([one for one in seen if one.trace_id == made]) == 2
