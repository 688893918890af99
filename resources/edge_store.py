"""The embedded vector store: Qdrant Edge shards in folders that are never written again.

`vectors/shards/<index_id>/` is one index, `vectors/live.json` names the one that readers use.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from resources import edge_manifest, edge_query, edge_shard
from resources.edge_manifest import MANIFEST, manifest
from resources.files import drop, here, listed, read_json, settle, sweep, working, write_json
from resources.leases import locks_of
from resources.places import Place
from resources.vector_store import (
    EVERYTHING,
    Changes,
    Chunk,
    Embed,
    Entries,
    FilterColumn,
    Filters,
    Hit,
    IndexInfo,
    Retriever,
    UnknownIndex,
    Wording,
    WrongVectors,
    changes,
    index_id,
    new_entries,
    portions,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LOCK: Final = "vectors"
# The live index, the one before, and one that is being looked at.
KEPT_OPEN: Final = 3
# Vectors of so many chunks are in memory at once while an index is made.
EMBEDDED_AT_ONCE: Final = 4096


class OlderIndex(UnknownIndex):
    """An index lies in the files of an earlier version: it can be listed, and not searched."""

    def __init__(self, index_id: str) -> None:
        LookupError.__init__(
            self, f"index {index_id} was made by an earlier version and has no terms: run `llm-twin run`"
        )


@dataclass(frozen=True)
class Opened:
    """A shard that this process has open, and of which vectors it is."""

    shard: Any
    model_id: str
    dimension: int | None


class EdgeStore:
    """Indexes as immutable shards below one folder; several processes may read them at once."""

    def __init__(self, home: Place) -> None:
        self._pointer = home / "vectors" / "live.json"
        self._shards = home / "vectors" / "shards"
        self._locks = locks_of(home)
        self._opening = threading.Lock()
        self._open: OrderedDict[str, Opened] = OrderedDict()

    def sync(self, chunks: Sequence[Chunk], model_id: str, embed: Embed) -> IndexInfo:
        """Build the shard of exactly these chunks from the model's newest one, unless it is there.

        Embeds a portion of the chunks at a time; WrongVectors when the first one does not fit the
        model's newest index, before anything is written.
        """
        target = index_id(model_id, chunks)
        with self._locks.held(LOCK):
            self._sweep()
            if self._whole(target):
                return IndexInfo(target, model_id, len(chunks), embedded=0, deleted=0)
            todo = self._build(target, chunks, model_id, embed)
        return IndexInfo(target, model_id, len(chunks), embedded=len(todo.fresh), deleted=len(todo.gone))

    def publish(self, index_id: str) -> None:
        """Move the pointer; keep the index before only while no document in it has vanished."""
        with self._locks.held(LOCK):
            edge_manifest.read(self._shards / index_id)
            pointer = read_json(self._pointer) or {"index_id": None, "previous": None}
            if pointer["index_id"] != index_id:
                pointer = {"index_id": index_id, "previous": self.live()}
                write_json(self._pointer, pointer)
            self._prune(index_id, pointer["previous"])

    def live(self) -> str | None:
        """The index that the pointer names, or None where that is no longer there."""
        stored = read_json(self._pointer)
        return stored["index_id"] if stored and self._whole(stored["index_id"]) else None

    def model(self, index_id: str) -> str:
        """The model_id that an index was made with."""
        return self._opened(index_id).model_id

    def ids(self, index_id: str) -> set[str]:
        """The ids of the points in the shard's files."""
        if not self._whole(index_id):
            raise UnknownIndex(index_id)
        return edge_shard.ids(self._opened(index_id).shard)

    def count(self, index_id: str) -> int:
        """How many points the shard's files hold."""
        return len(self.ids(index_id))

    def holding(self, document_id: str) -> list[str]:
        """The shards whose manifest names the document."""
        files = listed(self._shards, f"*/{MANIFEST}")
        manifests = (edge_manifest.read(file.parent) for file in files)
        return [found.index_id for found in manifests if document_id in found.document_ids]

    def vectors(self, index_id: str, chunk_ids: Sequence[str]) -> "dict[str, NDArray[np.float32]]":
        """The stored vectors, of length one, of those of the chunks that are in an index."""
        return edge_shard.vectors(self._searchable(index_id).shard, chunk_ids)

    def values(self, index_id: str, column: FilterColumn) -> set[str]:
        """The different values of a column that may be filtered by."""
        return edge_query.values(self._searchable(index_id).shard, column)

    def search(
        self,
        index_id: str,
        wordings: Sequence[Wording],
        k: int,
        filters: Filters = EVERYTHING,
        retriever: Retriever = "hybrid",
    ) -> list[Hit]:
        """The k best chunks, best first; WrongVectors for a question of another length than the index."""
        opened = self._searchable(index_id)
        for wording in wordings:
            _check(opened.dimension, len(wording.vector), opened.model_id)
        return edge_query.search(opened.shard, wordings, k, filters, retriever)

    def drop(self, index_id: str) -> None:
        """Delete the shard of an index; ValueError for the live one."""
        with self._locks.held(LOCK):
            if index_id == self.live():
                raise ValueError(f"index {index_id} is live: publish another one before it is dropped")
            with self._opening:
                self._open.pop(index_id, None)
            if self._whole(index_id):
                drop(self._shards / index_id)

    def close(self) -> None:
        """Close the shards this process has open."""
        with self._opening:
            while self._open:
                self._open.popitem()[1].shard.close()

    def _searchable(self, index_id: str) -> Opened:
        opened = self._opened(index_id)
        if opened.dimension is None:
            raise OlderIndex(index_id)
        return opened

    def _opened(self, index_id: str) -> Opened:
        """An open shard. One that is pushed out stays usable to whoever holds it."""
        with self._opening:
            if index_id not in self._open:
                self._open[index_id] = self._load(index_id)
            self._open.move_to_end(index_id)
            while len(self._open) > KEPT_OPEN:
                self._open.popitem(last=False)
            return self._open[index_id]

    def _load(self, index_id: str) -> Opened:
        found = edge_manifest.read(self._shards / index_id)
        try:
            return Opened(edge_shard.opened(here(self._shards / index_id)), found.model_id, found.dimension)
        except Exception as error:  # the package raises nothing narrower
            if not self._whole(index_id):
                raise UnknownIndex(index_id) from error
            raise

    def _whole(self, index_id: str) -> bool:
        return edge_manifest.whole(self._shards / index_id)

    def _build(self, target: str, chunks: Sequence[Chunk], model_id: str, embed: Embed) -> Changes:
        before = edge_manifest.newest(self._shards, model_id)
        todo = changes(chunks, before.marks if before else {})
        made = _embedded(todo.fresh, embed, model_id, before.dimension if before else None)
        first = next(made)
        dimension = first[1].vectors.shape[1]
        with working(self._shards / target) as folder:
            if before:
                shard = edge_shard.copied(here(self._shards / before.index_id), folder, leave_out=MANIFEST)
            else:
                shard = edge_shard.created(folder, dimension)
            edge_shard.remove(shard, todo)
            for portion, entries in chain([first], made):
                edge_shard.insert(shard, portion, entries)
            edge_shard.finish(shard, folder)
            edge_manifest.write(folder, manifest(target, model_id, chunks, todo.marks, dimension))
            settle(folder, self._shards / target, MANIFEST)
        return todo

    def _sweep(self) -> None:
        self._shards.mkdir(parents=True, exist_ok=True)
        sweep(self._shards)
        for folder in self._shards.iterdir():
            if not self._whole(folder.name):
                drop(folder)

    def _prune(self, live: str, before: str | None) -> None:
        keep = {live}
        if before and self._whole(before):
            standing = set(edge_manifest.read(self._shards / live).document_ids)
            if standing.issuperset(edge_manifest.read(self._shards / before).document_ids):
                keep.add(before)
        for folder in listed(self._shards, "[!.]*"):
            if folder.name not in keep:
                drop(folder)


def _embedded(
    chunks: Sequence[Chunk], embed: Embed, model_id: str, dimension: int | None
) -> Iterator[tuple[Sequence[Chunk], Entries]]:
    """Portions of the chunks with their entries, each when it is asked for.

    One at least, though it may be empty: how long vectors are is known from nothing else.
    """
    for portion in portions(chunks, EMBEDDED_AT_ONCE) or [[]]:
        entries = new_entries(portion, embed)
        _check(dimension, entries.vectors.shape[1], model_id)
        dimension = entries.vectors.shape[1]
        yield portion, entries


def _check(wanted: int | None, dimension: int, model_id: str) -> None:
    if wanted not in (None, dimension):
        raise WrongVectors(
            f"the index of {model_id} holds vectors of {wanted} numbers, but one of {dimension} came: "
            "set LLM_TWIN_EMBEDDING_MODEL back to the model of the index, or give the new model another name"
        )
