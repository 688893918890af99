"""Which candidates come first: those that a reranker prefers, or else those that say different things."""

import logging
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from llm_twin_assets.retrieval.embedding import indexed_text
from resources.reranker import Reranker, RerankerError
from resources.vector_store import Hit, ranked

log = logging.getLogger(__name__)

# Relevance against likeness, and from which cosine on two passages are alike. Measured on heading
# queries: by plain cosines every passage on one subject is alike, so that MMR costs nDCG before it
# parts copies; these two cost less than 0.005 of nDCG@10 and leave a quarter of the copies.
LAMBDA: Final = 0.8
# How many candidates are worth putting in order: a cross-encoder reads each of them.
CANDIDATES: Final = 50
ALIKE: Final = 0.8


def reordered(question: str, hits: list[Hit], k: int, reranker: Reranker | None = None) -> list[Hit]:
    """The k best candidates, best first; equals stay in the order of score and id.

    With a reranker by its scores (`scores["rerank"]`); without one, or where it fails, by maximal
    marginal relevance (`scores["mmr"]`). `score` stays the retriever's.
    """
    candidates = ranked(hits)
    scores = _rerank_scores(question, candidates, reranker) if reranker and candidates else None
    if scores is None:
        return diverse(candidates, k)
    order = np.argsort(-scores, kind="stable")[: max(0, k)]
    return [_with(candidates[at], "rerank", scores[at]) for at in order]


def diverse(hits: list[Hit], k: int, weight: float = LAMBDA) -> list[Hit]:
    """The first k of ranked hits by maximal marginal relevance; the first stays the first.

    Carbonell and Goldstein, "The Use of MMR, Diversity-Based Reranking" (1998): of those left the one
    with the highest weight * relevance - (1 - weight) * likeness to the nearest chosen one. Relevance is
    the score between the candidates' lowest (0) and highest (1); likeness rises from 0 at a cosine of
    ALIKE to 1. A hit without a vector is like no other.
    """
    relevance, likeness = _relevance(hits), _likeness(hits)
    nearest = np.zeros(len(hits), dtype=np.float32)
    left = np.ones(len(hits), dtype=bool)
    chosen = []
    for _ in range(min(k, len(hits))):
        values = np.where(left, weight * relevance - (1 - weight) * nearest, -np.inf)
        at = int(values.argmax())
        chosen.append(_with(hits[at], "mmr", values[at]))
        left[at] = False
        nearest = np.maximum(nearest, likeness[at])
    return chosen


def _rerank_scores(question: str, hits: list[Hit], reranker: Reranker) -> NDArray[np.float32] | None:
    """The reranker's scores; None, with a warning, where it has no usable ones."""
    try:
        scores = reranker.scores(question, [indexed_text(hit.payload) for hit in hits])
    except RerankerError as error:
        log.warning("ordered without the reranker: %s", error)
        return None
    if scores.shape != (len(hits),) or not np.isfinite(scores).all():
        log.warning("ordered without the reranker %s: it gave no number to some passage", reranker.model_id)
        return None
    return scores


def _relevance(hits: list[Hit]) -> NDArray[np.float32]:
    scores = np.array([hit.score for hit in hits], dtype=np.float64)
    if not len(scores) or scores[0] == scores[-1]:
        return np.ones(len(scores), dtype=np.float32)
    relevance: NDArray[np.float32] = ((scores - scores[-1]) / (scores[0] - scores[-1])).astype(np.float32)
    return relevance


def _likeness(hits: list[Hit]) -> NDArray[np.float32]:
    """How alike every two hits are, 0 to 1, shape (n, n)."""
    length = next((len(hit.vector) for hit in hits if hit.vector is not None), 0)
    nothing = np.zeros(length, dtype=np.float32)
    vectors = [nothing if hit.vector is None else hit.vector for hit in hits]
    stacked = np.array(vectors, dtype=np.float32).reshape(len(hits), length)
    likeness: NDArray[np.float32] = np.clip((stacked @ stacked.T - ALIKE) / (1 - ALIKE), 0, 1)
    return likeness


def _with(hit: Hit, name: str, value: np.floating) -> Hit:
    return replace(hit, scores=hit.scores | {name: float(value)})
