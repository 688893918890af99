"""The measurement of the candidate index, from what stands in the store."""

from typing import Any

import pandas as pd

from llm_twin_assets.retrieval.measuring import measure, report
from llm_twin_assets.retrieval.publishing import last_published
from llm_twin_assets.retrieval.qrels import heading_queries
from llm_twin_assets.sources.preview import preview
from resources.embedder import Embedder
from resources.store import Store
from resources.vector_store import VectorStore


def evaluate(store: Store, embedder: Embedder, vectors: VectorStore) -> tuple[dict[str, Any], dict[str, Any]]:
    """The candidate's report and its numbers; the index that is published already keeps its report."""
    index_id, live = store.report("chunk_embeddings")["index_id"], last_published(store)
    if live is not None and live["index_id"] == index_id:
        return live, _numbers(live)
    chunks = store.read("cleaned_chunks")
    documents = dict(zip(chunks["document_id"], chunks["content_hash"], strict=True))
    known = live["documents"] if live else None
    scores = measure(embedder, vectors, index_id, heading_queries(chunks), known)
    found = report(index_id, documents, scores)
    return found, _numbers(found)


def hardest(content: dict[str, Any]) -> str:
    """A markdown table of the queries that found least."""
    columns = ["query", "relevant", "reciprocal_rank", "ndcg"]
    return preview(pd.DataFrame(content["queries"], columns=columns).sort_values(["ndcg", "query"]), columns)


def _numbers(content: dict[str, Any]) -> dict[str, Any]:
    numbers: dict[str, Any] = {"queries": len(content["queries"]), "state": content["state"]}
    for name, found in content["metrics"].items():
        numbers |= {name: found["mean"], f"{name}/low": found["low"], f"{name}/high": found["high"]}
    return numbers
