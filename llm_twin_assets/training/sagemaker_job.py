"""A training task on SageMaker: what it reads goes to S3, the job runs, and what it made comes back.

The task is the one that the local process gets (see train.py); only its places differ. In the container they
are channels: `tables` is a home that holds the tables which the task names, `base` and `adapter` are folders.
"""

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from llm_twin_assets.contracts import digest
from resources import s3
from resources.files import fetched
from resources.packing import unpack
from resources.places import is_remote, place
from resources.sagemaker_files import uploaded
from resources.settings import Settings
from resources.store import Store

if TYPE_CHECKING:
    from cloudpathlib import S3Path

    from resources.sagemaker_training import PipesSageMakerTrainingClient, TrainingJob

REPORT: Final = "report.json"
ROOT: Final = "/opt/ml"
COMMAND: Final = ["python", "-m", "llm_twin_assets.training.sagemaker_container", ROOT]
# What a task reads, by its kind; True for what each twin has of its own.
TABLES: Final = {
    "base_model": [("cleaned_documents", False)],
    "fine_tuned_model": [("instruct_dataset", True), ("cleaned_chunks", False)],
    "aligned_model": [("preference_dataset", True)],
}
# What in a task says where something lies on this machine, or how it is worked on: no part of its inputs.
PLACES: Final = ("home", "scratch", "folder", "checkpoints", "threads", "adapter")


class NoBucket(ValueError):
    """Training on SageMaker was asked for, and there is no bucket to pass files through."""


def client_of(settings: Settings) -> "PipesSageMakerTrainingClient":
    """What runs the jobs of a home in S3; raises NoBucket for another."""
    from resources.sagemaker import SageMaker
    from resources.sagemaker_training import PipesSageMakerTrainingClient

    pipes = _remote(settings) / "training" / "pipes"
    return PipesSageMakerTrainingClient(SageMaker(), pipes.bucket, pipes.key)


def on_sagemaker(
    settings: Settings, client: "PipesSageMakerTrainingClient", context: Any
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Runs a task as a training job; `context` is the asset's. Raises NoBucket, SageMakerError."""
    return partial(_trained, settings, client, context)


def _trained(
    settings: Settings, client: "PipesSageMakerTrainingClient", context: Any, task: dict[str, Any]
) -> dict[str, Any]:
    home, inputs = _remote(settings), inputs_of(task)
    staged = home / "training" / "inputs" / inputs
    channels = stage(Store(home), task, staged)
    job = job_of(settings, task, inputs, channels, home / "training")
    done = client.run(context=context, job=job, extras=portable(task, channels))
    report = _fetched(place(str(done.metadata["artefact"].value)), Path(task["folder"]))
    if job.checkpoints:
        gone: Any = place(job.checkpoints)
        gone.rmtree()
    return report


def inputs_of(task: dict[str, Any]) -> str:
    """The hash of what decides what comes out of a task; where it is done makes no difference.

    Its `inputs` are why the model is trained again, so what came of others is not taken for it.
    """
    kept = {key: value for key, value in task.items() if key not in PLACES}
    if "base" in task:
        kept["base"] = task["base"]["version"]
    if "adapter" in task:
        kept["adapter"] = Path(task["adapter"]).name
    return digest(kept)


def stage(store: Store, task: dict[str, Any], staged: "S3Path") -> dict[str, str]:
    """Put what a task reads into S3 where it is not there yet; returns the channels, S3 prefixes by name."""
    twin, tables = task.get("twin"), staged / "tables"
    for asset, own in TABLES[task["kind"]]:
        of = twin if own else None
        file = fetched(store.folder(asset, of) / "part.parquet")
        if file is not None:
            s3.upload(file, tables.joinpath("store", asset, *filter(None, [of]), "part.parquet"))
    channels = {"tables": str(staged / "tables")}
    if "base" in task and Path(task["base"]["location"]).is_dir():
        channels["base"] = uploaded(Path(task["base"]["location"]), staged.parent / task["base"]["version"])
    if "adapter" in task:
        channels["adapter"] = uploaded(Path(task["adapter"]), staged / "adapter")
    return channels


def portable(task: dict[str, Any], channels: dict[str, str]) -> dict[str, Any]:
    """The task without this machine's places; the container puts its own there (see `settle`)."""
    kept = {key: value for key, value in task.items() if key not in PLACES}
    if "base" in channels:
        kept["base"] = {key: value for key, value in task["base"].items() if key != "location"}
    return kept


def settle(task: dict[str, Any], root: Path, threads: int) -> dict[str, Any]:
    """A portable task with the places that it has under `root`, the container's /opt/ml."""
    data = root / "input" / "data"
    settled = task | {"home": str(data / "tables"), "folder": str(root / "model"), "threads": threads}
    if task["kind"] != "base_model":
        settled["checkpoints"] = str(root / "checkpoints")
    if "base" in task and "location" not in task["base"]:
        settled["base"] = task["base"] | {"location": str(data / "base")}
    if task["kind"] == "aligned_model":
        settled["adapter"] = str(data / "adapter")
    return settled


def job_of(
    settings: Settings, task: dict[str, Any], inputs: str, channels: dict[str, str], place: "S3Path"
) -> "TrainingJob":
    """The job that does a task; raises ValueError, naming the setting, where one is missing."""
    from resources.sagemaker_training import TrainingJob

    title = "-".join(filter(None, ["llm-twin", task["kind"], task.get("twin")]))
    return TrainingJob(
        title=re.sub(r"[^a-zA-Z0-9]+", "-", title).strip("-"),
        inputs=inputs,
        image=_given(settings, "sagemaker_training_image"),
        role=_given(settings, "sagemaker_role"),
        instance=settings.sagemaker_training_instance,
        command=COMMAND,
        output=str(place / "output"),
        seconds=settings.sagemaker_training_seconds,
        channels=channels,
        checkpoints=str(place / "checkpoints" / inputs) if "checkpoints" in task else None,
        spot_seconds=settings.sagemaker_spot_seconds,
        tags={"llm-twin:kind": task["kind"], "llm-twin:twin": task.get("twin", "-")},
    )


def _given(settings: Settings, name: str) -> str:
    value = getattr(settings, name)
    if not value:
        raise ValueError(f"LLM_TWIN_TRAINING is sagemaker: set LLM_TWIN_{name.upper()}")
    return str(value)


def _remote(settings: Settings) -> "S3Path":
    home: Any = settings.home
    if not is_remote(home):
        raise NoBucket("LLM_TWIN_TRAINING is sagemaker: let LLM_TWIN_HOME lie in S3, as s3://bucket/prefix")
    return home


def _fetched(artefact: Any, folder: Path) -> dict[str, Any]:
    """Unpack what a job left into an empty folder; returns its report, which does not stay there."""
    with TemporaryDirectory() as aside:
        packed = Path(aside) / "model.tar.gz"
        if s3.fetch(artefact, packed) is None:
            raise FileNotFoundError(f"{artefact} is not there: delete the training job, and run again")
        unpack(packed, folder)
    report: dict[str, Any] = json.loads((folder / REPORT).read_text())
    (folder / REPORT).unlink()
    return report
