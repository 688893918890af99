"""The queue that `llm-twin` sets up: one heavy run at a time, and what moves the served release beside it."""

import dagster as dg
import pytest
import yaml
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon

from jobs.jobs import build_jobs
from jobs.triggers import HEAVY, LIGHT
from llm_twin_assets.runs import use_instance_of
from resources.settings import Settings
from tests.jobs.triggering import begin, two_twins
from tests.world import ROOT

QUEUED, STARTED = dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTED


@pytest.fixture
def instance(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", "")
    use_instance_of(tmp_path)
    with dg.DagsterInstance.get() as made:
        yield made


def next_up(instance):
    """The ids of the queued runs that Dagster's daemon would start now."""
    daemon = QueuedRunCoordinatorDaemon(interval_seconds=5)
    return {
        run.run_id for run in daemon._get_runs_to_dequeue(instance, instance.get_concurrency_config(), None)
    }


def written(instance, status, kind, **fields):
    return begin(
        instance, status=status, **fields, **{name.replace("/", "__"): value for name, value in kind.items()}
    )


def test_a_look_passes_a_training_and_another_training_waits(instance):
    written(instance, STARTED, HEAVY)
    written(instance, QUEUED, HEAVY, twin="bob")
    look = written(instance, QUEUED, LIGHT, twin="bob", assets=["deployed_endpoint"])
    assert next_up(instance) == {look}


def test_of_two_trainings_that_wait_the_first_goes(instance):
    first = written(instance, QUEUED, HEAVY)
    written(instance, QUEUED, HEAVY, twin="bob")
    assert next_up(instance) == {first}


def test_two_runs_are_the_most(instance):
    written(instance, STARTED, HEAVY)
    written(instance, STARTED, LIGHT, twin="bob")
    written(instance, QUEUED, LIGHT, twin="eve")
    assert next_up(instance) == set()


def test_every_job_and_the_documents_automation_are_heavy(tmp_path):
    made = build_jobs(Settings(home=tmp_path), two_twins(tmp_path))
    assert all(job.tags.items() >= HEAVY.items() for job in made.jobs)
    (automation,) = [one for one in made.sensors if isinstance(one, dg.AutomationConditionSensorDefinition)]
    assert automation.run_tags.items() >= HEAVY.items()


def test_a_plain_dagster_dev_has_the_same_queue(instance):
    of_root = yaml.safe_load((ROOT / "dagster.yaml").read_text())["run_coordinator"]["config"]
    queue = instance.get_concurrency_config().run_queue_config
    assert (queue.max_concurrent_runs, queue.tag_concurrency_limits) == tuple(of_root.values())
