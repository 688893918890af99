"""production_traces: what the twins were asked, where analysis can read it."""

from datetime import timedelta

import dagster as dg

from llm_twin_assets.partitions import TWIN
from resources.store import Store
from resources.traces import TraceStore

CODE_VERSION = "1"


@dg.asset(
    group_name="monitoring",
    kinds={"python", "parquet"},
    owners=["team:monitoring"],
    code_version=CODE_VERSION,
    partitions_def=TWIN,
    deps=["deployed_endpoint"],
    freshness_policy=dg.FreshnessPolicy.time_window(
        fail_window=timedelta(hours=6), warn_window=timedelta(hours=2)
    ),
)
def production_traces(
    context: dg.AssetExecutionContext, store: dg.ResourceParam[Store], traces: dg.ResourceParam[TraceStore]
) -> dg.MaterializeResult[None]:
    """Every request that the twin was asked so far stands in the store, as one row."""
    from llm_twin_assets.contracts import digest
    from llm_twin_assets.monitoring.traces import extended, preview, summary

    twin = context.partition_key
    inputs = digest(CODE_VERSION, traces.newest(twin))
    record = store.materialize(
        "production_traces",
        inputs,
        lambda: extended(store.read_or_empty("production_traces", twin), traces, twin),
        twin,
    )
    rows = store.read("production_traces", twin)
    metadata = {**record.reported(), **summary(rows), "preview": dg.MetadataValue.md(preview(rows))}
    return dg.MaterializeResult(data_version=dg.DataVersion(record.version), metadata=metadata)
