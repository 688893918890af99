"""What must be true of the documents before anything is made of them."""

import dagster as dg

from resources.store import Store


@dg.asset_check(asset="raw_documents", blocking=True)
def documents_are_well_formed(store: dg.ResourceParam[Store]) -> dg.AssetCheckResult:
    """Ids are unique, every column obeys its schema, and each hash is its text's."""
    from pandera.errors import SchemaErrors

    from llm_twin_assets.contracts import content_hash

    try:
        rows = store.read("raw_documents")
    except SchemaErrors as errors:
        return dg.AssetCheckResult(passed=False, description=str(errors)[:2000])
    wrong = rows[rows["text"].map(content_hash) != rows["content_hash"]]
    return dg.AssetCheckResult(
        passed=wrong.empty, metadata={"documents": len(rows), "wrong_hashes": wrong["uri"].tolist()}
    )


@dg.asset_check(asset="raw_documents", blocking=True)
def there_is_a_document(store: dg.ResourceParam[Store]) -> dg.AssetCheckResult:
    """At least one document could be read."""
    count = len(store.read("raw_documents"))
    left = store.rejected()
    reasons = left[left["stage"] == "raw_documents"]["reason"].value_counts()
    mend = "put .md, .txt or .html files into a source of the twins file, or mend the rejected ones"
    return dg.AssetCheckResult(
        passed=count > 0,
        description=None if count else f"no document could be read: {mend}",
        metadata={"documents": count, "rejected": {str(key): int(n) for key, n in reasons.items()}},
    )
