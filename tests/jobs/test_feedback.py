"""When feedback is enough: rows that the last training did not know, counted at its dataset."""

import dagster as dg
import pytest

from jobs.feedback import feedback_requests, rows_before
from resources.locks import Locks
from tests.jobs.triggering import begin, report, two_twins

STATUS = dg.DagsterRunStatus


class World:
    """Two twins of which 10 new rows are enough."""

    def __init__(self, folder, instance, **thresholds):
        self.instance, self.locks = instance, Locks(folder / "locks")
        self.twins = two_twins(folder, min_feedback=10, **thresholds)

    def feedback(self, rows, twin="ada"):
        report(self.instance, "feedback_dataset", f"v{rows}", twin, rows=rows)

    def train(self, twin="ada"):
        report(self.instance, "instruct_dataset", "d", twin)

    def asked(self):
        return feedback_requests(self.instance, self.locks, self.twins)


@pytest.fixture
def world(tmp_path):
    with dg.DagsterInstance.ephemeral() as instance:
        yield World(tmp_path, instance)


def test_without_feedback_or_without_a_first_training_nothing_is_asked(world):
    assert world.asked() == []
    world.feedback(100)
    assert world.asked() == []


def test_enough_new_rows_train_their_twin_with_their_numbers(world):
    world.train()
    world.train("bob")
    world.feedback(9)
    world.feedback(5, "bob")
    assert world.asked() == []
    world.feedback(10)
    (request,) = world.asked()
    assert (request.job_name, request.partition_key, request.run_key) == ("twin_job", "ada", None)
    assert request.tags == {
        "llm_twin/trigger": "feedback",
        "llm_twin/reason": "10 rows of feedback are new, 10 are enough",
        "llm_twin/feedback_new": "10",
        "llm_twin/feedback_known": "0",
        "llm_twin/feedback_version": "v10",
    }


def test_what_the_last_training_knew_is_not_new(world):
    world.train()
    world.feedback(30)
    assert len(world.asked()) == 1
    world.train()
    assert world.asked() == []
    world.feedback(39)
    assert world.asked() == []
    world.feedback(40)
    assert world.asked()[0].tags["llm_twin/feedback_known"] == "30"


def test_rows_that_went_are_no_growth(world):
    world.feedback(50)
    world.train()
    world.feedback(12)
    assert world.asked() == []


def test_one_run_in_flight_and_a_dead_one_does_not_count(world):
    world.train()
    world.feedback(10)
    begin(world.instance, llm_twin__local="true")
    assert len(world.asked()) == 1
    begin(world.instance)
    assert world.asked() == []


def test_a_training_is_followed_by_a_pause(tmp_path):
    with dg.DagsterInstance.ephemeral() as instance:
        world = World(tmp_path, instance, cooldown_minutes=60)
        world.train()
        world.feedback(10)
        begin(instance, status=STATUS.FAILURE)
        assert world.asked() == []


def test_the_rows_of_a_moment_are_those_of_the_last_report_before_it(world):
    world.feedback(7)
    record = world.instance.fetch_materializations(dg.AssetKey("feedback_dataset"), limit=1).records[0]
    assert rows_before(world.instance, "ada", record.timestamp - 1) == 0
    assert rows_before(world.instance, "ada", record.timestamp + 1) == 7
    assert rows_before(world.instance, "bob", record.timestamp + 1) == 0
