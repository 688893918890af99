"""model_evaluation: whether a twin's newly tuned model may replace the one that answers now."""

import dagster as dg

from llm_twin_assets.partitions import TWIN
from resources.models import ModelStore
from resources.releases import Releases
from resources.settings import Settings
from resources.store import Store
from resources.twins import Twins

CODE_VERSION = "1"


@dg.asset(
    group_name="evaluation",
    kinds={"python", "pytorch", "report"},
    owners=["team:evaluation"],
    code_version=CODE_VERSION,
    partitions_def=TWIN,
    deps=["cleaned_documents", "base_model", "fine_tuned_model"],
)
def model_evaluation(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    twins: dg.ResourceParam[Twins],
    store: dg.ResourceParam[Store],
    models: dg.ResourceParam[ModelStore],
    releases: dg.ResourceParam[Releases],
) -> dg.MaterializeResult[None]:
    """The tuned model's scores on the author's test documents and the gate's decision stand in a report."""
    from llm_twin_assets.contracts import digest
    from llm_twin_assets.evaluation.evaluating import evaluate, line_up

    twin = context.partition_key
    lineup = line_up(models, releases, twin, twins.twin(twin).author, store.read("cleaned_documents"))
    before = store.report("model_evaluation", twin) if store.record("model_evaluation", twin) else {}
    record = store.materialize_report(
        "model_evaluation",
        digest(CODE_VERSION, lineup.inputs),
        lambda: evaluate(lineup, before, settings.threads),
        twin,
    )
    return dg.MaterializeResult(
        data_version=dg.DataVersion(record.version),
        metadata=record.reported() | {"table": dg.MetadataValue.md(record.metadata["table"])},
    )
