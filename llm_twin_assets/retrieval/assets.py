"""The retrieval assets: build a candidate index, measure it, let readers use it."""

from datetime import timedelta
from typing import Any

import dagster as dg

from resources.embedder import Embedder
from resources.settings import Settings
from resources.store import Store
from resources.twins import Twins
from resources.vector_store import VectorStore

CODE_VERSION = "2"
WEEK = timedelta(days=7)


@dg.asset(
    group_name="retrieval",
    kinds={"python", "huggingface", "qdrant"},
    owners=["team:retrieval"],
    code_version=CODE_VERSION,
    deps=["cleaned_chunks"],
    retry_policy=dg.RetryPolicy(max_retries=2, delay=2, backoff=dg.Backoff.EXPONENTIAL),
)
def chunk_embeddings(
    context: dg.AssetExecutionContext,
    store: dg.ResourceParam[Store],
    embedder: dg.ResourceParam[Embedder],
    vectors: dg.ResourceParam[VectorStore],
) -> dg.MaterializeResult[None]:
    """Every chunk's vector stands in an index of the vector store that is not yet live."""
    from llm_twin_assets.contracts import digest
    from llm_twin_assets.retrieval.embedding import build_index, holds_chunks, space

    inputs = digest(CODE_VERSION, store.version("cleaned_chunks"), space(embedder))
    record = store.materialize_report(
        "chunk_embeddings",
        inputs,
        lambda: build_index(store.read("cleaned_chunks"), embedder, vectors, context.log.info),
        stands=lambda: holds_chunks(store, vectors),
    )
    done = record.reported() | ({"embedded": 0, "deleted": 0} if record.reused else {})
    index_id = store.report("chunk_embeddings")["index_id"]
    return dg.MaterializeResult(data_version=dg.DataVersion(index_id), metadata=done)


@dg.asset(
    group_name="retrieval",
    kinds={"python", "report"},
    owners=["team:retrieval"],
    code_version=CODE_VERSION,
    deps=["cleaned_chunks", "chunk_embeddings"],
)
def retrieval_evaluation(
    settings: dg.ResourceParam[Settings],
    twins: dg.ResourceParam[Twins],
    store: dg.ResourceParam[Store],
    embedder: dg.ResourceParam[Embedder],
    vectors: dg.ResourceParam[VectorStore],
) -> dg.MaterializeResult[None]:
    """How well the candidate index finds what is asked for stands in a report, query by query."""
    from llm_twin_assets.contracts import digest
    from llm_twin_assets.retrieval.charts import chart
    from llm_twin_assets.retrieval.evaluating import evaluate, procedure
    from llm_twin_assets.retrieval.reporting import hardest, table
    from resources.reranker import build_reranker

    reranker = build_reranker(settings)
    made_of = [store.version(asset) for asset in ("cleaned_chunks", "chunk_embeddings")]
    asked = twins.questions.read_text() if twins.questions else ""
    place = settings.qdrant_url or "embedded"
    record = store.materialize_report(
        "retrieval_evaluation",
        digest(CODE_VERSION, made_of, procedure(reranker, settings.wordings), asked, place),
        lambda: evaluate(store, embedder, vectors, reranker, twins.questions, settings.wordings, place),
    )
    report = store.report("retrieval_evaluation")
    shown = {"retrievers": table(report), "chart": chart(report), "hardest_queries": hardest(report)}
    metadata: dict[str, Any] = record.reported() | ({"embedded": 0} if record.reused else {})
    metadata |= {name: dg.MetadataValue.md(text) for name, text in shown.items()}
    return dg.MaterializeResult(data_version=dg.DataVersion(record.version), metadata=metadata)


@dg.asset(
    group_name="retrieval",
    kinds={"python", "qdrant"},
    owners=["team:retrieval"],
    code_version=CODE_VERSION,
    deps=["chunk_embeddings", "retrieval_evaluation"],
    freshness_policy=dg.FreshnessPolicy.time_window(warn_window=WEEK, fail_window=2 * WEEK),
)
def search_index(
    store: dg.ResourceParam[Store], vectors: dg.ResourceParam[VectorStore]
) -> dg.MaterializeResult[None]:
    """Readers search the measured index, and its measurement is kept as the bar for the next one."""
    from llm_twin_assets.contracts import digest
    from llm_twin_assets.retrieval.publishing import publish

    index_id = store.report("chunk_embeddings")["index_id"]
    inputs = digest(CODE_VERSION, index_id, store.version("retrieval_evaluation"))
    record = store.materialize_report(
        "search_index", inputs, lambda: publish(store, vectors), stands=lambda: vectors.live() == index_id
    )
    return dg.MaterializeResult(data_version=dg.DataVersion(index_id), metadata=record.reported())
