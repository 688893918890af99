"""What must be true of splits and chunks before anything is learned or quoted from them."""

import dagster as dg

from resources.embedder import Embedder
from resources.settings import Settings
from resources.store import Store
from resources.twins import Twins


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


@dg.asset_check(asset="cleaned_documents", blocking=True)
def no_copy_stands_beside_another(store: dg.ResourceParam[Store]) -> dg.AssetCheckResult:
    """No two documents share most of their text, and none that share much of it are in two splits."""
    from llm_twin_assets.documents.duplicates import NEAR_DUPLICATE_FROM, relations

    documents = store.read("cleaned_documents")
    pairs = relations(documents)
    splits = dict(zip(documents["document_id"], documents["split"], strict=True))
    copies = [pair for pair in pairs if pair.jaccard >= NEAR_DUPLICATE_FROM]
    divided = [pair for pair in pairs if splits[pair.one] != splits[pair.other]]
    wrong = [f"{pair.one} and {pair.other} ({pair.jaccard:.2f})" for pair in [*copies, *divided]]
    return dg.AssetCheckResult(
        passed=not wrong,
        description="; ".join(wrong[:10]) or None,
        metadata={"related": len(pairs), "copies": len(copies), "divided": len(divided)},
    )


@dg.asset_check(asset="cleaned_documents", blocking=True)
def no_personal_data_is_left(
    settings: dg.ResourceParam[Settings], twins: dg.ResourceParam[Twins], store: dg.ResourceParam[Store]
) -> dg.AssetCheckResult:
    """No address, number, key or token stands in a title or text, but for what its author publishes."""
    from llm_twin_assets.documents.redaction import findings
    from llm_twin_assets.documents.rules import rules_of

    rules, documents = rules_of(settings, twins), store.read("cleaned_documents")
    public = {handle for handles in rules.public.values() for handle in handles}
    found = {
        str(row.uri): sorted({finding.kind for finding in left})
        for row in documents.itertuples()
        if (left := findings(f"{row.title}\n\n{row.text}", public, rules.more))
    }
    return dg.AssetCheckResult(passed=not found, metadata={"documents": len(documents), "found": found})


@dg.asset_check(asset="cleaned_documents", blocking=True)
def no_text_instructs_a_model(
    twins: dg.ResourceParam[Twins], store: dg.ResourceParam[Store]
) -> dg.AssetCheckResult:
    """No cleaned text gives orders to the models that will read it, but where somebody trusts it."""
    from llm_twin_assets.contracts import document_id
    from llm_twin_assets.sources.injection import scan

    documents = store.read("cleaned_documents")
    trusted = {document_id(uri) for uri in twins.trusted}
    found = {
        str(row.uri): finding.excerpt
        for row in documents.itertuples()
        if row.document_id not in trusted and (finding := scan(str(row.text)))
    }
    return dg.AssetCheckResult(passed=not found, metadata={"documents": len(documents), "found": found})


@dg.asset_check(asset="cleaned_documents")
def most_of_each_text_is_kept(store: dg.ResourceParam[Store]) -> dg.AssetCheckResult:
    """Cleaning takes no more than half of a document's characters; a warning names those that lost more."""
    raw = store.read("raw_documents").set_index("document_id")["text"].str.len()
    documents = store.read("cleaned_documents")
    before = documents["document_id"].map(raw)
    lost = documents[documents["text"].str.len() * 2 < before]["uri"].tolist()
    warn = dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(passed=not lost, severity=warn, metadata={"lost_most": lost[:20]})
