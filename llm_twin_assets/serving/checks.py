"""What must hold of the deployed endpoint."""

import dagster as dg

from llm_twin_assets.partitions import TWIN
from resources.endpoint import Endpoint, EndpointError
from resources.releases import Releases
from resources.store import Store
from resources.twins import Twins
from resources.vector_store import VectorStore


@dg.asset_check(asset="deployed_endpoint", blocking=True, partitions_def=TWIN)
def serves_this_release(
    context: dg.AssetCheckExecutionContext,
    twins: dg.ResourceParam[Twins],
    store: dg.ResourceParam[Store],
    releases: dg.ResourceParam[Releases],
    vectors: dg.ResourceParam[VectorStore],
    endpoint: dg.ResourceParam[Endpoint],
) -> dg.AssetCheckResult:
    """The server reports the desired release, and quotes the author's documents word for word."""
    from llm_twin_assets.serving.probing import probed

    twin = context.partition_key
    author = twins.twin(twin).author
    try:
        found = probed(store, vectors, endpoint, twin, author, releases.desired(twin))
    except EndpointError as error:
        return dg.AssetCheckResult(passed=False, description=str(error))
    severity = dg.AssetCheckSeverity.WARN if found.excused else dg.AssetCheckSeverity.ERROR
    return dg.AssetCheckResult(
        passed=not found.fault, severity=severity, description=found.fault, metadata=found.metadata
    )


@dg.asset_check(asset="deployed_endpoint", partitions_def=TWIN)
def canary_holds(
    context: dg.AssetCheckExecutionContext, releases: dg.ResourceParam[Releases]
) -> dg.AssetCheckResult:
    """The twin's last canary was not rolled back for what it did to those who were answered by it."""
    state = releases.state(context.partition_key)
    ended = (state.ended if state else None) or {}
    if ended.get("action") != "roll_back":
        return dg.AssetCheckResult(passed=True)
    return dg.AssetCheckResult(
        passed=False,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"release {ended['release_id']} was rolled back: {ended['reason']}",
        metadata={"release_id": ended["release_id"], "evidence": ended["evidence"]},
    )
