"""production_traces, drift_report and feedback_dataset: what the twins were asked, whether it is still of the
same kind, and what readers' judgement of the answers gives for training.
"""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import dagster as dg

from llm_twin_assets.partitions import TWIN
from resources.embedder import Embedder
from resources.places import scratch_of
from resources.releases import Releases
from resources.settings import Settings
from resources.store import Store, Table
from resources.traces import TraceStore
from resources.twins import Twins

CODE_VERSION = "3"
OWNERS = ["team:monitoring"]


class Reference(dg.Config):
    """repin: take the newest questions for the reference, because what they are of is to be the rule now."""

    repin: bool = False


@dg.asset(
    group_name="monitoring",
    kinds={"python", "parquet"},
    owners=OWNERS,
    code_version=CODE_VERSION,
    partitions_def=TWIN,
    deps=["cleaned_documents", "cleaned_chunks", "deployed_endpoint"],
    freshness_policy=dg.FreshnessPolicy.time_window(
        fail_window=timedelta(hours=6), warn_window=timedelta(hours=2)
    ),
)
def production_traces(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    twins: dg.ResourceParam[Twins],
    store: dg.ResourceParam[Store],
    traces: dg.ResourceParam[TraceStore],
) -> dg.MaterializeResult[None]:
    """Every request to the twin that is not forgotten stands in the store, as one row with its scores."""
    from llm_twin_assets.contracts import digest
    from llm_twin_assets.monitoring.online_scores import scoring
    from llm_twin_assets.monitoring.opinions import opinions_of
    from llm_twin_assets.monitoring.traces import exported, extended, forget, note_scores, redacting, shown
    from resources.opik_noting import noted

    twin = twins.twin(context.partition_key)
    before = forget(traces, settings.trace_days)
    score = scoring(store, twin.author, opinions_of(settings, twins))
    record = store.materialize(
        "production_traces",
        digest(CODE_VERSION, traces.newest(twin.name), before),
        lambda: extended(
            store.read_or_empty("production_traces", twin.name), traces, twin.name, score, before
        ),
        twin.name,
    )
    rows, clean = store.read("production_traces", twin.name), redacting(settings, twins)
    numbers, texts = shown(rows, clean, settings.trace_days)
    scored = rows.tail(record.metadata["new_requests"])
    metadata: dict[str, Any] = {
        **record.reported(),
        **numbers,
        **noted(settings.home, partial(note_scores, traces.path.parent, twin.name, scored)),
        **exported(traces, twin.name, settings, twins),
    }
    metadata |= {name: dg.MetadataValue.md(text) for name, text in texts.items()}
    return dg.MaterializeResult(data_version=dg.DataVersion(record.version), metadata=metadata)


@dg.asset(
    group_name="monitoring",
    kinds={"python", "html"},
    owners=OWNERS,
    code_version=CODE_VERSION,
    partitions_def=TWIN,
    deps=["production_traces"],
)
def drift_report(
    context: dg.AssetExecutionContext,
    config: Reference,
    store: dg.ResourceParam[Store],
    releases: dg.ResourceParam[Releases],
    embedder: dg.ResourceParam[Embedder],
) -> dg.MaterializeResult[None]:
    """Whether the twin's traffic differs from its pinned reference, and in what, stands in a report."""
    from llm_twin_assets.contracts import digest
    from llm_twin_assets.monitoring.drift_page import shown, write_page
    from llm_twin_assets.monitoring.drift_report import Plan, line_up, report, tell_opik
    from resources.opik_noting import noted

    twin = context.partition_key
    lineup = line_up(store, releases, embedder, twin, Plan(), config.repin)
    inputs = digest(CODE_VERSION, lineup.inputs)
    record = store.materialize_report(
        "drift_report", inputs, lambda: report(lineup), twin, stands=lambda: not config.repin
    )
    content = store.report("drift_report", twin)
    page = write_page(store.folder("drift_report", twin), content)
    metadata: dict[str, Any] = record.reported() | {"window_id": lineup.window_id}
    metadata |= noted(store.home, partial(tell_opik, scratch_of(store.home), content))
    metadata |= {name: dg.MetadataValue.md(text) for name, text in shown(content).items()}
    metadata["page"] = dg.MetadataValue.path(str(page))
    return dg.MaterializeResult(data_version=dg.DataVersion(lineup.window_id), metadata=metadata)


@dg.asset(
    group_name="monitoring",
    kinds={"python", "parquet"},
    owners=OWNERS,
    code_version=CODE_VERSION,
    partitions_def=TWIN,
    deps=["production_traces", "cleaned_documents", "cleaned_chunks", "instruct_dataset"],
)
def feedback_dataset(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    twins: dg.ResourceParam[Twins],
    store: dg.ResourceParam[Store],
    traces: dg.ResourceParam[TraceStore],
) -> dg.MaterializeResult[None]:
    """What readers' feedback gives for training stands in the store, as the author's own spans."""
    from llm_twin_assets.contracts import FEEDBACK_ROWS, digest, empty
    from llm_twin_assets.monitoring.feedback_dataset import feedback_rows, stands_against

    twin, hour = twins.twin(context.partition_key), _this_hour()
    made_of, missing = _upstream(store, twin.name)
    said = traces.feedback_since(twin.name)
    asked = twins.questions.read_text() if twins.questions else ""

    def made() -> Table:
        if missing:
            return Table(empty(FEEDBACK_ROWS))
        against = stands_against(store, settings, twins, twin)
        return feedback_rows(store.read("production_traces", twin.name), said, against, twin.name, hour)

    # What was said grows old enough by the hour; where nothing was, no hour changes anything.
    inputs = digest(CODE_VERSION, made_of, asked, settings.redaction, said, said and hour)
    record = store.materialize("feedback_dataset", inputs, made, twin.name)
    rows = record.metadata["dagster/row_count"]
    waits = {"waits_for": f"{', '.join(missing)}: run `llm-twin run`"} if missing else {}
    metadata: dict[str, Any] = record.reported() | {"rows": rows} | waits
    return dg.MaterializeResult(data_version=dg.DataVersion(record.version), metadata=metadata)


def _this_hour() -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


def _upstream(store: Store, twin: str) -> tuple[dict[str, str], list[str]]:
    """The versions of what feedback is made of and measured by, and what of it was never made."""
    owners = {"production_traces": twin, "instruct_dataset": twin}
    names = ("production_traces", "cleaned_documents", "cleaned_chunks", "instruct_dataset")
    records = {name: store.record(name, owners.get(name)) for name in names}
    return (
        {name: record.version for name, record in records.items() if record},
        [name for name, record in records.items() if not record],
    )
