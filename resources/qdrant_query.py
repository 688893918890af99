"""Searching a Qdrant collection: a batch for the ranking and the BM25 scores, then the hits themselves."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from resources.qdrant_collection import MOST, OVERSAMPLING, SECONDS
from resources.qdrant_points import dense, records, sparse
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
    WrongVectors,
    first_of,
    stored_hit,
)

if TYPE_CHECKING:
    from qdrant_client import QdrantClient, models


def search(
    client: "QdrantClient",
    collection: str,
    wordings: Sequence[Wording],
    k: int,
    filters: Filters,
    retriever: Retriever,
    served: bool,
) -> list[Hit]:
    """The k best chunks, best first; none where no wording has a term and only terms are searched for."""
    depth, where = max(DEPTH, k), condition(filters)
    rankings = _rankings(wordings, depth, where, retriever, served)
    if not rankings:
        return []
    requests = [_fused(rankings, depth)]
    if wordings[0].terms.indices:
        requests.append(_alone(_by_terms(wordings[0], depth, where)))
    found = client.query_batch_points(collection, requests, timeout=SECONDS if served else None)
    best = first_of(((str(point.id), point.score) for point in found[0].points), k)
    terms = {str(point.id): point.score for answer in found[1:] for point in answer.points}
    stored = records(client, collection, list(best))
    # A chunk that was deleted between the two requests is no longer a hit.
    return [
        stored_hit(name, score, stored[name].payload or {}, dense(stored[name].vector), wordings[0], terms)
        for name, score in best.items()
        if name in stored
    ]


def condition(filters: Filters) -> "models.Filter | None":
    """The filter on a chunk's columns; None where all are let through."""
    from qdrant_client import models

    must: list[Any] = []
    for column in ("author", "platform", "kind"):
        wanted = getattr(filters, column)
        if wanted is not None:
            must.append(models.FieldCondition(key=column, match=models.MatchValue(value=wanted)))
    if filters.since is not None or filters.until is not None:
        days = models.DatetimeRange(gte=_midnight(filters.since), lt=_midnight(filters.until, days=1))
        must.append(models.FieldCondition(key="published_at", range=days))
    if filters.without:
        left_out = models.MatchAny(any=sorted(filters.without))
        return models.Filter(must=must, must_not=[models.FieldCondition(key="document_id", match=left_out)])
    return models.Filter(must=must) if must else None


def values(client: "QdrantClient", collection: str, column: FilterColumn) -> set[str]:
    """The different values of a keyword column, however many: each request leaves out those found before."""
    from qdrant_client import models

    found: list[Any] = []
    while True:
        known = models.FieldCondition(key=column, match=models.MatchAny(any=found))
        others = models.Filter(must_not=[known]) if found else None
        hits = client.facet(collection, column, facet_filter=others, limit=MOST, exact=True).hits
        found += [hit.value for hit in hits]
        if len(hits) < MOST:
            return {str(value) for value in found}


def check(wordings: Sequence[Wording], length: int, model_id: str) -> None:
    """Raise WrongVectors unless the wordings' vectors are as long as the stored ones."""
    for wording in wordings:
        if len(wording.vector) != length:
            raise WrongVectors(
                f"the index is of {model_id}, whose vectors have {length} numbers, "
                f"but the question's has {len(wording.vector)}: ask with the model of the index"
            )


def _midnight(day: str | None, days: int = 0) -> datetime | None:
    if day is None:
        return None
    return datetime.combine(date.fromisoformat(day) + timedelta(days=days), time.min, tzinfo=UTC)


def _rankings(
    wordings: Sequence[Wording],
    depth: int,
    where: "models.Filter | None",
    retriever: Retriever,
    served: bool,
) -> "list[models.Prefetch]":
    """Each wording by each retriever; a wording without terms, of stop words alone, has no BM25 ranking."""
    found = []
    for wording in wordings:
        if retriever != "sparse":
            found.append(_by_vector(wording, depth, where, served))
        if retriever != "dense" and wording.terms.indices:
            found.append(_by_terms(wording, depth, where))
    return found


def _by_vector(
    wording: Wording, depth: int, where: "models.Filter | None", served: bool
) -> "models.Prefetch":
    from qdrant_client import models

    params = None
    if served:
        rescored = models.QuantizationSearchParams(rescore=True, oversampling=OVERSAMPLING)
        params = models.SearchParams(quantization=rescored)
    nearest = models.NearestQuery(nearest=wording.vector.tolist())
    return models.Prefetch(query=nearest, using=DENSE, filter=where, limit=depth, params=params)


def _by_terms(wording: Wording, depth: int, where: "models.Filter | None") -> "models.Prefetch":
    from qdrant_client import models

    nearest = models.NearestQuery(nearest=sparse(wording.terms))
    return models.Prefetch(query=nearest, using=SPARSE, filter=where, limit=depth)


def _fused(rankings: "list[models.Prefetch]", depth: int) -> "models.QueryRequest":
    """The ids and scores of the fusion of several rankings, or of the only one.

    All that are fused are asked for, since the server orders equal sums by chance.
    """
    from qdrant_client import models

    if len(rankings) == 1:
        return _alone(rankings[0])
    # The server counts ranks from 0, the published formula from 1.
    fusion = models.RrfQuery(rrf=models.Rrf(k=RANK_CONSTANT + 1))
    limit = min(depth * len(rankings), MOST)
    return models.QueryRequest(prefetch=rankings, query=fusion, limit=limit, with_payload=False)


def _alone(ranking: "models.Prefetch") -> "models.QueryRequest":
    from qdrant_client import models

    return models.QueryRequest(
        query=ranking.query,
        using=ranking.using,
        filter=ranking.filter,
        params=ranking.params,
        limit=ranking.limit,
        with_payload=False,
    )
