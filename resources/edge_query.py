"""Questions to a Qdrant Edge shard: by vector, by terms, by both, of the chunks that filters let through."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from resources.vector_store import (
    DENSE,
    DEPTH,
    RANK_CONSTANT,
    SPARSE,
    FilterColumn,
    Filters,
    Hit,
    Retriever,
    Wording,
    first_of,
    stored_hit,
)

# Candidates that a graph search keeps. Of generated chunks, recall@10 was 1.000 among 100,000 and between
# 0.983 and 1.000 among 20,000 to 30,000; 256 gave 0.997 and more, for 0.9 ms of the 4 that a search takes.
# The engine's own graph (m 16, ef_construct 100) is enough for that.
CANDIDATES: Final = 128


def search(
    shard: Any, wordings: Sequence[Wording], k: int, filters: Filters, retriever: Retriever
) -> list[Hit]:
    """The k best points, best first, with their payloads, vectors and scores."""
    import qdrant_edge as edge

    depth, by = max(DEPTH, k), _condition(filters)
    queries = [query for wording in wordings for query in _queries(wording, retriever)]
    if not queries:
        return []
    requests = [_request(queries, depth, by)]
    requests += [_request([query], depth, by) for query in _queries(wordings[0], "sparse")]
    best, *sparse = shard.query_batch(edge.QueryBatchRequest(requests))
    order = first_of(((str(point.id), point.score) for point in best), k)
    terms = {str(point.id): float(point.score) for points in sparse for point in points}
    return _hits(shard, order, wordings[0], terms)


def values(shard: Any, column: FilterColumn) -> set[str]:
    """The different values of an indexed column."""
    from qdrant_edge import FacetRequest

    most = max(1, shard.info().points_count)
    return {str(hit.value) for hit in shard.facet(FacetRequest(column, limit=most, exact=True)).hits}


def _queries(wording: Wording, retriever: Retriever) -> list[Any]:
    """What a wording asks of a retriever; a wording of stop words has no terms to ask for."""
    from qdrant_edge import Query, SparseVector

    queries = []
    if retriever != "sparse":
        queries.append(Query.Nearest(wording.vector.tolist(), DENSE))
    if retriever != "dense" and wording.terms.indices:
        queries.append(Query.Nearest(SparseVector(wording.terms.indices, wording.terms.weights), SPARSE))
    return queries


def _request(queries: Sequence[Any], depth: int, by: Any) -> Any:
    """The ids and scores of one ranking, or of the fusion of several.

    All that are fused are asked for, since the engine orders equal sums by chance.
    """
    from qdrant_edge import Fusion, Prefetch, QueryRequest, SearchParams

    params = SearchParams(hnsw_ef=CANDIDATES)
    if len(queries) == 1:
        return QueryRequest(depth, query=queries[0], filter=by, params=params)
    # The engine counts ranks from 0, the published formula from 1.
    fusion: Any = Fusion.Rrf(k=RANK_CONSTANT + 1)
    prefetches = [Prefetch(depth, query=query, filter=by, params=params) for query in queries]
    return QueryRequest(depth * len(queries), query=fusion, prefetches=prefetches)


def _condition(filters: Filters) -> Any:
    from qdrant_edge import FieldCondition, Filter, MatchAny, MatchValue, RangeDateTime

    wanted = {"author": filters.author, "platform": filters.platform, "kind": filters.kind}
    must: list[Any] = [
        FieldCondition(key, match=MatchValue(value)) for key, value in wanted.items() if value is not None
    ]
    if filters.since is not None or filters.until is not None:
        # A timestamp of the last day still belongs to it.
        last = None if filters.until is None else f"{filters.until}T23:59:59.999999Z"
        must.append(FieldCondition("published_at", range=RangeDateTime(gte=filters.since, lte=last)))
    if filters.without:
        left_out = FieldCondition("document_id", match=MatchAny(sorted(filters.without)))
        return Filter(must=must, must_not=[left_out])
    return Filter(must=must) if must else None


def _hits(shard: Any, best: Mapping[str, float], first: Wording, terms: Mapping[str, float]) -> list[Hit]:
    """The best with what is stored of them, and what each retriever gave the first wording."""
    import numpy as np

    records = shard.retrieve(list(best), with_payload=True, with_vector=[DENSE]) if best else []
    found = {str(record.id): record for record in records}
    hits = []
    for chunk_id, score in best.items():
        vector = np.asarray(found[chunk_id].vector[DENSE], dtype=np.float32)
        hits.append(stored_hit(chunk_id, score, found[chunk_id].payload, vector, first, terms))
    return hits
