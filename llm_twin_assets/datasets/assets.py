"""What a twin learns from: instructions that its author answered in their own words, and pairs of answers."""

from typing import Any

import dagster as dg

from llm_twin_assets.partitions import TWIN
from resources.settings import Settings
from resources.store import Store
from resources.twins import Twins

CODE_VERSION = "2"


@dg.asset(
    group_name="datasets",
    kinds={"python", "parquet"},
    owners=["team:datasets"],
    code_version=CODE_VERSION,
    partitions_def=TWIN,
    deps=["cleaned_documents", "cleaned_chunks"],
)
def instruct_dataset(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    twins: dg.ResourceParam[Twins],
    store: dg.ResourceParam[Store],
) -> dg.MaterializeResult[None]:
    """Instructions with the author's own spans as answers stand in the store, split like their documents."""
    from llm_twin_assets.contracts import digest
    from llm_twin_assets.datasets.building import dataset
    from llm_twin_assets.datasets.card import keep_card
    from llm_twin_assets.datasets.making import instruct_inputs, purse_of
    from llm_twin_assets.datasets.spending import CostCapError

    twin = twins.twin(context.partition_key)
    documents, chunks = store.read("cleaned_documents"), store.read("cleaned_chunks")
    before = store.record("instruct_dataset", twin.name)
    # What the cost cap left unasked last time is asked for in the next run; the answers so far are kept.
    again = context.run_id if before and before.metadata.get("teacher/unasked") else ""
    try:
        record = store.materialize(
            "instruct_dataset",
            digest(CODE_VERSION, instruct_inputs(settings, documents, chunks, twin.author), again),
            lambda: dataset(documents, chunks, twin.name, twin.author, purse_of(settings)),
            twin.name,
        )
    except CostCapError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    shown = {"card": dg.MetadataValue.md(keep_card(store, documents, twin, record.metadata))}
    metadata: dict[str, Any] = record.reported() | shown
    return dg.MaterializeResult(data_version=dg.DataVersion(record.version), metadata=metadata)


@dg.asset(
    group_name="datasets",
    kinds={"python", "parquet"},
    owners=["team:datasets"],
    code_version=CODE_VERSION,
    partitions_def=TWIN,
    deps=["cleaned_documents", "instruct_dataset"],
)
def preference_dataset(
    context: dg.AssetExecutionContext,
    twins: dg.ResourceParam[Twins],
    store: dg.ResourceParam[Store],
) -> dg.MaterializeResult[None]:
    """Pairs of the author's own span and a text known to be worse stand in the store, labelled by kind."""
    from llm_twin_assets.contracts import digest
    from llm_twin_assets.datasets.preferences import corpus_version, preference_rows

    twin = context.partition_key
    documents = store.read("cleaned_documents")
    record = store.materialize(
        "preference_dataset",
        digest(CODE_VERSION, store.version("instruct_dataset", twin), corpus_version(documents)),
        lambda: preference_rows(
            store.read("instruct_dataset", twin), documents, twin, twins.twin(twin).author
        ),
        twin,
    )
    return dg.MaterializeResult(data_version=dg.DataVersion(record.version), metadata=record.reported())
