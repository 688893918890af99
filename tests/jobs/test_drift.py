"""What drift asks for: one training of the twin for a window, or documents where answers are stale."""

import dagster as dg
import pytest

from jobs.drift import drift_requests, drifted
from resources.locks import Locks
from tests.jobs.triggering import begin, report, two_twins

STATUS = dg.DagsterRunStatus
REASON = "questions: last 2 windows: p 0.001 with effect 0.02"


class World:
    """Two twins, their reports, and what the sensor would ask for."""

    def __init__(self, folder, instance, **thresholds):
        self.instance, self.locks = instance, Locks(folder / "locks")
        self.twins = two_twins(folder, **thresholds)

    def report(self, twin="ada", window="w1", state="drift", drifted="questions", reason=REASON):
        numbers = {"reference_questions": 400, "questions/p": 0.001, "reused": False}
        report(
            self.instance,
            "drift_report",
            window,
            twin,
            state=state,
            drifted=drifted,
            reason=reason,
            **numbers,
        )

    def asked(self):
        return drift_requests(self.instance, self.locks, self.twins)

    def run(self, request, status=STATUS.SUCCESS):
        """The run that a request becomes."""
        tags = {name.replace("/", "__", 1): value for name, value in request.tags.items()}
        return begin(self.instance, request.job_name, request.partition_key, status, **tags)


@pytest.fixture
def world(tmp_path):
    with dg.DagsterInstance.ephemeral() as instance:
        yield World(tmp_path, instance)


@pytest.mark.parametrize("state", ["ok", "insufficient", "error"])
def test_only_drift_asks_for_anything(world, state):
    assert world.asked() == []
    world.report(state=state)
    assert world.asked() == []


def test_drift_trains_exactly_its_twin_with_its_numbers(world):
    world.report("bob", state="ok")
    world.report("ada")
    (request,) = world.asked()
    assert (request.job_name, request.partition_key, request.run_key) == ("twin_job", "ada", None)
    assert request.tags == {
        "llm_twin/trigger": "drift",
        "llm_twin/reason": REASON,
        "llm_twin/reference_questions": "400",
        "llm_twin/questions/p": "0.001",
        "llm_twin/drift_window.ada": "w1",
    }


def test_a_verdict_of_before_counts_no_more(world):
    world.report(window="w1")
    world.report(window="w2", state="ok")
    assert world.asked() == []


@pytest.mark.parametrize("status", [STATUS.SUCCESS, STATUS.FAILURE, STATUS.CANCELED])
def test_a_window_is_answered_once_and_the_next_one_again(world, status):
    world.report(window="w1")
    world.run(world.asked()[0], status)
    assert world.asked() == []
    world.report(window="w1")
    assert world.asked() == []
    world.report(window="w2")
    assert [request.tags["llm_twin/drift_window.ada"] for request in world.asked()] == ["w2"]


def test_a_request_that_became_no_run_is_made_again(world):
    world.report()
    assert len(world.asked()) == 1
    assert len(world.asked()) == 1


def test_one_run_of_a_twin_is_in_flight_and_a_dead_one_does_not_count(world):
    begin(world.instance, twin="ada")
    world.report("ada")
    world.report("bob")
    assert [request.partition_key for request in world.asked()] == ["bob"]


def test_a_dead_run_does_not_stand_in_the_way(world):
    begin(world.instance, twin="ada", llm_twin__local="true")
    world.report("ada")
    assert [request.partition_key for request in world.asked()] == ["ada"]


def test_a_training_is_followed_by_a_pause(tmp_path):
    with dg.DagsterInstance.ephemeral() as instance:
        world = World(tmp_path, instance, cooldown_minutes=60)
        begin(instance, twin="ada", status=STATUS.SUCCESS)
        world.report("ada")
        assert world.asked() == []


def test_stale_answers_alone_ask_for_documents_once_for_all_twins(world):
    world.report("ada", "w1", drifted="stale", reason="stale: 4 % cite what is gone")
    world.report("bob", "w9", drifted="stale", reason="stale: 5 % cite what is gone")
    (request,) = world.asked()
    assert (request.job_name, request.partition_key) == ("documents_job", None)
    assert request.tags["llm_twin/drift_window.ada"] == "w1"
    assert request.tags["llm_twin/drift_window.bob"] == "w9"
    assert request.tags["llm_twin/reason.bob"] == "stale: 5 % cite what is gone"
    world.run(request)
    assert world.asked() == []


def test_stale_answers_beside_another_signal_ask_for_training(world):
    world.report(drifted="questions, stale")
    assert [request.job_name for request in world.asked()] == ["twin_job"]


def test_while_documents_are_read_they_are_not_asked_for(world):
    begin(world.instance, "documents_job", twin=None)
    world.report(drifted="stale")
    assert world.asked() == []


def test_what_drifted_is_read_from_the_report():
    assert drifted({"drifted": "questions, stale"}) == {"questions", "stale"}
    assert drifted({"drifted": ""}) == drifted({}) == set()
