"""instruct_dataset: instructions that a twin's author answered with their own words."""

import dagster as dg

from llm_twin_assets.partitions import TWIN
from resources.store import Store
from resources.twins import Twins

CODE_VERSION = "1"


@dg.asset(
    group_name="datasets",
    kinds={"python", "parquet"},
    owners=["team:datasets"],
    code_version=CODE_VERSION,
    partitions_def=TWIN,
    deps=["cleaned_documents"],
)
def instruct_dataset(
    context: dg.AssetExecutionContext,
    twins: dg.ResourceParam[Twins],
    store: dg.ResourceParam[Store],
) -> dg.MaterializeResult[None]:
    """Instructions with the author's own spans as answers stand in the store, split like their documents."""
    from llm_twin_assets.contracts import digest
    from llm_twin_assets.datasets.card import card
    from llm_twin_assets.datasets.instruct import documents_version, instruct_rows

    twin = context.partition_key
    author = twins.twin(twin).author
    documents = store.read("cleaned_documents")
    record = store.materialize(
        "instruct_dataset",
        digest(CODE_VERSION, author, documents_version(documents, author)),
        lambda: instruct_rows(documents, twin, author),
        twin,
    )
    shown = {"card": dg.MetadataValue.md(card(store.read("instruct_dataset", twin), author))}
    return dg.MaterializeResult(
        data_version=dg.DataVersion(record.version), metadata=record.reported() | shown
    )
