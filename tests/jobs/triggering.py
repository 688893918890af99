"""What triggers see in tests: materializations that are reported, and runs that are only written down."""

import uuid

import dagster as dg
from dagster._core.remote_origin import (
    InProcessCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.test_utils import create_run_for_test
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from resources.twins import FileSource, Thresholds, Twin, Twins

LOCATION = InProcessCodeLocationOrigin(LoadableTargetOrigin(module_name="llm_twin_assets.definitions"))
ORIGIN = RemoteRepositoryOrigin(LOCATION, "repository")


def two_twins(root, **thresholds):
    """Ada and Bob, with these thresholds and otherwise no pause between trainings."""
    limits = Thresholds(**{"cooldown_minutes": 0, **thresholds})
    names = {"ada": "Ada Vale", "bob": "Bob Hale"}
    return Twins(
        root=root,
        sources=[FileSource(kind="folder", path=root)],
        twins=[Twin(name=name, author=author, thresholds=limits) for name, author in names.items()],
    )


def report(instance, asset, version, twin, **metadata):
    """A materialization with this data version, outside of any run."""
    event = dg.AssetMaterialization(
        asset, partition=twin, tags={"dagster/data_version": version}, metadata=metadata
    )
    instance.report_runless_asset_event(event)


def begin(instance, job="twin_job", twin="ada", status=dg.DagsterRunStatus.STARTED, assets=None, **tags):
    """A run that is written down, with its tags; returns its id."""
    of_twin = {"dagster/partition": twin} if twin else {}
    named = {name.replace("__", "/"): value for name, value in tags.items()}
    run = create_run_for_test(
        instance,
        job_name=job,
        run_id=str(uuid.uuid4()),
        status=status,
        tags=of_twin | named,
        # Only a run with one can wait in the queue.
        remote_job_origin=RemoteJobOrigin(ORIGIN, job),
        asset_selection=frozenset(map(dg.AssetKey, assets)) if assets else None,
    )
    return run.run_id
