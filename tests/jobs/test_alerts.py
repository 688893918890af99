"""What people are told of: one alert an event, from real runs of a small graph."""

import dagster as dg
import pytest

from jobs.alerts import ENDED, Position, news

TWIN = dg.StaticPartitionsDefinition(["ada", "bob"])
ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN


class World:
    """A twin's graph whose every outcome is set, run in this process on an instance."""

    def __init__(self, instance):
        self.instance = instance
        self.position = Position.read(instance, None)
        self.told, self.checks, self.broken = {}, {}, None

    def run(self, *assets, twin="ada", config=None):
        """A run of these assets; returns what people are told of it, after a restart."""
        result = self._job(assets).execute_in_process(
            instance=self.instance, partition_key=twin, raise_on_error=False, run_config=config
        )
        self.run_id = result.run_id
        return self.news()

    def news(self):
        self.position = Position.read(self.instance, self.position.written())
        return news(self.instance, self.position)

    def _job(self, assets):
        checks = [self._check(name, *about) for name, about in self.checks.items() if about[0] in assets]
        made = [self._asset(name, assets[:at]) for at, name in enumerate(assets)]
        job = dg.define_asset_job("twin_job", dg.AssetSelection.assets(*assets))
        return dg.Definitions(assets=made, asset_checks=checks, jobs=[job]).resolve_job_def("twin_job")

    def _asset(self, name, before):
        schema = {"release_id": dg.Field(str, is_required=False)}

        @dg.asset(name=name, partitions_def=TWIN, deps=list(before), config_schema=schema)
        def made():
            if self.broken == name:
                raise ValueError(f"{name} is broken\nand this is somebody's question")
            told = dict(self.told.get(name, {}))
            return dg.MaterializeResult(
                data_version=dg.DataVersion(str(told.pop("version", "v1"))), metadata=told
            )

        return made

    def _check(self, name, asset, passed, severity, blocking):
        @dg.asset_check(asset=asset, name=name, blocking=blocking, partitions_def=TWIN)
        def check():
            return dg.AssetCheckResult(passed=passed, severity=severity, description=f"{name} says so")

        return check


@pytest.fixture
def world():
    with dg.DagsterInstance.ephemeral() as instance:
        yield World(instance)


def _kinds(alerts):
    return [alert.kind for alert in alerts]


def test_a_run_that_went_well_is_no_event(world):
    world.checks["fine"] = ("model_evaluation", True, ERROR, True)
    assert world.run("model_evaluation", "other") == []


def test_what_happened_before_the_first_look_is_known(world):
    world.broken = "dataset"
    world.run("dataset")
    world.position = Position.read(world.instance, None)
    assert world.news() == []
    assert _kinds(world.run("dataset")) == ["run_failed"]


def test_a_failed_run_is_told_once_with_the_first_line_of_its_cause(world):
    world.broken = "dataset"
    (alert,) = world.run("dataset")
    assert (alert.kind, alert.title) == ("run_failed", "twin_job of ada failed")
    assert alert.body == "dataset: ValueError: dataset is broken"
    assert alert.key == f"run/{world.run_id}"
    assert world.news() == []


def test_a_run_that_somebody_reports_as_failed_is_told(world):
    world.run("dataset")
    run = world.instance.create_run_for_job(world._job(["dataset"]), status=dg.DagsterRunStatus.STARTED)
    world.instance.report_run_failed(run, "its process is gone")
    (alert,) = world.news()
    assert (alert.kind, alert.key) == ("run_failed", f"run/{run.run_id}")
    assert "its process is gone" in alert.body


def test_a_refused_challenger_is_one_event(world):
    world.checks["beats_base"] = ("model_evaluation", False, ERROR, True)
    world.checks["champion_kept"] = ("model_evaluation", True, WARN, False)
    (alert,) = world.run("model_evaluation", "release")
    assert (alert.kind, alert.title) == ("check_failed", "twin_job of ada was stopped by beats_base")
    assert alert.body == "beats_base: beats_base says so"
    # The same challenger is refused again, and then another one.
    assert world.run("model_evaluation", "release") == []
    world.told["model_evaluation"] = {"version": "v2"}
    assert _kinds(world.run("model_evaluation", "release")) == ["check_failed"]


def test_two_checks_that_stop_one_run_are_one_event(world):
    world.checks["sound"] = ("dataset", False, ERROR, True)
    world.checks["whole"] = ("dataset", False, ERROR, True)
    (alert,) = world.run("dataset", "model")
    assert sorted(alert.body.splitlines()) == ["sound: sound says so", "whole: whole says so"]


def test_a_warning_and_an_error_that_stop_nothing_are_told_though_the_run_is_green(world):
    world.checks["champion_kept"] = ("model_evaluation", False, WARN, True)
    world.checks["plain"] = ("model_evaluation", False, ERROR, False)
    alerts = world.run("model_evaluation")
    assert {alert.kind: alert.title for alert in alerts} == {
        "check_warned": "twin_job of ada: champion_kept warns",
        "check_failed": "twin_job of ada failed plain",
    }


def test_a_check_that_goes_on_failing_is_told_again_only_after_it_passed_or_for_another_thing(world):
    world.checks["champion_kept"] = ("model_evaluation", False, WARN, False)
    assert _kinds(world.run("model_evaluation")) == ["check_warned"]
    assert world.run("model_evaluation") == []
    assert _kinds(world.run("model_evaluation", twin="bob")) == ["check_warned"]
    world.checks["champion_kept"] = ("model_evaluation", True, WARN, False)
    assert world.run("model_evaluation") == []
    world.checks["champion_kept"] = ("model_evaluation", False, WARN, False)
    assert _kinds(world.run("model_evaluation")) == ["check_warned"]


def test_a_crash_beside_a_check_that_stops_nothing_is_an_event_of_its_own(world):
    world.checks["plain"] = ("dataset", False, ERROR, False)
    world.broken = "model"
    assert sorted(_kinds(world.run("dataset", "model"))) == ["check_failed", "run_failed"]


def test_drift_is_told_once_until_all_was_well_again(world):
    world.checks["no_drift"] = ("drift_report", False, WARN, False)
    world.told["drift_report"] = {"state": "drift", "reason": "questions: p 0.001", "version": "w1"}
    (alert,) = world.run("drift_report")
    assert (alert.kind, alert.title, alert.body) == (
        "drift",
        "Twin ada: its traffic drifts",
        "questions: p 0.001",
    )
    world.told["drift_report"] = {"state": "drift", "reason": "still", "version": "w2"}
    assert world.run("drift_report") == []
    world.checks.clear()
    for state, told in (("insufficient", []), ("drift", []), ("ok", []), ("drift", ["drift"])):
        world.told["drift_report"] = {"state": state, "reason": "r", "version": state}
        assert _kinds(world.run("drift_report")) == told


def test_a_report_that_could_not_be_made_is_told_by_its_check(world):
    world.checks["no_drift"] = ("drift_report", False, ERROR, False)
    world.told["drift_report"] = {"state": "error", "reason": "not finite"}
    assert _kinds(world.run("drift_report")) == ["check_failed"]


def test_a_new_release_is_told_once_and_the_champion_not_again(world):
    world.told["release"] = {"release_id": "r1", "version": "r1", "parent": "none"}
    (alert,) = world.run("release")
    assert (alert.kind, alert.body) == ("promotion", "Release r1 comes after none.")
    assert world.run("release") == []
    world.told["release"] = {"release_id": "r2", "version": "r2", "parent": "r1"}
    assert _kinds(world.run("release")) == ["promotion"]
    world.told["release"] = {"release_id": "r1", "version": "r1", "parent": "none"}
    assert world.run("release") == []
    assert _kinds(world.run("release", twin="bob")) == ["promotion"]


def test_a_canary_that_is_rolled_back_is_one_event(world):
    world.checks["canary_holds"] = ("deployed_endpoint", False, ERROR, False)
    world.told["deployed_endpoint"] = {
        "release_id": "r1",
        "previous": "r1",
        "action": "roll_back",
        "reason": "r2 fails more",
    }
    (alert,) = world.run("deployed_endpoint")
    assert (alert.kind, alert.body) == ("rollback", "It serves release r1 again. r2 fails more")
    assert world.run("deployed_endpoint") == []


def test_a_rollback_that_a_run_was_asked_for_is_told_and_a_deployment_is_not(world):
    world.told["deployed_endpoint"] = {"release_id": "r1", "previous": "r2"}
    assert world.run("deployed_endpoint") == []
    config = {"ops": {"deployed_endpoint": {"config": {"release_id": "r1"}}}}
    assert _kinds(world.run("deployed_endpoint", config=config)) == ["rollback"]
    assert _kinds(world.run("deployed_endpoint", config=config)) == ["rollback"]
    world.told["deployed_endpoint"] = {"release_id": "r1", "previous": "r1"}
    assert world.run("deployed_endpoint", config=config) == []


def test_many_runs_between_two_looks_are_told_in_the_order_in_which_they_ended(world):
    world.broken, keys = "dataset", []
    for _ in range(3):
        world._job(["dataset"]).execute_in_process(
            instance=world.instance, partition_key="ada", raise_on_error=False
        )
    keys = [run.run_id for run in reversed(world.instance.get_runs())]
    assert [alert.key for alert in world.news()] == [f"run/{key}" for key in keys]


def test_a_run_that_somebody_deleted_is_passed_over(world):
    world.broken = "dataset"
    position = world.position.written()
    world.run("dataset")
    world.instance.run_storage.delete_run(world.run_id)
    assert news(world.instance, Position.read(world.instance, position)) == []


def test_a_lasting_instance_keeps_the_order_too(tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        world = World(instance)
        world.broken = "dataset"
        assert _kinds(world.run("dataset")) == ["run_failed"]
        world.broken = None
        world.checks["beats_base"] = ("model", False, ERROR, True)
        assert _kinds(world.run("model", "release")) == ["check_failed"]
        assert set(world.position.after) == {kind.value for kind in ENDED}
        assert world.news() == []


def test_a_run_that_conditions_asked_for_is_told_by_what_it_made(world):
    @dg.asset
    def cleaned_documents():
        raise ValueError("no disk")

    job = dg.Definitions(assets=[cleaned_documents]).resolve_implicit_global_asset_job_def()
    job.execute_in_process(instance=world.instance, raise_on_error=False)
    assert [alert.title for alert in world.news()] == ["documents failed"]
