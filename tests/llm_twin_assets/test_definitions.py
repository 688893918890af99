import importlib
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
import yaml

from resources.build import build_resources
from resources.settings import Settings
from resources.twins import load_twins

ROOT = Path(__file__).parents[2]
UNPARTITIONED = {
    "source_documents": "sources",
    "raw_documents": "sources",
    "cleaned_documents": "documents",
    "cleaned_chunks": "documents",
    "chunk_embeddings": "retrieval",
    "retrieval_evaluation": "retrieval",
    "search_index": "retrieval",
    "base_model": "training",
}
OF_A_TWIN = {
    "accepted_feedback": "datasets",
    "instruct_dataset": "datasets",
    "preference_dataset": "datasets",
    "fine_tuned_model": "training",
    "aligned_model": "training",
    "model_evaluation": "evaluation",
    "release": "serving",
    "deployed_endpoint": "serving",
    "production_traces": "monitoring",
    "drift_report": "monitoring",
    "feedback_dataset": "monitoring",
}
PACKAGES = ["llm_twin_assets", "resources", "jobs"]


def _definitions(**changes):
    from llm_twin_assets.definitions import build_definitions

    settings = Settings(config=ROOT / "twins.yaml", **changes)
    twins = load_twins(settings.config)
    return build_definitions(settings, twins, build_resources(settings, twins))


@pytest.fixture(scope="module")
def graph():
    return _definitions().resolve_asset_graph()


@pytest.fixture
def repository():
    return _definitions().get_repository_def()


def test_the_graph_has_exactly_the_assets_of_the_design(graph):
    groups = {node.key.to_user_string(): node.group_name for node in graph.asset_nodes}
    assert groups == UNPARTITIONED | OF_A_TWIN


def test_every_asset_says_what_exists_and_whose_it_is(graph):
    for node in graph.asset_nodes:
        assert node.description, f"{node.key} has no docstring"
        assert node.description.strip().count(". ") == 0, f"{node.key} needs one sentence"
        assert node.owners == [f"team:{node.group_name}"], node.key
        assert node.kinds, node.key
        assert node.is_external or node.code_version, node.key


def test_feedback_is_read_from_the_store_so_that_no_circle_closes(graph):
    accepted, stored = dg.AssetKey("accepted_feedback"), dg.AssetKey("feedback_dataset")
    assert graph.get(accepted).parent_keys == {
        dg.AssetKey("cleaned_documents"),
        dg.AssetKey("cleaned_chunks"),
    }
    assert graph.get(accepted).metadata["reads"].value == stored
    assert dg.AssetKey("production_traces") in graph.get(stored).parent_keys
    assert not graph.get(stored).child_keys


def test_exactly_the_assets_of_a_twin_are_partitioned_by_twin(graph):
    partitioned = {node.key.to_user_string() for node in graph.asset_nodes if node.is_partitioned}
    assert partitioned == set(OF_A_TWIN)
    names = load_twins(ROOT / "twins.yaml").names
    for node in graph.asset_nodes:
        if node.is_partitioned:
            assert node.partitions_def.get_partition_keys() == names


def test_the_checks_of_a_twin_are_stored_for_that_twin(graph):
    checks = [graph.get(key) for key in graph.asset_check_keys]
    assert checks
    for check in checks:
        assert (check.partitions_def is not None) == (check.key.asset_key.to_user_string() in OF_A_TWIN), (
            check.key
        )


@pytest.mark.parametrize("asset", sorted(set(UNPARTITIONED | OF_A_TWIN) - {"source_documents"}))
def test_the_stages_that_others_build_on_have_a_blocking_check(graph, asset):
    unchecked = {"retrieval_evaluation", "production_traces", "drift_report", "release"}
    blocking = {key.asset_key.to_user_string() for key in graph.asset_check_keys if graph.get(key).blocking}
    assert asset in blocking | unchecked


def test_every_job_resolves_and_the_twins_job_needs_a_key(repository):
    names = {job.name for job in repository.get_all_jobs()}
    expected = {"documents_job", "base_job", "twin_job", "monitoring_job", "smoke_job"}
    assert expected <= names
    assert repository.get_job("twin_job").partitions_def is not None
    assert repository.get_job("documents_job").partitions_def is None
    assert repository.get_job("base_job").partitions_def is None


@pytest.mark.parametrize(("automation", "status"), [("on", "RUNNING"), ("off", "STOPPED")])
def test_sensors_and_schedules_start_as_the_settings_say(automation, status):
    repository = _definitions(automation=automation).get_repository_def()
    sensors, schedules = repository.sensor_defs, repository.schedule_defs
    assert {sensor.name for sensor in sensors} == {
        "new_documents_sensor",
        "documents_automation_sensor",
        "new_training_data_sensor",
        "canary_sensor",
        "drift_sensor",
        "feedback_sensor",
        "opik_sensor",
        "endpoint_health_sensor",
        "alert_sensor",
    }
    assert {schedule.name for schedule in schedules} == {
        "nightly_reconcile_schedule",
        "hourly_monitoring_schedule",
        "weekly_training_schedule",
    }
    switched = {item.name: item.default_status.value for item in [*sensors, *schedules]}
    assert switched.pop("weekly_training_schedule") == "STOPPED"
    assert set(switched.values()) == {status}


def test_every_monitoring_request_carries_its_partition(repository):
    schedule = next(item for item in repository.schedule_defs if item.name == "hourly_monitoring_schedule")
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(
            instance=instance,
            repository_def=repository,
            scheduled_execution_time=datetime(2026, 1, 4, tzinfo=UTC),
        )
        tick = schedule.evaluate_tick(context)
    assert [request.partition_key for request in tick.run_requests] == load_twins(ROOT / "twins.yaml").names


def test_loading_stays_light():
    program = (
        "import sys; from llm_twin_assets.definitions import defs; defs().get_repository_def();"
        "heavy = {'torch', 'pandas', 'transformers', 'qdrant_client', 'pyarrow', 'numpy'} & set(sys.modules);"
        "print(sorted(heavy))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_the_workspace_loads_the_package_that_holds_the_graph():
    entry = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"][0]["python_module"]
    module = importlib.import_module(entry["module_name"])
    assert isinstance(module.defs(), dg.Definitions)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "dagster" not in project["tool"], "a [tool.dagster] table would hide workspace.yaml"
    assert "dg" not in project["tool"], "a [tool.dg] table would hide workspace.yaml"


def test_the_installation_has_exactly_three_packages():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == PACKAGES
    for name in PACKAGES:
        assert Path(importlib.import_module(name).__file__).is_relative_to(ROOT)
