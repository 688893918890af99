"""What the platform needs of a vector store; two stores keep these promises, and one suite tests both.

An index is what one embedding model made of one set of chunks. Its id is a digest of exactly that,
so the same chunks give the same index again. Building an index and letting readers use it are two
steps: `sync` and `publish`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeVar

from resources.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from resources.terms import Terms

Chunk = dict[str, Any]
T = TypeVar("T")
Retriever = Literal["dense", "sparse", "hybrid"]
# Of a chunk's columns, those that its entry is made of, `around` being a hash of what stands before and
# after it: only a change in them asks for a new entry.
EMBEDDED: Final = ("title", "heading_path", "text", "around")
DENSE: Final = "dense"
SPARSE: Final = "bm25"
# Reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009): 1 / (RANK_CONSTANT + rank). Their 60 was
# for fusing dozens of systems; docs/benchmarks.md has what it does to two.
RANK_CONSTANT: Final = 5
# Below single precision, in which engines sum: equal sums must not differ by the order of summing.
DIGITS: Final = 7
# How many of each retriever's ranking are fused, at least.
DEPTH: Final = 100


class UnknownIndex(LookupError):
    """An index was named that the store does not have."""

    def __init__(self, index_id: str) -> None:
        super().__init__(f"the vector store has no index {index_id}: run `llm-twin run`")


class WrongVectors(ValueError):
    """Vectors do not fit the index they are meant for: of another model, or of another length."""


@dataclass(frozen=True)
class Entries:
    """What is indexed of some chunks, in their order: vectors, shape (n, dimension), and their terms."""

    vectors: "NDArray[np.float32]"
    terms: "list[Terms]"


Embed = Callable[[list[Chunk]], Entries]


@dataclass(frozen=True)
class Wording:
    """One way to put a question, as the two retrievers read it: a vector of length one, and its terms."""

    vector: "NDArray[np.float32]"
    terms: "Terms"


@dataclass(frozen=True)
class Filters:
    """Which chunks may be found; None lets all through. Dates are ISO days, both ends included.

    A chunk without a date is found only where no date is asked for. `without`: ids of documents of
    which nothing is found.
    """

    author: str | None = None
    platform: str | None = None
    kind: str | None = None
    since: str | None = None
    until: str | None = None
    without: frozenset[str] = frozenset()

    def narrowing(self) -> dict[str, str]:
        """What is asked for of authors, platforms, kinds and dates, by name."""
        asked = {name: getattr(self, name) for name in ("author", "platform", "kind", "since", "until")}
        return {name: value for name, value in asked.items() if value is not None}


EVERYTHING: Final = Filters()
FilterColumn = Literal["author", "platform", "kind"]


@dataclass(frozen=True)
class Hit:
    """A chunk that was found: payload holds all its columns, a higher score is nearer.

    score: the retriever's own, cosine, BM25, or the reciprocal rank fusion of both. scores: what each
    retriever by itself gave the first wording: `dense` the cosine, `sparse` BM25, which is missing
    where the chunk was not among the retriever's first. vector: the stored one, of length one.
    """

    chunk_id: str
    score: float
    payload: dict[str, Any]
    scores: dict[str, float] = field(default_factory=dict)
    vector: "NDArray[np.float32] | None" = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class IndexInfo:
    """What `sync` made: how many chunks the index holds, and how many it embedded and deleted."""

    index_id: str
    model_id: str
    count: int
    embedded: int
    deleted: int


class VectorStore(Protocol):
    """Builds, publishes and searches indexes. Methods raise UnknownIndex for an id that is not there."""

    def sync(self, chunks: Sequence[Chunk], model_id: str, embed: Embed) -> IndexInfo:
        """Make an index of exactly these chunks, embedding only what the model's newest index lacks."""

    def publish(self, index_id: str) -> None:
        """Let readers use this index, atomically; drop older ones that a vanished document is in."""

    def live(self) -> str | None:
        """The index that readers use, or None before the first."""

    def model(self, index_id: str) -> str:
        """The model_id that an index was made with."""

    def ids(self, index_id: str) -> set[str]:
        """The ids of the chunks that are really in an index."""

    def count(self, index_id: str) -> int:
        """How many chunks are really in an index."""

    def holding(self, document_id: str) -> list[str]:
        """The ids of all indexes, live or not, in which a document still has a chunk."""

    def vectors(self, index_id: str, chunk_ids: Sequence[str]) -> "dict[str, NDArray[np.float32]]":
        """The stored vectors of those of the chunks that are in an index."""

    def values(self, index_id: str, column: FilterColumn) -> set[str]:
        """The different values that a column which may be filtered by has in an index."""

    def search(
        self,
        index_id: str,
        wordings: Sequence[Wording],
        k: int,
        filters: Filters = EVERYTHING,
        retriever: Retriever = "hybrid",
    ) -> list[Hit]:
        """The k best chunks for a question in at least one wording, best first; never one more.

        Several rankings (of two retrievers, of several wordings) are fused by reciprocal rank. An
        index that was opened once stays searchable although a later one has replaced it.
        """

    def drop(self, index_id: str) -> None:
        """Delete an index that is not live; nothing happens where it is not there."""

    def close(self) -> None:
        """Let go of files and connections; the store opens them again when it is used."""


def build_vector_store(settings: Settings) -> VectorStore:
    """A Qdrant server where QDRANT_URL is set, else shards under LLM_TWIN_HOME."""
    if settings.qdrant_url:
        from resources.qdrant_store import QdrantStore

        key = settings.qdrant_api_key
        return QdrantStore(settings.qdrant_url, key.get_secret_value() if key else None)
    from resources.edge_store import EdgeStore

    return EdgeStore(settings.home)


@dataclass(frozen=True)
class Mark:
    """By what a stored chunk is compared: hashes of what is embedded, and of all columns."""

    words: str
    payload: str


def mark(chunk: Mapping[str, Any]) -> Mark:
    """The mark of a chunk, or of the payload that was stored for it."""
    from llm_twin_assets.contracts import digest

    return Mark(digest([chunk.get(column) for column in EMBEDDED])[:32], digest(dict(chunk))[:32])


@dataclass(frozen=True)
class Changes:
    """From a stored index to the chunks there should be.

    fresh needs a vector; moved keeps its vector under other columns (an offset, an author); gone goes.
    marks: of all chunks there should be, by id.
    """

    fresh: list[Chunk] = field(default_factory=list)
    moved: list[Chunk] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    marks: dict[str, Mark] = field(default_factory=dict)

    @property
    def touched(self) -> list[str]:
        """Ids whose stored points must go or be written anew."""
        return [*self.gone, *(chunk["chunk_id"] for chunk in (*self.moved, *self.fresh))]


def changes(chunks: Sequence[Chunk], stored: Mapping[str, Mark]) -> Changes:
    """What must be done to an index that holds these marks, by chunk id."""
    found = Changes(marks={chunk["chunk_id"]: mark(chunk) for chunk in chunks})
    for chunk in chunks:
        old, new = stored.get(chunk["chunk_id"]), found.marks[chunk["chunk_id"]]
        if old is None or old.words != new.words:
            found.fresh.append(chunk)
        elif old.payload != new.payload:
            found.moved.append(chunk)
    found.gone.extend(sorted(set(stored) - set(found.marks)))
    return found


def index_id(model_id: str, chunks: Iterable[Chunk]) -> str:
    """The id of the index that a model makes of these chunks, in whatever order they come."""
    from llm_twin_assets.contracts import digest

    return digest(model_id, sorted((chunk["chunk_id"], mark(chunk).payload) for chunk in chunks))


def new_entries(chunks: Sequence[Chunk], embed: Embed) -> Entries:
    """Entries of chunks; ValueError when `embed` returns another number of them."""
    made = embed(list(chunks))
    if not len(made.vectors) == len(made.terms) == len(chunks):
        found = f"{len(made.vectors)} vectors and {len(made.terms)} lists of terms came back"
        raise ValueError(f"{len(chunks)} chunks were to be embedded, but {found}")
    return made


def portions(items: Sequence[T], size: int) -> list[list[T]]:
    """The items in their order, in lists of at most this size."""
    return [list(items[start : start + size]) for start in range(0, len(items), size)]


def first_of(scored: Iterable[tuple[str, float]], k: int) -> dict[str, float]:
    """The best k of (chunk id, score), best first, with scores rounded to DIGITS.

    Equal scores stand in the order of their ids, so that a search is repeatable.
    """
    order = sorted((-round(score, DIGITS), chunk_id) for chunk_id, score in scored)
    return {chunk_id: -score for score, chunk_id in order[:k]}


def stored_hit(
    chunk_id: str,
    score: float,
    payload: dict[str, Any],
    vector: "NDArray[np.float32]",
    first: Wording,
    terms: Mapping[str, float],
) -> Hit:
    """A hit with what is stored of it, and what each retriever gave the first wording.

    `terms` holds the BM25 scores of the chunks that were among the first by them.
    """
    scores = {"dense": float(vector @ first.vector)}
    if chunk_id in terms:
        scores["sparse"] = terms[chunk_id]
    return Hit(chunk_id, score, payload, scores, vector)


def ranked(hits: Iterable[Hit]) -> list[Hit]:
    """Hits best first; equal scores in the order of their ids, so that a search is repeatable."""
    return sorted(hits, key=lambda hit: (-hit.score, hit.chunk_id))
