"""The sources as they stand outside, and the documents read from them."""

import dagster as dg

from resources.catalog import Catalog
from resources.store import Store

CODE_VERSION = "2"

source_documents = dg.AssetSpec(
    "source_documents",
    group_name="sources",
    kinds={"file"},
    owners=["team:sources"],
    description="The documents as they lie in the declared sources; their fingerprint is reported, not made.",
)


@dg.asset(
    group_name="sources",
    kinds={"python", "parquet"},
    owners=["team:sources"],
    code_version=CODE_VERSION,
    deps=["source_documents"],
)
def raw_documents(
    catalog: dg.ResourceParam[Catalog], store: dg.ResourceParam[Store]
) -> dg.MaterializeResult[None]:
    """Every readable document of every source stands in the store; the others are named with reasons."""
    from llm_twin_assets.contracts import digest
    from llm_twin_assets.sources import connectors

    listing = connectors.look(catalog)
    record = store.materialize(
        "raw_documents",
        digest(CODE_VERSION, listing.version(), catalog.forgotten.uris()),
        lambda: connectors.raw_documents(catalog, listing, store.read_or_empty("raw_documents")),
    )
    counts = connectors.unchanged(record.metadata["dagster/row_count"]) if record.reused else {}
    shown = {"preview": dg.MetadataValue.md(record.metadata["preview"])}
    return dg.MaterializeResult(
        data_version=dg.DataVersion(record.version), metadata=record.reported() | counts | shown
    )
