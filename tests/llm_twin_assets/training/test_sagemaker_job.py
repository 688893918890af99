"""A training task as a SageMaker job: the real training in a container's process, and what goes there."""

from pathlib import Path

import dagster as dg
import pytest
from dagster._core.pipes import utils

from llm_twin_assets.pipes import WholeMessages
from llm_twin_assets.training import assets
from llm_twin_assets.training.sagemaker_job import NoBucket, client_of, inputs_of, job_of, portable, settle
from resources import sagemaker
from resources.models import ModelStore
from resources.settings import Settings
from resources.store import Store, Table
from tests.aws.sagemaker_world import IMAGE, ROLE, world
from tests.llm_twin_assets.training import small

TASK = {
    "kind": "aligned_model",
    "twin": "ada",
    "inputs": "1",
    "pairs": ["1", "2"],
    "recipe": {"rank": 8},
    "base": {"version": "b" * 64, "location": "/here/models/base", "revision": ""},
    "adapter": "/here/models/fine_tuned_model/ada/" + "a" * 64,
    "learned": ["d1"],
    "home": "s3://bucket/home",
    "scratch": "/here",
    "folder": "/here/.new-1",
    "threads": 2,
    "checkpoints": "/here/checkpoints/1",
}
CHANNELS = {"tables": "s3://b/t", "base": "s3://b/base", "adapter": "s3://b/adapter"}


def settings_of(home, **more):
    given = {"sagemaker_role": ROLE, "sagemaker_training_image": IMAGE, "training": "sagemaker"}
    return Settings(home=home, threads=1, pretrain_tokens=4_000, **(given | more))


def test_the_same_task_on_another_machine_is_the_same_job():
    moved = {"home": "s3://b/h", "folder": "/x", "threads": 8, "checkpoints": "/y", "scratch": "/z"}
    elsewhere = TASK | moved | {"adapter": "/other/" + "a" * 64}
    elsewhere["base"] = TASK["base"] | {"location": "/other/base"}
    assert inputs_of(elsewhere) == inputs_of(TASK)
    changes = ({"pairs": ["1", "3"]}, {"adapter": "/here/" + "c" * 64}, {"recipe": {"rank": 16}})
    for change in (*changes, {"inputs": "2"}):
        assert inputs_of(TASK | change) != inputs_of(TASK)


def test_a_task_carries_no_place_of_this_machine_and_gets_the_containers(tmp_path):
    carried = portable(TASK, CHANNELS)
    assert "/here" not in repr(carried)
    settled = settle(carried, tmp_path, 4)
    assert settled["home"] == str(tmp_path / "input/data/tables")
    assert settled["base"] == {
        "version": "b" * 64,
        "location": str(tmp_path / "input/data/base"),
        "revision": "",
    }
    assert settled["adapter"] == str(tmp_path / "input/data/adapter")
    assert (settled["folder"], settled["threads"]) == (str(tmp_path / "model"), 4)
    assert settled["checkpoints"] == str(tmp_path / "checkpoints")
    assert {key: settled[key] for key in ("pairs", "recipe", "learned", "twin")} == {
        key: TASK[key] for key in ("pairs", "recipe", "learned", "twin")
    }


def test_a_base_that_is_named_by_its_hub_id_stays_so(tmp_path):
    task = TASK | {"base": {"version": "v", "location": "org/model", "revision": "main"}}
    carried = portable(task, {"tables": "s3://b/t", "adapter": "s3://b/a"})
    assert settle(carried, tmp_path, 1)["base"] == task["base"]


def test_what_is_missing_is_named_by_its_setting(tmp_path):
    with pytest.raises(NoBucket, match="LLM_TWIN_HOME"):
        client_of(settings_of(tmp_path))
    for name in ("sagemaker_role", "sagemaker_training_image"):
        with pytest.raises(ValueError, match=f"LLM_TWIN_{name.upper()}"):
            job_of(settings_of(tmp_path, **{name: None}), TASK, "1", CHANNELS, Path("/training"))


def test_a_job_is_named_by_what_it_trains_and_keeps_checkpoints(tmp_path):
    job = job_of(settings_of(tmp_path, sagemaker_spot_seconds=90_000), TASK, "1" * 64, CHANNELS, Path("/t"))
    assert job.prefix == f"llm-twin-aligned-model-ada-{'1' * 16}"
    assert (job.checkpoints, job.spot_seconds) == (f"/t/checkpoints/{'1' * 64}", 90_000)
    bare = {key: value for key, value in TASK.items() if key != "checkpoints"}
    assert job_of(settings_of(tmp_path), bare, "1", CHANNELS, Path("/t")).checkpoints is None


@pytest.mark.slow
def test_a_base_is_trained_in_a_job_and_kept(tmp_path, monkeypatch):
    """The asset, the job, and the real training entry in the container's process."""
    monkeypatch.setattr(sagemaker, "POLL_SECONDS", 0.2)
    monkeypatch.setattr(utils, "WAIT_FOR_LOGS_AFTER_EXECUTION_INTERVAL", 0)
    with world(tmp_path, runs_jobs=True) as aws:
        aws.sagemaker.clock.tick = 20.0
        settings = settings_of(aws.address, scratch=tmp_path / "scratch", sagemaker_training_seconds=10**7)
        store, models = Store(settings.home), ModelStore(settings.home)
        store.materialize("cleaned_documents", "1", lambda: Table(small.documents("train", "train", "test")))
        resources = {
            "settings": settings,
            "store": store,
            "models": models,
            "pipes": dg.PipesSubprocessClient(message_reader=WholeMessages()),
        }
        done = dg.materialize([assets.base_model], resources=resources)
        (event,) = done.get_asset_materialization_events()
        metadata = {key: one.value for key, one in event.materialization.metadata.items()}
        model = models.current("base_model")
        assert 0 < metadata["final_loss"] < 10
        names = {file.name for file in Path(models.location(model)).iterdir()}
        assert {"model.safetensors", "config.json"} <= names
        assert "report.json" not in names
        (job,) = aws.sagemaker.jobs.jobs.values()
        assert (job.status, job.name.startswith("llm-twin-base-model-")) == ("Completed", True)
        again = dg.materialize([assets.base_model], resources=resources)
        assert again.success
        assert len(aws.sagemaker.jobs.jobs) == 1
