"""The measurement of the candidate index, from what stands in the store."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from llm_twin_assets.retrieval.embedding import (
    Around,
    chunk_terms,
    embedded_text,
    placed,
    space,
    surroundings,
    wording,
)
from llm_twin_assets.retrieval.expansion import wordings
from llm_twin_assets.retrieval.measuring import FEWEST_QUERIES, Measured
from llm_twin_assets.retrieval.publishing import last_published
from llm_twin_assets.retrieval.qrels import Query, heading_queries
from llm_twin_assets.retrieval.query_vectors import QueryVectors
from llm_twin_assets.retrieval.questions import Asked, hand_written
from llm_twin_assets.retrieval.reporting import Report, compared_rows, metrics, numbers, rows
from llm_twin_assets.retrieval.unheaded import all_unheaded
from llm_twin_assets.sources.rows import records
from resources.embedder import Embedder
from resources.files import remove
from resources.store import Store
from resources.vector_store import Chunk, Entries, VectorStore, Wording, index_id

if TYPE_CHECKING:
    from resources.reranker import Reranker

# Names how it is measured; numbers of another procedure are not compared with.
PROCEDURE: Final = "unheaded-1"
UNHEADED: Final = "+unheaded"
REMEMBERED: Final = "vectors.npz"


@dataclass(frozen=True)
class Candidate:
    """The index that is measured, and what it is measured with."""

    vectors: VectorStore
    index_id: str
    embedder: Embedder
    memory: QueryVectors
    reranker: "Reranker | None" = None
    new: frozenset[str] = frozenset()
    most_wordings: int = 1

    def measured(self, index_id: str) -> Measured:
        """An index that is searched as readers search."""
        return Measured(self.vectors, index_id, self.reranker, self.new)

    def wordings(self, queries: Sequence[Query]) -> list[list[Wording]]:
        """Queries as the two retrievers read them, in the wordings that readers' questions get by rules."""
        texts = [wordings(query.text, self.most_wordings) for query in queries]
        made = iter(self.memory.encode([text for ways in texts for text in ways]))
        return [[wording(text, next(made)) for text in ways] for ways in texts]


def procedure(reranker: "Reranker | None", most_wordings: int) -> str:
    """How it is measured, the model that puts candidates in order and the number of wordings included."""
    ordered = f"+{reranker.model_id}" if reranker else ""
    return f"{PROCEDURE}+{most_wordings}{ordered}"


def evaluate(
    store: Store,
    embedder: Embedder,
    vectors: VectorStore,
    reranker: "Reranker | None" = None,
    questions: Path | None = None,
    most_wordings: int = 1,
    place: str = "",
) -> tuple[Report, dict[str, Any]]:
    """The candidate's report and its numbers; an index that is published already keeps its report.

    `questions` is the file of hand-written ones, `place` names the vector store: the same index in
    another one is measured there. Raises QuestionsFileError.
    """
    built, live = store.report("chunk_embeddings")["index_id"], last_published(store)
    chunks, reranker = store.read("cleaned_chunks"), _working(reranker)
    asked = hand_written(questions, chunks)
    file = store.folder("retrieval_evaluation") / REMEMBERED
    how = procedure(reranker, most_wordings)
    same = {"index_id": built, "place": place, "procedure": how, "questions_version": asked.version}
    if live is not None and all(live.get(name) == value for name, value in same.items()):
        # What is remembered may be of an index that was refused, and of documents that have left.
        remove(file)
        return live, numbers(live) | {"embedded": 0}
    memory = QueryVectors(file, embedder, space(embedder))
    candidate = Candidate(vectors, built, embedder, memory, reranker, _new(chunks, live), most_wordings)
    found = same | measure(candidate, chunks, asked)
    memory.keep()
    return found, numbers(found) | {"embedded": memory.embedded}


def _new(chunks: pd.DataFrame, live: Report | None) -> frozenset[str]:
    """The documents that the live index lacks, or has otherwise; none where nothing is live."""
    if live is None:
        return frozenset()
    now = dict(zip(chunks["document_id"], chunks["content_hash"], strict=True))
    return frozenset(name for name, content in now.items() if live["documents"].get(name) != content)


def _working(reranker: "Reranker | None") -> "Reranker | None":
    """The reranker where it can be used; where it cannot, readers do without it too."""
    from resources.reranker import RerankerError

    try:
        if reranker:
            reranker.scores("Is it there?", ["It is."])
    except RerankerError:
        return None
    return reranker


def measure(candidate: Candidate, chunks: pd.DataFrame, asked: Asked) -> Report:
    """Both sets of queries: headings in an index that they were taken out of, questions in the candidate.

    What its own vectors find for headings, which they hold, shows damage that the first does not: few
    of the candidate's vectors are in that index.
    """
    queries, whole = heading_queries(chunks), candidate.measured(candidate.index_id)
    asked_for = candidate.wordings(queries)
    with unheaded_index(candidate, records(chunks), queries) as unheaded:
        headings = candidate.measured(unheaded).scores(queries, asked_for)
    questions = whole.scores(asked.queries, candidate.wordings(asked.queries))
    return {
        "state": "measured" if len(queries) >= FEWEST_QUERIES else "insufficient",
        "metrics": {"headings": metrics(headings), "questions": metrics(questions)},
        "queries": compared_rows(headings, whole.stored(queries, asked_for)),
        "questions": rows(questions),
        "lost_questions": asked.lost,
        "documents": dict(zip(chunks["document_id"], chunks["content_hash"], strict=True)),
    }


@contextmanager
def unheaded_index(candidate: Candidate, chunks: Sequence[Chunk], queries: Sequence[Query]) -> Iterator[str]:
    """The id of an index of the candidate's chunks without the headings that are asked for.

    A chunk that no heading left keeps its stored vector, and one that the candidate lacks is lacking.
    The index is gone afterwards.
    """
    there = candidate.vectors.ids(candidate.index_id)
    standing = {chunk["chunk_id"]: chunk for chunk in chunks if chunk["chunk_id"] in there}
    unheaded = all_unheaded(standing.values(), {query.text for query in queries})
    around = surroundings(unheaded)
    bare, name = placed(unheaded, around), space(candidate.embedder) + UNHEADED
    target = index_id(name, bare)
    try:
        # One that a killed run left may have vectors of an index that has been mended since.
        candidate.vectors.drop(target)
        made = candidate.vectors.sync(bare, name, lambda fresh: _entries(candidate, standing, around, fresh))
        yield made.index_id
    finally:
        candidate.vectors.drop(target)


def _entries(
    candidate: Candidate, before: Mapping[str, Chunk], around: Around, chunks: Sequence[Chunk]
) -> Entries:
    """Entries of chunks: the stored vectors of those that are as before, and new ones of the others."""
    same = [chunk["chunk_id"] for chunk in chunks if _words(chunk) == _words(before[chunk["chunk_id"]])]
    made = candidate.vectors.vectors(candidate.index_id, same)
    other = [chunk for chunk in chunks if chunk["chunk_id"] not in made]
    tokenizer, window = candidate.embedder.tokenizer(), candidate.embedder.window
    fresh = candidate.memory.encode([embedded_text(chunk, tokenizer, window) for chunk in other])
    made |= {chunk["chunk_id"]: vector for chunk, vector in zip(other, fresh, strict=True)}
    shape = (len(chunks), fresh.shape[1])
    vectors = np.array([made[chunk["chunk_id"]] for chunk in chunks], dtype=np.float32).reshape(shape)
    return Entries(vectors, [chunk_terms(chunk, around) for chunk in chunks])


def _words(chunk: Chunk) -> list[Any]:
    return [chunk[column] for column in ("title", "heading_path", "text")]
