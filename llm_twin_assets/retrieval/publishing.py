"""When a measured index may be let to the readers, and what is kept of it."""

from typing import Any

from llm_twin_assets.retrieval.comparing import index_against_live
from resources.store import Store
from resources.vector_store import VectorStore


class NotPublished(RuntimeError):
    """An index was to be published that was not measured, or is worse than the live one."""


def last_published(store: Store) -> dict[str, Any] | None:
    """The measurement of the index that was published last; None before the first."""
    if store.record("search_index") is None:
        return None
    evaluation: dict[str, Any] = store.report("search_index")["evaluation"]
    return evaluation


def publish(store: Store, vectors: VectorStore) -> tuple[dict[str, Any], dict[str, Any]]:
    """Let readers use the measured index; returns the report that keeps its measurement, and numbers.

    A run of this asset alone has passed no blocking check, so what they say is asked once more.
    Raises NotPublished.
    """
    index_id = store.report("chunk_embeddings")["index_id"]
    evaluation = store.report("retrieval_evaluation")
    if evaluation["index_id"] != index_id:
        raise NotPublished(f"index {index_id} has not been measured: materialize retrieval_evaluation first")
    comparison = index_against_live(evaluation, last_published(store))
    if comparison.worse:
        raise NotPublished(f"index {index_id} is {comparison.reason}")
    vectors.publish(index_id)
    return {"index_id": index_id, "evaluation": evaluation}, {"dagster/row_count": vectors.count(index_id)}
