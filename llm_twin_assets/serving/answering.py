"""From a question to an answer with its sources: understand, retrieve, decide whether to answer, say it."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from llm_twin_assets.retrieval.conversation import Turn, standalone
from llm_twin_assets.retrieval.search import Found, Searcher
from llm_twin_assets.retrieval.spans import Spans
from llm_twin_assets.serving.engine import LoadedTwin, Sampling, Usage
from llm_twin_assets.serving.quoting import Citation, Passage
from llm_twin_assets.serving.sentences import quotable
from llm_twin_assets.serving.similarity import SentenceVectors
from llm_twin_assets.serving.speaking import Speech, quote, speak_freely
from resources.teacher import Teacher
from resources.vector_store import EVERYTHING, Filters, Hit, UnknownIndex

DECLINED: Final = "I have written nothing that answers this, so I would rather not guess."
# Where none of the nearest passages has a sentence to quote, this many times more are looked at.
WIDER: Final = 4
NOTHING: Final = Speech([], Usage(0, 0))


@dataclass(frozen=True)
class Asked:
    """What a request wants of sampling; None where it leaves that to the release.

    Quotations are not sampled: there only `max_tokens` has an effect. No request gets more tokens
    than the release gives.
    """

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inquiry:
    """A question, the turns before it (oldest first), and which passages it may have.

    The author of the passages is the twin's, whatever `filters` says.
    """

    text: str
    history: tuple[Turn, ...] = ()
    filters: Filters = EVERYTHING
    asked: Asked = field(default_factory=Asked)


@dataclass(frozen=True)
class Answer:
    """An answer from the index `index_id`; `text` is everything that was emitted, in order.

    `retrieved`: chunk_id, content_hash and scores of each passage looked at. `understood`: how the
    question was read. `standalone`: the question as completed from the conversation, "" where it was
    complete. `cut`: the limit of tokens ended it. `timings_ms`: per span.
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
    standalone: str = ""
    cut: bool = False


class Answerer:
    """Answers questions as a loaded twin, from one index; many threads may ask at once.

    teacher: completes questions that lean on the conversation; without one, rules do.
    """

    def __init__(self, searcher: Searcher, teacher: Teacher | None = None) -> None:
        self._searcher = searcher
        self._teacher = teacher
        self._sentences = SentenceVectors(searcher.embedder)

    def answer(
        self, twin: LoadedTwin, index_id: str, inquiry: Inquiry, emit: Callable[[str], None]
    ) -> Answer:
        """Answer a question, handing each piece to `emit` as soon as it is decided.

        Declines in words where nothing is near enough, or nothing near has a sentence to quote.
        What `emit` raises ends the answer.
        """
        twin, spans, said = _limited(twin, inquiry.asked), Spans(), _Said(emit)
        with spans.span("rewriting"):
            question = standalone(inquiry.text, inquiry.history, self._teacher)
        found = self._found(twin, self._still_there(index_id), question, inquiry.filters, spans)
        passages = _usable(found)[: twin.decoding.passages]
        with spans.span("sentences"):
            similarities = self._similarities(question, passages)
        with spans.span("generation"):
            speech = _spoken(twin, question, passages, similarities, inquiry.asked, said)
        cut = speech is not None and (speech.usage.cut or _too_short(inquiry.asked, said.text))
        if declined := speech is None or not (cut or said.text.strip()):
            speech = NOTHING
            said(DECLINED)
        return Answer(
            text=said.text,
            declined=declined,
            index_id=found.index_id,
            retrieved=[_looked_at(hit) for hit in found.hits],
            understood=found.understood(),
            timings_ms=spans.milliseconds(),
            citations=speech.citations,
            prompt_tokens=speech.usage.prompt_tokens,
            completion_tokens=speech.usage.completion_tokens,
            standalone=question if question != inquiry.text else "",
            cut=cut,
        )

    def _still_there(self, index_id: str) -> str:
        """The index, or the one that has taken its place this moment and made it go away."""
        try:
            self._searcher.vectors.model(index_id)
        except UnknownIndex:
            return self._searcher.vectors.live() or index_id
        return index_id

    def _found(self, twin: LoadedTwin, index_id: str, question: str, given: Filters, spans: Spans) -> Found:
        """What the author has written about it; more of it where the nearest has no sentence to quote."""
        wanted, own = twin.decoding.passages, replace(given, author=twin.manifest.author)
        found = self._searcher.search(question, wanted, own, index_id, spans)
        if _usable(found) or len(found.hits) < wanted:
            return found
        return self._searcher.search(question, WIDER * wanted, own, index_id, spans)

    def _similarities(self, question: str, passages: list[Passage]) -> list[list[float]]:
        """The cosine with the question of each quotable sentence of each passage."""
        if not passages:
            return []
        texts = [(one.chunk_id, [s.text for s in quotable(one.text, one.start)]) for one in passages]
        return self._sentences.similarities(question, texts)


def _limited(twin: LoadedTwin, asked: Asked) -> LoadedTwin:
    """The twin with no more tokens to say than are asked for."""
    most = twin.decoding.max_new_tokens
    return replace(twin, decoding=replace(twin.decoding, max_new_tokens=min(most, asked.max_tokens or most)))


def _too_short(asked: Asked, text: str) -> bool:
    """Whether there was something to say, and no sentence of it fitted into what is asked for."""
    return asked.max_tokens is not None and not text.strip()


def _spoken(
    twin: LoadedTwin,
    question: str,
    passages: list[Passage],
    similarities: list[list[float]],
    asked: Asked,
    emit: Callable[[str], None],
) -> Speech | None:
    """What the twin says in the release's way, or None where nothing is near enough to the question."""
    if _nearness(passages, similarities) < twin.decoding.min_similarity:
        return None
    if twin.decoding.generation == "free":
        return speak_freely(twin, question, passages, _sampling(twin, asked), emit)
    return quote(twin, question, passages, similarities, emit)


def _sampling(twin: LoadedTwin, asked: Asked) -> Sampling:
    decoding = twin.decoding
    return Sampling(
        limit=decoding.max_new_tokens,
        temperature=decoding.temperature if asked.temperature is None else asked.temperature,
        top_p=decoding.top_p if asked.top_p is None else asked.top_p,
        seed=random.getrandbits(31) if asked.seed is None else asked.seed,
        stop=asked.stop,
    )


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
