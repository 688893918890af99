"""Against a real Opik: runs where OPIK_URL_OVERRIDE is set, and never otherwise.

It writes into a project of its own, named by OPIK_PROJECT_NAME or "llm-twin-live".
"""

import os
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from resources.opik_drift import publish_drift
from resources.opik_export import export
from resources.opik_library import ExperimentRow, log_experiment, prompt_version
from resources.opik_reader import read_scores, read_traces
from resources.opik_settings import opik_configured
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


def test_a_prompt_is_committed_once(place):
    name = f"live-{uuid.uuid4().hex[:8]}"
    first = prompt_version(place, name, "Hello {{name}}")
    assert prompt_version(place, name, "Hello {{name}}") == first
    assert prompt_version(place, name, "Good day {{name}}") != first


def test_an_experiment_is_taken(place):
    rows = [ExperimentRow({"q": n}, {"a": n}, {"a": n}, {"style": 0.5}) for n in range(3)]
    at = datetime.fromtimestamp(int(time.time()), UTC)
    name = f"live-{uuid.uuid4().hex[:8]}"
    made = log_experiment(place, name, "live-questions", rows, at, plain)
    assert log_experiment(place, name, "live-questions", rows, at, plain) == made
