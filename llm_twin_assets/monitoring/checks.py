"""What the drift report means for the run: nothing is stopped by it, and its sensor reads it."""

import dagster as dg

from llm_twin_assets.partitions import TWIN
from resources.store import Store


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
