"""What the gate's decision means for the run: refuse stops it, keep is a warning."""

import dagster as dg

from llm_twin_assets.partitions import TWIN
from resources.store import Store


@dg.asset_check(asset="model_evaluation", blocking=True, partitions_def=TWIN)
def beats_base(context: dg.AssetCheckExecutionContext, store: dg.ResourceParam[Store]) -> dg.AssetCheckResult:
    """The gate did not refuse: what is released next is better than the plain base model."""
    report = store.report("model_evaluation", context.partition_key)
    return dg.AssetCheckResult(
        passed=report["decision"] in ("promote", "keep"),
        severity=dg.AssetCheckSeverity.ERROR,
        description=report["reason"],
        metadata={"decision": report["decision"], "test_documents": report["test_documents"]},
    )


@dg.asset_check(asset="model_evaluation", partitions_def=TWIN)
def champion_kept(
    context: dg.AssetCheckExecutionContext, store: dg.ResourceParam[Store]
) -> dg.AssetCheckResult:
    """The gate had a reason to change the release; a failure warns that the champion stays."""
    report = store.report("model_evaluation", context.partition_key)
    return dg.AssetCheckResult(
        passed=report["decision"] != "keep",
        severity=dg.AssetCheckSeverity.WARN,
        description=report["reason"],
    )
