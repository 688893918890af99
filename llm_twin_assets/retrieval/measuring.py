"""How well retrievers find: hit, recall, reciprocal rank and nDCG among the first ten, query by query.

nDCG with binary relevance as in Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR
techniques" (2002); intervals by the percentile bootstrap over queries (Efron, 1979).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from llm_twin_assets.retrieval.ordering import CANDIDATES, reordered
from llm_twin_assets.retrieval.qrels import Query
from resources.vector_store import EVERYTHING, Filters, Hit, Retriever, VectorStore, Wording

if TYPE_CHECKING:
    from resources.reranker import Reranker

FIRST: Final = 10
FEWEST_QUERIES: Final = 5
RESAMPLES: Final = 2000
METRICS: Final = {
    "hit@10": "hit",
    "recall@10": "recall",
    "mrr@10": "reciprocal_rank",
    "ndcg@10": "ndcg",
}
# What answers a reader's question: both retrievers fused, and their first put in order.
READ_PATH: Final = "hybrid+rerank"
RETRIEVERS: Final = ("dense", "sparse", "hybrid", READ_PATH)
AS_LIVE: Final = "as live"

# A query in the ways it is searched for, its own words first.
Wordings = Sequence[Wording]


@dataclass(frozen=True)
class Score:
    """One query's result, each number between 0 and 1.

    recall: the share of all relevant chunks that is among the first ten.
    """

    query: str
    relevant: int
    hit: float
    recall: float
    reciprocal_rank: float
    ndcg: float


@dataclass(frozen=True)
class Interval:
    """A mean with the bounds of its 95 % interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Measured:
    """An index, and what puts the first candidates in order.

    new: the documents that the live index lacks, or has otherwise.
    """

    vectors: VectorStore
    index_id: str
    reranker: "Reranker | None" = None
    new: frozenset[str] = frozenset()

    def scores(self, queries: Sequence[Query], asked: Sequence[Wordings]) -> dict[str, list[Score]]:
        """For each retriever, and for the read path as live, every query's score, over all authors.

        The read path searches for all wordings of a query, the others for the first. As live: without
        the documents that are new or changed since the live index; only how rare a term is still
        tells of them.
        """
        found: dict[str, list[Score]] = {name: [] for name in (*RETRIEVERS, AS_LIVE)}
        for query, wordings in zip(queries, asked, strict=True):
            for name, ranking in self._rankings(query, wordings).items():
                found[name].append(score(query, ranking))
        return found

    def stored(self, queries: Sequence[Query], asked: Sequence[Wordings]) -> dict[str, list[Score]]:
        """Every query's score by the index's own vectors alone, and the same as live."""
        found: dict[str, list[Score]] = {"dense": [], AS_LIVE: []}
        for query, wordings in zip(queries, asked, strict=True):
            first = wordings[:1]
            found["dense"].append(score(query, _ids(self._search(first, FIRST, "dense"))))
            found[AS_LIVE].append(score(query, _ids(self._known(query, first, FIRST, "dense"))))
        return found

    def _rankings(self, query: Query, wordings: Wordings) -> dict[str, list[str]]:
        single: tuple[Retriever, ...] = ("dense", "sparse", "hybrid")
        rankings = {str(name): _ids(self._search(wordings[:1], FIRST, name)) for name in single}
        read = self._read(query, self._search(wordings, CANDIDATES, "hybrid"))
        rankings[READ_PATH] = rankings[AS_LIVE] = read
        if self.new - query.documents:
            rankings[AS_LIVE] = self._read(query, self._known(query, wordings, CANDIDATES, "hybrid"))
        return rankings

    def _search(
        self, wordings: Wordings, k: int, retriever: Retriever, filters: Filters = EVERYTHING
    ) -> list[Hit]:
        return self.vectors.search(self.index_id, wordings, k, filters, retriever)

    def _read(self, query: Query, hits: Sequence[Hit]) -> list[str]:
        return _ids(reordered(query.text, list(hits), FIRST, self.reranker))

    def _known(self, query: Query, wordings: Wordings, wanted: int, retriever: Retriever) -> list[Hit]:
        """The first hits without documents that are new since live, except those that answer the query."""
        left_out = frozenset(self.new - query.documents)
        return self._search(wordings, wanted, retriever, Filters(without=left_out))


def score(query: Query, ranked: Sequence[str]) -> Score:
    """Score a ranking of chunk ids; a query that finds nothing relevant scores 0 throughout."""
    ranks = [rank for rank, chunk in enumerate(ranked[:FIRST], start=1) if chunk in query.relevant]
    best = _gain(range(1, min(len(query.relevant), FIRST) + 1))
    return Score(
        query=query.text,
        relevant=len(query.relevant),
        hit=float(bool(ranks)),
        recall=round(len(ranks) / len(query.relevant), 6),
        reciprocal_rank=round(1 / ranks[0], 6) if ranks else 0.0,
        ndcg=round(_gain(ranks) / best, 6),
    )


def interval(values: Sequence[float]) -> Interval:
    """Mean and 95 % percentile bootstrap interval of at least one value; the same each time."""
    sample = np.asarray(values, dtype=float)
    drawn = np.random.default_rng(0).integers(0, len(sample), size=(RESAMPLES, len(sample)))
    low, high = np.percentile(sample[drawn].mean(axis=1), [2.5, 97.5])
    return Interval(*(round(float(number), 6) for number in (sample.mean(), low, high)))


def _ids(hits: Iterable[Hit]) -> list[str]:
    return [hit.chunk_id for hit in hits]


def _gain(ranks: Iterable[int]) -> float:
    return sum(1 / math.log2(rank + 1) for rank in ranks)
