"""What the gate's decision means for the run: refuse stops it, keep is a warning."""

import dagster as dg

from llm_twin_assets.partitions import TWIN
from resources.store import Store
from resources.twins import Twins


@dg.asset_check(asset="model_evaluation", blocking=True, partitions_def=TWIN)
def beats_base(context: dg.AssetCheckExecutionContext, store: dg.ResourceParam[Store]) -> dg.AssetCheckResult:
    """The gate did not refuse: nothing was found and no guard failed, and it is no worse than its base."""
    report = store.report("model_evaluation", context.partition_key)
    return dg.AssetCheckResult(
        passed=report["decision"] in ("promote", "keep"),
        severity=dg.AssetCheckSeverity.ERROR,
        description=report["reason"],
        metadata={
            "decision": report["decision"],
            "test_documents": report["test_documents"],
            "guards": len(report.get("guards", [])),
            "findings": len(report.get("findings", [])),
        },
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


@dg.asset_check(asset="instruct_dataset", blocking=True, partitions_def=TWIN)
def answers_sound_like_their_author(
    context: dg.AssetCheckExecutionContext,
    twins: dg.ResourceParam[Twins],
    store: dg.ResourceParam[Store],
) -> dg.AssetCheckResult:
    """The training answers are as near to the author, by Burrows' Delta, as their own held-out text."""
    from llm_twin_assets.evaluation.own_words import judged_by_style

    twin = twins.twin(context.partition_key)
    rows, documents = store.read("instruct_dataset", twin.name), store.read("cleaned_documents")
    passed, said, numbers = judged_by_style(rows, documents, twin.author)
    return dg.AssetCheckResult(passed=passed, description=said, metadata=numbers)
