"""One run in flight, a pause between trainings, and which runs count for either."""

import dagster as dg
import pytest

from jobs import triggers
from jobs.triggers import in_flight, is_cooling, may_train, tags, told, version, was_asked
from resources.locks import Locks
from tests.jobs.triggering import begin, report, two_twins

STATUS = dg.DagsterRunStatus


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def locks(tmp_path):
    return Locks(tmp_path / "locks")


@pytest.fixture
def ada(tmp_path):
    return two_twins(tmp_path, cooldown_minutes=60).twin("ada")


@pytest.mark.parametrize("status", [STATUS.QUEUED, STATUS.NOT_STARTED, STATUS.STARTING, STATUS.STARTED])
def test_an_unfinished_run_is_in_flight_for_its_job_and_twin_alone(instance, locks, status):
    begin(instance, status=status)
    assert in_flight(instance, locks, "twin_job", "ada")
    assert in_flight(instance, locks, "twin_job")
    assert not in_flight(instance, locks, "twin_job", "bob")
    assert not in_flight(instance, locks, "base_job")


@pytest.mark.parametrize("status", [STATUS.SUCCESS, STATUS.FAILURE, STATUS.CANCELED])
def test_a_run_that_ended_is_not_in_flight(instance, locks, status):
    begin(instance, status=status)
    assert not in_flight(instance, locks, "twin_job", "ada")


def test_a_local_run_whose_lock_is_free_is_dead(instance, locks):
    run = begin(instance, llm_twin__local="true")
    assert not in_flight(instance, locks, "twin_job", "ada")
    with locks.held(f"run.{run}"):
        assert in_flight(instance, locks, "twin_job", "ada")
    assert not in_flight(instance, locks, "twin_job", "ada")


def test_a_dead_run_hides_no_living_one(instance, locks):
    begin(instance, llm_twin__local="true")
    begin(instance)
    begin(instance, llm_twin__local="true")
    assert in_flight(instance, locks, "twin_job", "ada")


def test_a_run_that_has_told_nothing_for_long_is_dead_but_a_queued_one_may_wait(instance, locks, monkeypatch):
    begin(instance, twin="ada")
    begin(instance, twin="bob", status=STATUS.QUEUED)
    monkeypatch.setattr(triggers, "SILENCE", -triggers.SILENCE)
    assert not in_flight(instance, locks, "twin_job", "ada")
    assert in_flight(instance, locks, "twin_job", "bob")


def test_a_training_is_followed_by_a_pause_however_it_ended(instance, ada):
    assert not is_cooling(instance, ada)
    begin(instance, twin="bob", status=STATUS.SUCCESS)
    assert not is_cooling(instance, ada)
    begin(instance, status=STATUS.FAILURE)
    assert is_cooling(instance, ada)


def test_a_look_at_a_canary_is_no_training(instance, ada):
    begin(instance, status=STATUS.SUCCESS, assets=["deployed_endpoint"])
    assert not is_cooling(instance, ada)
    begin(instance, status=STATUS.SUCCESS, assets=["fine_tuned_model", "release"])
    assert is_cooling(instance, ada)


def test_without_a_cool_down_only_what_is_in_flight_stands_in_the_way(instance, locks, tmp_path):
    ada = two_twins(tmp_path).twin("ada")
    begin(instance, status=STATUS.SUCCESS)
    assert may_train(instance, locks, ada)
    begin(instance, "base_job", twin=None)
    assert not may_train(instance, locks, ada)


def test_a_training_in_flight_stands_in_the_way_of_its_own_twin(instance, locks, tmp_path):
    twins = two_twins(tmp_path)
    begin(instance)
    assert [may_train(instance, locks, twin) for twin in twins.twins] == [False, True]


def test_what_was_asked_for_is_known_by_its_tags_however_it_ended(instance):
    wanted = {"llm_twin/drift_window.ada": "w1"}
    assert not was_asked(instance, wanted)
    begin(instance, status=STATUS.FAILURE, **{"llm_twin__drift_window.ada": "w1"})
    assert was_asked(instance, wanted)
    assert not was_asked(instance, {"llm_twin/drift_window.ada": "w2"})


def test_tags_name_the_trigger_the_reason_and_the_numbers():
    assert tags("drift", "p is small", {"p": 0.001}) == {
        "llm_twin/trigger": "drift",
        "llm_twin/reason": "p is small",
        "llm_twin/p": "0.001",
    }


def test_what_a_materialization_told_is_read_as_plain_values(instance):
    report(instance, "drift_report", "w1", "ada", state="ok", windows=2)
    record = instance.fetch_materializations(dg.AssetKey("drift_report"), limit=1).records[0]
    assert (told(record), version(record)) == ({"state": "ok", "windows": 2}, "w1")
    assert (told(None), version(None)) == ({}, "")
