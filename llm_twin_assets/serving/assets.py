"""release and deployed_endpoint: what the gate let through, and the server that answers with it."""

from functools import partial

import dagster as dg

from llm_twin_assets.partitions import TWIN
from resources.endpoint import Endpoint
from resources.models import ModelStore
from resources.releases import Releases
from resources.settings import Settings
from resources.store import Store
from resources.traces import TraceStore
from resources.twins import Twins

CODE_VERSION = "1"
OWNERS = ["team:serving"]


class Deployment(dg.Config):
    """Which release to deploy: none for what `release` reported, an id to roll back to.

    canary: whether a new release is tried on a share of the conversations first; none for what the settings
    say. No ends one that runs: its release serves everybody at once.
    """

    release_id: str | None = None
    canary: bool | None = None


@dg.asset(
    group_name="serving",
    kinds={"python", "json"},
    owners=OWNERS,
    code_version=CODE_VERSION,
    partitions_def=TWIN,
    deps=["base_model", "aligned_model", "model_evaluation"],
)
def release(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    twins: dg.ResourceParam[Twins],
    store: dg.ResourceParam[Store],
    models: dg.ResourceParam[ModelStore],
    releases: dg.ResourceParam[Releases],
) -> dg.MaterializeResult[None]:
    """The release that the gate's decision calls for stands in the registry: a new one, or the champion."""
    from llm_twin_assets.contracts import digest
    from llm_twin_assets.serving.releasing import NotReleasable, described, released
    from resources.opik_library import note_prompt
    from resources.opik_noting import noted

    twin = context.partition_key
    try:
        release_id = released(settings, twins, store, models, releases, twin)
    except NotReleasable as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    inputs = digest(CODE_VERSION, release_id)
    record = store.materialize_report("release", inputs, lambda: ({"release_id": release_id}, {}), twin)
    manifest = releases.manifest(twin, release_id)
    told = described(manifest, settings, len(releases.all(twin)))
    note = partial(note_prompt, settings.local, twin=twin, release_id=release_id, text=manifest.prompt)
    told |= noted(settings.home, note)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(release_id), metadata={**told, **record.reported()}
    )


@dg.asset(
    group_name="serving",
    kinds={"python", "fastapi"},
    owners=OWNERS,
    code_version=CODE_VERSION,
    partitions_def=TWIN,
    deps=["release"],
)
def deployed_endpoint(
    context: dg.AssetExecutionContext,
    config: Deployment,
    settings: dg.ResourceParam[Settings],
    twins: dg.ResourceParam[Twins],
    store: dg.ResourceParam[Store],
    releases: dg.ResourceParam[Releases],
    traces: dg.ResourceParam[TraceStore],
    endpoint: dg.ResourceParam[Endpoint],
) -> dg.MaterializeResult[None]:
    """The server answers as this release, or lets it answer a share that its canary has earned so far."""
    from llm_twin_assets.serving.deploying import Deployer, described
    from llm_twin_assets.serving.sagemaker_deploying import hosted

    twin, deployer = context.partition_key, Deployer(store, releases, traces, endpoint, settings)
    with store.locks.held(f"deployed_endpoint/{twin}"):
        before = releases.desired(twin)
        with hosted(settings, store, releases, twin, config.release_id):
            if config.release_id:
                done = deployer.roll_back(twin, config.release_id)
            else:
                done = deployer.deploy(twin, twins.twin(twin).author, config.canary)
    metadata = described(done, before, len(releases.quarantined(twin)))
    metadata["url"] = dg.MetadataValue.url(done.url)
    return dg.MaterializeResult(data_version=dg.DataVersion(done.version), metadata=metadata)
