"""model_evaluation: whether a twin's newly tuned model may replace the one that answers now."""

from functools import partial

import dagster as dg

from llm_twin_assets.partitions import TWIN
from resources.embedder import Embedder
from resources.models import ModelStore
from resources.releases import Releases
from resources.settings import Settings
from resources.store import Store
from resources.twins import Twins
from resources.vector_store import VectorStore

CODE_VERSION = "2"


@dg.asset(
    group_name="evaluation",
    kinds={"python", "pytorch", "report"},
    owners=["team:evaluation"],
    code_version=CODE_VERSION,
    partitions_def=TWIN,
    deps=["cleaned_documents", "search_index", "instruct_dataset", "base_model", "aligned_model"],
)
def model_evaluation(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    twins: dg.ResourceParam[Twins],
    store: dg.ResourceParam[Store],
    models: dg.ResourceParam[ModelStore],
    releases: dg.ResourceParam[Releases],
    embedder: dg.ResourceParam[Embedder],
    vectors: dg.ResourceParam[VectorStore],
) -> dg.MaterializeResult[None]:
    """The tuned model's scores on the author's test documents and the gate's decision stand in a report."""
    from llm_twin_assets.contracts import digest
    from llm_twin_assets.evaluation.evaluating import evaluate, line_up
    from llm_twin_assets.evaluation.experiment import note_evaluation
    from llm_twin_assets.evaluation.lineup import asking_of
    from llm_twin_assets.evaluation.report_page import shown
    from resources.opik_noting import noted

    twin = twins.twin(context.partition_key)
    asked = asking_of(settings, store.read("instruct_dataset", twin.name), twin, embedder, vectors)
    documents = store.read("cleaned_documents")
    lineup = line_up(models, releases, twin.name, twin.author, documents, asked)
    has_report = store.record("model_evaluation", twin.name) is not None
    before = store.report("model_evaluation", twin.name) if has_report else {}
    record = store.materialize_report(
        "model_evaluation",
        digest(CODE_VERSION, lineup.inputs),
        lambda: evaluate(lineup, before, settings.threads),
        twin.name,
    )
    pictures, page = shown(store, twin.name, record.metadata)
    note = partial(note_evaluation, settings.local, store, twin.name)
    metadata = record.reported() | noted(settings.home, note)
    metadata |= {name: dg.MetadataValue.md(text) for name, text in pictures.items()}
    return dg.MaterializeResult(
        data_version=dg.DataVersion(record.version),
        metadata=metadata | {"page": dg.MetadataValue.path(str(page))},
    )
