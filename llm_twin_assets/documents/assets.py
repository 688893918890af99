"""Cleaned documents with their splits, and the chunks they are cut into."""

import dagster as dg

from resources.embedder import Embedder
from resources.settings import Settings
from resources.store import Record, Store
from resources.twins import Twins

CODE_VERSION = "2"


@dg.asset(
    group_name="documents",
    kinds={"python", "parquet"},
    owners=["team:documents"],
    code_version=CODE_VERSION,
    deps=["raw_documents"],
)
def cleaned_documents(
    settings: dg.ResourceParam[Settings], twins: dg.ResourceParam[Twins], store: dg.ResourceParam[Store]
) -> dg.MaterializeResult[None]:
    """Every document's cleaned text, with its cluster and its split, stands in the store."""
    from llm_twin_assets.contracts import digest
    from llm_twin_assets.documents.preparing import clean_documents
    from llm_twin_assets.documents.rules import rules_of

    rules = rules_of(settings, twins)
    record = store.materialize(
        "cleaned_documents",
        digest(CODE_VERSION, rules.version(), store.version("raw_documents")),
        lambda: clean_documents(
            store.read("raw_documents"),
            store.read_or_empty("cleaned_documents"),
            rules,
            store.aside("cleaned_documents"),
        ),
    )
    return _result(record, len(store.read("cleaned_documents")))


@dg.asset(
    group_name="documents",
    kinds={"python", "parquet"},
    owners=["team:documents"],
    code_version=CODE_VERSION,
    deps=["cleaned_documents"],
)
def cleaned_chunks(
    store: dg.ResourceParam[Store], embedder: dg.ResourceParam[Embedder]
) -> dg.MaterializeResult[None]:
    """Every cleaned document's chunks, short enough for the embedder, stand in the store."""
    from llm_twin_assets.contracts import digest
    from llm_twin_assets.documents.chunking import build_chunks

    recipe = digest(CODE_VERSION, embedder.model_id)
    record = store.materialize(
        "cleaned_chunks",
        digest(recipe, store.version("cleaned_documents")),
        lambda: build_chunks(store, embedder, recipe),
    )
    return _result(record, len(store.read("cleaned_documents")))


def _result(record: Record, documents: int) -> dg.MaterializeResult[None]:
    """A record as its asset reports it; a run that computed nothing says so in its numbers."""
    reused = {"reused_documents": documents, "computed_documents": 0} if record.reused else {}
    tables = ("preview", "left_out")
    shown = {name: dg.MetadataValue.md(text) for name in tables if (text := record.metadata.get(name))}
    return dg.MaterializeResult(
        data_version=dg.DataVersion(record.version), metadata=record.reported() | reused | shown
    )
