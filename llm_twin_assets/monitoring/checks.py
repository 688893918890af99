"""What the drift report means for the run, which stops nothing, and what must be true of feedback's rows."""

import dagster as dg

from llm_twin_assets.partitions import TWIN
from resources.settings import Settings
from resources.store import Store
from resources.twins import Twins


@dg.asset_check(asset="drift_report", partitions_def=TWIN)
def no_drift(context: dg.AssetCheckExecutionContext, store: dg.ResourceParam[Store]) -> dg.AssetCheckResult:
    """The traffic is like the reference, or too little to tell; drift warns, a fault is an error."""
    report = store.report("drift_report", context.partition_key)
    state = report["state"]
    return dg.AssetCheckResult(
        passed=state in ("ok", "insufficient"),
        severity=dg.AssetCheckSeverity.ERROR if state == "error" else dg.AssetCheckSeverity.WARN,
        description=f"{state}: {report['reason']}",
        metadata={"state": state, "drifted": report["numbers"]["drifted"], "window_id": report["window_id"]},
    )


@dg.asset_check(asset="drift_report", partitions_def=TWIN)
def answers_are_not_stale(
    context: dg.AssetCheckExecutionContext, store: dg.ResourceParam[Store]
) -> dg.AssetCheckResult:
    """Hardly any answer of the last window was quoted from a document that had changed by then."""
    report = store.report("drift_report", context.partition_key)
    signal = report["signals"].get("stale") or {"state": "insufficient", "reason": "there is no window yet"}
    return dg.AssetCheckResult(
        passed=signal["state"] != "drift",
        severity=dg.AssetCheckSeverity.WARN,
        description=signal["reason"],
        metadata={"state": signal["state"]},
    )


@dg.asset_check(asset="feedback_dataset", blocking=True, partitions_def=TWIN)
def feedback_is_fit_to_learn_from(
    context: dg.AssetCheckExecutionContext,
    settings: dg.ResourceParam[Settings],
    twins: dg.ResourceParam[Twins],
    store: dg.ResourceParam[Store],
) -> dg.AssetCheckResult:
    """Every row is the author's span, of a stored request and in its share, and holds nothing private."""
    from llm_twin_assets.datasets.feedback_faults import feedback_faults, standard_of, told
    from llm_twin_assets.monitoring.feedback_dataset import over_their_share

    twin, rows = twins.twin(context.partition_key), store.read("feedback_dataset", context.partition_key)
    found: dict[str, list[str]] = {}
    if len(rows):
        known = set(store.read("production_traces", twin.name)["trace_id"])
        standard = standard_of(store, settings, twins, twin, known)
        found = feedback_faults(rows, standard) | over_their_share(rows, standard.own)
    return dg.AssetCheckResult(
        passed=not found,
        description=told(found),
        metadata={"rows": len(rows), "faults": {name: len(ids) for name, ids in found.items()}},
    )
