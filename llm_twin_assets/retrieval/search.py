"""The one way a question finds passages: for the server, the command line and a notebook.

A question is read for what it says about the passages it wants (an author, a time), put in several
wordings, searched for, and the best candidates are put in order. Nothing here writes anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from llm_twin_assets.retrieval.embedding import space, wording
from llm_twin_assets.retrieval.expansion import wordings
from llm_twin_assets.retrieval.ordering import CANDIDATES, reordered
from llm_twin_assets.retrieval.self_query import Known, self_query
from llm_twin_assets.retrieval.spans import Spans
from resources.embedder import Embedder, build_embedder
from resources.reranker import Reranker, build_reranker
from resources.settings import Settings
from resources.teacher import Teacher, build_teacher
from resources.vector_store import (
    EVERYTHING,
    Filters,
    Hit,
    UnknownIndex,
    VectorStore,
    Wording,
    build_vector_store,
)

# Somebody waits for the answer; without the teacher the rules read the question.
TEACHER_SECONDS: Final = 4.0


class NoIndex(RuntimeError):
    """Nothing has been published that could be searched."""


class AnotherEmbedder(RuntimeError):
    """An index was made with another embedding model, or another text recipe, than is asked with."""


@dataclass(frozen=True)
class Found:
    """What a question found, best first, in the index `index_id`.

    filters: what was filtered by. wordings: what was searched for, the question first. widened:
    the question's own filters let nothing through, so they were left out.
    """

    hits: list[Hit]
    index_id: str
    filters: Filters
    wordings: list[str]
    widened: bool

    def understood(self) -> dict[str, Any]:
        """How the question was read, for a trace."""
        return {"filters": self.filters.narrowing(), "wordings": self.wordings, "widened": self.widened}


@dataclass(frozen=True)
class _Asked:
    """A question, read: the filters that it asks for itself, and its wordings for both retrievers."""

    filters: Filters
    texts: list[str]
    wordings: Sequence[Wording]


class Searcher:
    """Searches the indexes of one vector store; any number of threads may ask at once."""

    def __init__(
        self,
        embedder: Embedder,
        vectors: VectorStore,
        teacher: Teacher | None = None,
        reranker: Reranker | None = None,
        most_wordings: int = 1,
    ) -> None:
        self.embedder = embedder
        self.vectors = vectors
        self._teacher = teacher
        self._reranker = reranker
        self._most = most_wordings
        # An index is never changed under its id, so what it knows need not be asked again.
        self._known = lru_cache(maxsize=4)(self._known_in)

    def search(
        self,
        question: str,
        k: int,
        filters: Filters = EVERYTHING,
        index_id: str | None = None,
        spans: Spans | None = None,
    ) -> Found:
        """The k passages that fit a question best, best first, of those that the filters let through.

        What the question itself says is filtered by too, except where `filters` says otherwise already.
        Searches the live index unless one is named. Raises NoIndex, AnotherEmbedder, or, for a named
        index that is no longer there, UnknownIndex.
        """
        spans = spans or Spans()
        target = index_id or self._live()
        try:
            return self._search(question, k, filters, target, spans)
        except UnknownIndex:
            # A run may have replaced the live index, and removed it, since we asked which it is.
            newer = self._live()
            if index_id is not None or newer == target:
                raise
            return self._search(question, k, filters, newer, spans)

    def open(self, index_id: str) -> None:
        """Make an index and the models ready for the first question; raises as `search` does."""
        self._search("Is everything there?", 1, EVERYTHING, index_id, Spans())

    def _search(self, question: str, k: int, given: Filters, index_id: str, spans: Spans) -> Found:
        self._same_space(index_id)
        asked = self._read(question, index_id, spans)
        filters = _narrowed(asked.filters, given)
        with spans.span("retrieval"):
            hits = self._candidates(index_id, asked, k, filters)
            widened = not hits and filters != given
            if widened:
                hits, filters = self._candidates(index_id, asked, k, given), given
        with spans.span("rerank"):
            best = reordered(question, hits, k, self._reranker)
        return Found(best, index_id, filters, asked.texts, widened)

    def _read(self, question: str, index_id: str, spans: Spans) -> _Asked:
        with spans.span("self_query"):
            filters = self_query(question, self._known(index_id), datetime.now(UTC).date(), self._teacher)
        with spans.span("expansion"):
            texts = wordings(question, self._most, self._teacher)
        with spans.span("embedding"):
            vectors = self.embedder.encode(texts)
            asked = [wording(text, vector) for text, vector in zip(texts, vectors, strict=True)]
        return _Asked(filters, texts, asked)

    def _candidates(self, index_id: str, asked: _Asked, k: int, filters: Filters) -> list[Hit]:
        return self.vectors.search(index_id, asked.wordings, max(CANDIDATES, k), filters)

    def _known_in(self, index_id: str) -> Known:
        values = self.vectors.values
        return Known(
            authors=frozenset(values(index_id, "author")),
            platforms=frozenset(values(index_id, "platform")),
            kinds=frozenset(values(index_id, "kind")),
        )

    def _live(self) -> str:
        live = self.vectors.live()
        if live is None:
            raise NoIndex("there is no search index yet: run `llm-twin run`")
        return live

    def _same_space(self, index_id: str) -> None:
        made, asked = self.vectors.model(index_id), space(self.embedder)
        if made != asked:
            raise AnotherEmbedder(
                f"index {index_id} was made with {made}, but the embedder is {asked}: run `llm-twin run`, "
                "or set LLM_TWIN_EMBEDDING_MODEL back"
            )


def build_searcher(settings: Settings) -> Searcher:
    """The searcher that the settings describe."""
    return Searcher(
        build_embedder(settings),
        build_vector_store(settings),
        build_teacher(settings, TEACHER_SECONDS),
        build_reranker(settings),
        settings.wordings,
    )


def _narrowed(own: Filters, given: Filters) -> Filters:
    """Both filters together; where both speak of one thing, the given one counts."""
    asked: dict[str, Any] = own.narrowing() | given.narrowing()
    return replace(given, **asked)
