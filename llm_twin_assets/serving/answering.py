"""From a question to an answer with its sources: retrieve, decide whether to answer, say it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from llm_twin_assets.retrieval.search import find
from llm_twin_assets.serving.engine import LoadedTwin
from llm_twin_assets.serving.quoting import Citation, Passage
from llm_twin_assets.serving.sentences import quotable
from llm_twin_assets.serving.similarity import SentenceVectors
from llm_twin_assets.serving.speaking import Speech, quote, speak_freely
from resources.embedder import Embedder
from resources.vector_store import Hit, UnknownIndex, VectorStore

DECLINED: Final = "I have written nothing that answers this, so I would rather not guess."
# Where none of the nearest passages has a sentence to quote, this many times more are looked at.
WIDER: Final = 4
NOTHING: Final = Speech([], 0, 0)


@dataclass(frozen=True)
class Answer:
    """An answer from the index `index_id`; `text` is everything that was emitted, in order.

    `retrieved`: chunk_id, content_hash and score of each passage looked at. `timings_ms`: per span.
    """

    text: str
    declined: bool
    index_id: str
    citations: list[Citation] = field(default_factory=list)
    retrieved: list[dict[str, Any]] = field(default_factory=list)
    timings_ms: dict[str, float] = field(default_factory=dict)
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Answerer:
    """Answers questions as a loaded twin, from one index; many threads may ask at once."""

    def __init__(self, embedder: Embedder, vectors: VectorStore) -> None:
        self._embedder = embedder
        self._vectors = vectors
        self._sentences = SentenceVectors(embedder)

    def answer(self, twin: LoadedTwin, index_id: str, question: str, emit: Callable[[str], None]) -> Answer:
        """Answer a question, handing each piece to `emit` as soon as it is decided.

        Declines in words where nothing is near enough, or nothing near has a sentence to quote.
        What `emit` raises ends the answer.
        """
        clock, said = _Clock(), _Said(emit)
        index_id = self._still_there(index_id)
        passages, looked_at = self._retrieved(twin, index_id, question)
        similarities = self._similarities(question, passages)
        clock.lap("retrieve")
        speech = _spoken(twin, question, passages, similarities, said)
        clock.lap("generate")
        if declined := speech is None or not said.text.strip():
            speech = NOTHING
            said(DECLINED)
        return Answer(
            text=said.text,
            declined=declined,
            index_id=index_id,
            retrieved=looked_at,
            timings_ms=clock.spans(),
            **vars(speech),
        )

    def _still_there(self, index_id: str) -> str:
        """The index, or the one that has taken its place this moment and made it go away."""
        try:
            self._vectors.model(index_id)
        except UnknownIndex:
            return self._vectors.live() or index_id
        return index_id

    def _retrieved(
        self, twin: LoadedTwin, index_id: str, question: str
    ) -> tuple[list[Passage], list[dict[str, Any]]]:
        """The passages to answer from, nearest first, and everything that was looked at."""
        wanted, author = twin.decoding.passages, twin.manifest.author
        for k in (wanted, WIDER * wanted):
            hits = find(self._embedder, self._vectors, question, k, author, index_id)
            usable = [one for one in map(_passage, hits) if quotable(one.text, one.start)]
            if usable or len(hits) < k:
                break
        return usable[:wanted], [_looked_at(hit) for hit in hits]

    def _similarities(self, question: str, passages: list[Passage]) -> list[list[float]]:
        """The cosine with the question of each quotable sentence of each passage."""
        if not passages:
            return []
        texts = [(one.chunk_id, [s.text for s in quotable(one.text, one.start)]) for one in passages]
        return self._sentences.similarities(question, texts)


def _spoken(
    twin: LoadedTwin,
    question: str,
    passages: list[Passage],
    similarities: list[list[float]],
    emit: Callable[[str], None],
) -> Speech | None:
    """What the twin says in the release's way, or None where nothing is near enough to the question."""
    if _nearness(passages, similarities) < twin.decoding.min_similarity:
        return None
    if twin.decoding.generation == "free":
        return speak_freely(twin, question, passages, emit)
    return quote(twin, question, passages, similarities, emit)


def _nearness(passages: list[Passage], similarities: list[list[float]]) -> float:
    """How near the best passage and the best sentence are to the question, on average."""
    if not passages:
        return -1.0
    best = max(value for one in similarities for value in one)
    return (max(one.score for one in passages) + best) / 2


def _passage(hit: Hit) -> Passage:
    payload = hit.payload
    return Passage(
        chunk_id=hit.chunk_id,
        document_id=str(payload["document_id"]),
        uri=str(payload["uri"]),
        title=str(payload["title"]),
        text=str(payload["text"]),
        start=int(payload["start"]),
        score=hit.score,
    )


def _looked_at(hit: Hit) -> dict[str, Any]:
    return {
        "chunk_id": hit.chunk_id,
        "content_hash": str(hit.payload["content_hash"]),
        "score": round(hit.score, 4),
    }


class _Said:
    """Everything that was emitted."""

    def __init__(self, emit: Callable[[str], None]) -> None:
        self.text = ""
        self._emit = emit

    def __call__(self, piece: str) -> None:
        self.text += piece
        self._emit(piece)


class _Clock:
    """Milliseconds of each span, and of all together."""

    def __init__(self) -> None:
        self._started = self._last = time.perf_counter()
        self._spans: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self._spans[name] = round((now - self._last) * 1000, 1)
        self._last = now

    def spans(self) -> dict[str, float]:
        return self._spans | {"total": round((time.perf_counter() - self._started) * 1000, 1)}
