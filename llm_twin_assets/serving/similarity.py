"""How near each sentence of the retrieved passages is to a question."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from resources.embedder import Embedder

if TYPE_CHECKING:
    import numpy as np

# Embedding thirty sentences takes longer than everything else in an answer; passages come back often.
KEPT_PASSAGES: Final = 4000


class SentenceVectors:
    """Embeds sentences once for each passage and keeps the vectors of the passages used last.

    A chunk's id names its text, so what is kept never goes stale.
    """

    def __init__(self, embedder: Embedder, limit: int = KEPT_PASSAGES) -> None:
        self._embedder = embedder
        self._limit = limit
        self._kept: OrderedDict[str, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def similarities(self, question: str, passages: Sequence[tuple[str, Sequence[str]]]) -> list[list[float]]:
        """Cosine with the question of every sentence of each passage (chunk id, sentences)."""
        with self._lock:
            known = {chunk: self._kept[chunk] for chunk, _ in passages if chunk in self._kept}
        missing = [one for one in passages if one[0] not in known]
        asked, embedded = self._embedded(question, missing)
        known |= embedded
        self._keep_these({chunk: known[chunk] for chunk, _ in passages})
        return [[float(value) for value in known[chunk] @ asked] for chunk, _ in passages]

    def _embedded(
        self, question: str, passages: Sequence[tuple[str, Sequence[str]]]
    ) -> tuple["np.ndarray", dict[str, "np.ndarray"]]:
        """Vectors of the question and of each passage's sentences, embedded in one go."""
        vectors = self._embedder.encode([question, *(text for _, texts in passages for text in texts)])
        found, at = {}, 1
        for chunk, texts in passages:
            found[chunk] = vectors[at : at + len(texts)]
            at += len(texts)
        return vectors[0], found

    def _keep_these(self, used: dict[str, "np.ndarray"]) -> None:
        with self._lock:
            for chunk, vectors in used.items():
                self._kept[chunk] = vectors
                self._kept.move_to_end(chunk)
            while len(self._kept) > self._limit:
                self._kept.popitem(last=False)
