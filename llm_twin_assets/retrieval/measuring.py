"""How well an index finds: hit, reciprocal rank and nDCG among the first ten, with their uncertainty.

nDCG with binary relevance as in Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR
techniques" (2002); intervals by the percentile bootstrap over queries (Efron, 1979).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from llm_twin_assets.retrieval.qrels import Query
from resources.embedder import Embedder
from resources.vector_store import Hit, VectorStore

# Names how it is measured; reports of another procedure are not compared with.
PROCEDURE: Final = "headings-1"
FIRST: Final = 10
DEEPER: Final = 4
FEWEST_QUERIES: Final = 5
RESAMPLES: Final = 2000
METRICS: Final = {"hit@10": "hit", "mrr@10": "reciprocal_rank", "ndcg@10": "ndcg"}


@dataclass(frozen=True)
class Score:
    """One query's result, each number between 0 and 1.

    ndcg_as_live is nDCG@10 without the documents that are new or changed since the live index.
    """

    query: str
    relevant: int
    hit: float
    reciprocal_rank: float
    ndcg: float
    ndcg_as_live: float


@dataclass(frozen=True)
class Interval:
    """A mean with the bounds of its 95 % interval."""

    mean: float
    low: float
    high: float


def measure(
    embedder: Embedder,
    vectors: VectorStore,
    index_id: str,
    queries: Sequence[Query],
    known: Mapping[str, str] | None,
) -> list[Score]:
    """Search an index for every query, over all authors, and score the first ten chunks.

    `known` are the live index's documents and their content hashes; None where nothing is live.
    """
    asked = embedder.encode([query.text for query in queries])
    scores = []
    for query, vector in zip(queries, asked, strict=True):
        hits = vectors.search(index_id, vector, FIRST)
        found = [hit.chunk_id for hit in hits]
        as_live = found
        if known is not None and not all(_counts(hit, query, known) for hit in hits):
            as_live = _as_live(vectors, index_id, vector, query, known)
        scores.append(score(query, found, as_live))
    return scores


def score(query: Query, ranked: Sequence[str], as_live: Sequence[str]) -> Score:
    """Score two rankings of chunk ids; a query that finds nothing relevant scores 0 throughout."""
    ranks = _ranks(query, ranked)
    return Score(
        query=query.text,
        relevant=len(query.relevant),
        hit=float(bool(ranks)),
        reciprocal_rank=round(1 / ranks[0], 6) if ranks else 0.0,
        ndcg=_ndcg(query, ranks),
        ndcg_as_live=_ndcg(query, _ranks(query, as_live)),
    )


def interval(values: Sequence[float]) -> Interval:
    """Mean and 95 % percentile bootstrap interval of at least one value; the same each time."""
    sample = np.asarray(values, dtype=float)
    drawn = np.random.default_rng(0).integers(0, len(sample), size=(RESAMPLES, len(sample)))
    low, high = np.percentile(sample[drawn].mean(axis=1), [2.5, 97.5])
    return Interval(*(round(float(number), 6) for number in (sample.mean(), low, high)))


def report(index_id: str, documents: Mapping[str, str], scores: Sequence[Score]) -> dict[str, Any]:
    """What is stored of a measurement: of which documents, each metric's interval, and every query."""
    enough = len(scores) >= FEWEST_QUERIES
    measured = METRICS if enough else {}
    metrics = {
        name: asdict(interval([getattr(one, column) for one in scores])) for name, column in measured.items()
    }
    return {
        "index_id": index_id,
        "procedure": PROCEDURE,
        "state": "measured" if enough else "insufficient",
        "metrics": metrics,
        "queries": [asdict(one) for one in scores],
        "documents": dict(documents),
    }


def _as_live(
    vectors: VectorStore, index_id: str, vector: Any, query: Query, known: Mapping[str, str]
) -> list[str]:
    """The first ten chunks that count, searched for ever deeper until ten are found or no more are there."""
    depth = FIRST
    while True:
        hits = vectors.search(index_id, vector, depth)
        found = [hit.chunk_id for hit in hits if _counts(hit, query, known)]
        if len(found) >= FIRST or len(hits) < depth:
            return found
        depth *= DEEPER


def _counts(hit: Hit, query: Query, known: Mapping[str, str]) -> bool:
    """Whether a hit is in a document that the live index has too, or answers the query."""
    same = known.get(hit.payload["document_id"]) == hit.payload["content_hash"]
    return same or hit.chunk_id in query.relevant


def _ranks(query: Query, ranked: Sequence[str]) -> list[int]:
    return [rank for rank, chunk in enumerate(ranked[:FIRST], start=1) if chunk in query.relevant]


def _ndcg(query: Query, ranks: Sequence[int]) -> float:
    best = _gain(range(1, min(len(query.relevant), FIRST) + 1))
    return round(_gain(ranks) / best, 6)


def _gain(ranks: Iterable[int]) -> float:
    return sum(1 / math.log2(rank + 1) for rank in ranks)
