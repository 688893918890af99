"""From a question to an answer with its sources: retrieve, decide whether to answer, say it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from llm_twin_assets.retrieval.search import Found, Searcher
from llm_twin_assets.retrieval.spans import Spans
from llm_twin_assets.serving.engine import LoadedTwin
from llm_twin_assets.serving.quoting import Citation, Passage
from llm_twin_assets.serving.sentences import quotable
from llm_twin_assets.serving.similarity import SentenceVectors
from llm_twin_assets.serving.speaking import Speech, quote, speak_freely
from resources.vector_store import Filters, Hit, UnknownIndex

DECLINED: Final = "I have written nothing that answers this, so I would rather not guess."
# Where none of the nearest passages has a sentence to quote, this many times more are looked at.
WIDER: Final = 4
NOTHING: Final = Speech([], 0, 0)


@dataclass(frozen=True)
class Answer:
    """An answer from the index `index_id`; `text` is everything that was emitted, in order.

    `retrieved`: chunk_id, content_hash and scores of each passage looked at. `understood`: how the
    question was read. `timings_ms`: per span.
    """

    text: str
    declined: bool
    index_id: str
    citations: list[Citation] = field(default_factory=list)
    retrieved: list[dict[str, Any]] = field(default_factory=list)
    understood: dict[str, Any] = field(default_factory=dict)
    timings_ms: dict[str, float] = field(default_factory=dict)
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Answerer:
    """Answers questions as a loaded twin, from one index; many threads may ask at once."""

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher
        self._sentences = SentenceVectors(searcher.embedder)

    def answer(self, twin: LoadedTwin, index_id: str, question: str, emit: Callable[[str], None]) -> Answer:
        """Answer a question, handing each piece to `emit` as soon as it is decided.

        Declines in words where nothing is near enough, or nothing near has a sentence to quote.
        What `emit` raises ends the answer.
        """
        spans, said = Spans(), _Said(emit)
        found = self._found(twin, self._still_there(index_id), question, spans)
        passages = _usable(found)[: twin.decoding.passages]
        with spans.span("sentences"):
            similarities = self._similarities(question, passages)
        with spans.span("generation"):
            speech = _spoken(twin, question, passages, similarities, said)
        if declined := speech is None or not said.text.strip():
            speech = NOTHING
            said(DECLINED)
        return Answer(
            text=said.text,
            declined=declined,
            index_id=found.index_id,
            retrieved=[_looked_at(hit) for hit in found.hits],
            understood=found.understood(),
            timings_ms=spans.milliseconds(),
            **vars(speech),
        )

    def _still_there(self, index_id: str) -> str:
        """The index, or the one that has taken its place this moment and made it go away."""
        try:
            self._searcher.vectors.model(index_id)
        except UnknownIndex:
            return self._searcher.vectors.live() or index_id
        return index_id

    def _found(self, twin: LoadedTwin, index_id: str, question: str, spans: Spans) -> Found:
        """What the author has written about it; more of it where the nearest has no sentence to quote."""
        wanted, author = twin.decoding.passages, Filters(author=twin.manifest.author)
        found = self._searcher.search(question, wanted, author, index_id, spans)
        if _usable(found) or len(found.hits) < wanted:
            return found
        return self._searcher.search(question, WIDER * wanted, author, index_id, spans)

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


def _usable(found: Found) -> list[Passage]:
    """The passages that have a sentence to quote."""
    return [one for one in map(_passage, found.hits) if quotable(one.text, one.start)]


def _passage(hit: Hit) -> Passage:
    payload = hit.payload
    return Passage(
        chunk_id=hit.chunk_id,
        document_id=str(payload["document_id"]),
        uri=str(payload["uri"]),
        title=str(payload["title"]),
        text=str(payload["text"]),
        start=int(payload["start"]),
        score=hit.scores["dense"],
    )


def _looked_at(hit: Hit) -> dict[str, Any]:
    return {
        "chunk_id": hit.chunk_id,
        "content_hash": str(hit.payload["content_hash"]),
        "score": round(hit.score, 4),
        "scores": {name: round(value, 4) for name, value in hit.scores.items()},
    }


class _Said:
    """Everything that was emitted."""

    def __init__(self, emit: Callable[[str], None]) -> None:
        self.text = ""
        self._emit = emit

    def __call__(self, piece: str) -> None:
        self.text += piece
        self._emit(piece)
