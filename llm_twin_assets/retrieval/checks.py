"""What must hold before the next retrieval asset may run; each check looks into the store itself."""

import dagster as dg

from resources.embedder import Embedder
from resources.store import Store
from resources.vector_store import VectorStore


@dg.asset_check(asset="chunk_embeddings", blocking=True)
def vectors_are_the_chunks(
    store: dg.ResourceParam[Store], vectors: dg.ResourceParam[VectorStore]
) -> dg.AssetCheckResult:
    """The index holds as many vectors as there are chunks, under the same ids."""
    wanted = set(store.read("cleaned_chunks")["chunk_id"])
    index_id = store.report("chunk_embeddings")["index_id"]
    found, count = vectors.ids(index_id), vectors.count(index_id)
    numbers = {
        "chunks": len(wanted),
        "vectors": count,
        "missing": len(wanted - found),
        "left_over": len(found - wanted),
    }
    return dg.AssetCheckResult(passed=found == wanted and count == len(wanted), metadata=numbers)


@dg.asset_check(asset="chunk_embeddings", blocking=True)
def vectors_are_the_models(
    store: dg.ResourceParam[Store],
    embedder: dg.ResourceParam[Embedder],
    vectors: dg.ResourceParam[VectorStore],
) -> dg.AssetCheckResult:
    """A few chunks that are embedded once more have the vectors that stand in the index."""
    from llm_twin_assets.retrieval.spot_check import LEAST_COSINE, again

    index_id = store.report("chunk_embeddings")["index_id"]
    if store.record("search_index") and store.report("search_index")["index_id"] == index_id:
        # An unchanged corpus must not cost the loading of the model.
        return dg.AssetCheckResult(passed=True, description="looked at before this index was published")
    cosines = again(store.read("cleaned_chunks"), embedder, vectors, index_id)
    lowest = min(cosines.values(), default=1.0)
    wrong = sorted(chunk for chunk, cosine in cosines.items() if cosine < LEAST_COSINE)
    numbers = {"looked_at": len(cosines), "lowest_cosine": lowest}
    description = f"other vectors than the model's: {', '.join(wrong)}" if wrong else None
    return dg.AssetCheckResult(passed=not wrong, description=description, metadata=numbers)


@dg.asset_check(asset="retrieval_evaluation", blocking=True)
def not_worse_than_live(store: dg.ResourceParam[Store]) -> dg.AssetCheckResult:
    """Among the documents that the live index has too, nDCG@10 has not fallen beyond doubt."""
    from llm_twin_assets.retrieval.comparing import index_against_live
    from llm_twin_assets.retrieval.publishing import last_published

    found = index_against_live(store.report("retrieval_evaluation"), last_published(store))
    return dg.AssetCheckResult(passed=not found.worse, description=found.reason, metadata=found.numbers())


@dg.asset_check(asset="retrieval_evaluation")
def not_crowded_out(store: dg.ResourceParam[Store]) -> dg.AssetCheckResult:
    """Among all documents, new ones included, nDCG@10 has not fallen beyond doubt; only a warning."""
    from llm_twin_assets.retrieval.comparing import corpus_against_live
    from llm_twin_assets.retrieval.publishing import last_published

    found = corpus_against_live(store.report("retrieval_evaluation"), last_published(store))
    return dg.AssetCheckResult(
        passed=not found.worse,
        severity=dg.AssetCheckSeverity.WARN,
        description=found.reason,
        metadata=found.numbers(),
    )


@dg.asset_check(asset="search_index", blocking=True)
def live_is_this_index(
    store: dg.ResourceParam[Store], vectors: dg.ResourceParam[VectorStore]
) -> dg.AssetCheckResult:
    """The pointer that readers follow names the index that was built and measured."""
    wanted, live = store.report("search_index")["index_id"], vectors.live()
    return dg.AssetCheckResult(passed=live == wanted, metadata={"published": wanted, "live": live or "none"})
