"""What must be true of splits and chunks before anything is learned or quoted from them."""

import dagster as dg

from resources.embedder import Embedder
from resources.store import Store


@dg.asset_check(asset="cleaned_documents", blocking=True)
def splits_are_closed_under_clusters(store: dg.ResourceParam[Store]) -> dg.AssetCheckResult:
    """No cluster of copies stands in two splits."""
    rows = store.read("cleaned_documents")
    splits = rows.groupby("cluster_id")["split"].nunique()
    divided = [str(cluster) for cluster in splits[splits > 1].index]
    return dg.AssetCheckResult(
        passed=not divided,
        description=f"clusters in more than one split: {divided[:10]}" if divided else None,
        metadata={"clusters": len(splits), "divided": len(divided)},
    )


@dg.asset_check(asset="cleaned_chunks", blocking=True)
def chunks_stand_at_their_offsets(store: dg.ResourceParam[Store]) -> dg.AssetCheckResult:
    """Each chunk's text is exactly what its document holds between its offsets; no document lacks chunks."""
    documents, chunks = store.read("cleaned_documents"), store.read("cleaned_chunks")
    texts = dict(zip(documents["document_id"], documents["text"], strict=True))
    wrong = [
        str(row.chunk_id)
        for row in chunks.itertuples()
        if row.text != texts.get(row.document_id, "")[row.start : row.end]
    ]
    missing = sorted(set(texts) - set(chunks["document_id"]))
    return dg.AssetCheckResult(
        passed=not wrong and not missing,
        description=f"wrong chunks {wrong[:10]}, documents without {missing[:10]}"
        if wrong or missing
        else None,
        metadata={"chunks": len(chunks), "wrong": len(wrong), "documents_without": len(missing)},
    )


@dg.asset_check(asset="cleaned_chunks", blocking=True)
def chunks_fit_the_embedder(
    store: dg.ResourceParam[Store], embedder: dg.ResourceParam[Embedder]
) -> dg.AssetCheckResult:
    """Chunk ids are unique, as the schema has it, and the embedder reads every chunk to its end."""
    from pandera.errors import SchemaErrors

    try:
        chunks = store.read("cleaned_chunks")
    except SchemaErrors as errors:
        return dg.AssetCheckResult(passed=False, description=str(errors)[:2000])
    largest = max((embedder.count_tokens(text) for text in chunks["text"]), default=0)
    return dg.AssetCheckResult(
        passed=largest <= embedder.window, metadata={"largest_tokens": largest, "window": embedder.window}
    )
