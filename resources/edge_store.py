"""The embedded vector store: Qdrant Edge shards in folders that are never written again.

`vectors/shards/<index_id>/` is one index, `vectors/live.json` names the one that readers use.
"""

import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from resources import edge_shard
from resources.files import read_json, settle, sweep, write_json
from resources.locks import Locks
from resources.vector_store import (
    Changes,
    Chunk,
    Embed,
    Hit,
    IndexInfo,
    Mark,
    UnknownIndex,
    changes,
    index_id,
    mark,
    new_vectors,
    ranked,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LOCK: Final = "vectors"
MANIFEST: Final = "manifest.json"
# The live index, the one before, and one that is being looked at.
KEPT_OPEN: Final = 3


@dataclass(frozen=True)
class Manifest:
    """What a shard holds; the file that is written last, so a shard with one is whole."""

    index_id: str
    model_id: str
    count: int
    document_ids: list[str]
    marks: dict[str, Mark]


class EdgeStore:
    """Indexes as immutable shards below one folder; several processes may read them at once."""

    def __init__(self, home: Path) -> None:
        self._pointer = home / "vectors" / "live.json"
        self._shards = home / "vectors" / "shards"
        self._locks = Locks(home / "locks")
        self._opening = threading.Lock()
        self._open: OrderedDict[str, tuple[Any, str]] = OrderedDict()

    def sync(self, chunks: Sequence[Chunk], model_id: str, embed: Embed) -> IndexInfo:
        """Build the shard of exactly these chunks from the model's newest one, unless it is there."""
        target = index_id(model_id, chunks)
        with self._locks.held(LOCK):
            self._sweep()
            if self._whole(target):
                return IndexInfo(target, model_id, len(chunks), embedded=0, deleted=0)
            before = self._newest(model_id)
            todo = changes(chunks, before.marks if before else {})
            self._build(_manifest(target, model_id, chunks), before, todo, new_vectors(todo.fresh, embed))
        return IndexInfo(target, model_id, len(chunks), embedded=len(todo.fresh), deleted=len(todo.gone))

    def publish(self, index_id: str) -> None:
        """Move the pointer; keep the index before only while no document in it has vanished."""
        with self._locks.held(LOCK):
            self._read(index_id)
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
        return self._opened(index_id)[1]

    def ids(self, index_id: str) -> set[str]:
        """The ids of the points in the shard's files."""
        if not self._whole(index_id):
            raise UnknownIndex(index_id)
        return edge_shard.ids(self._opened(index_id)[0])

    def count(self, index_id: str) -> int:
        """How many points the shard's files hold."""
        return len(self.ids(index_id))

    def holding(self, document_id: str) -> list[str]:
        """The shards whose manifest names the document."""
        manifests = [self._read(file.parent.name) for file in sorted(self._shards.glob(f"*/{MANIFEST}"))]
        return [found.index_id for found in manifests if document_id in found.document_ids]

    def search(
        self, index_id: str, vector: "NDArray[np.float32]", k: int, author: str | None = None
    ) -> list[Hit]:
        """The k chunks nearest to a vector, best first, of one author or of all."""
        return ranked(edge_shard.nearest(self._opened(index_id)[0], vector, k, author))

    def close(self) -> None:
        """Close the shards this process has open."""
        with self._opening:
            while self._open:
                self._open.popitem()[1][0].close()

    def _opened(self, index_id: str) -> tuple[Any, str]:
        """An open shard and its model. One that is pushed out stays usable to whoever holds it."""
        with self._opening:
            if index_id not in self._open:
                self._open[index_id] = self._load(index_id)
            self._open.move_to_end(index_id)
            while len(self._open) > KEPT_OPEN:
                self._open.popitem(last=False)
            return self._open[index_id]

    def _load(self, index_id: str) -> tuple[Any, str]:
        manifest = self._read(index_id)
        try:
            return edge_shard.opened(self._shards / index_id), manifest.model_id
        except Exception as error:  # the package raises nothing narrower
            if not self._whole(index_id):
                raise UnknownIndex(index_id) from error
            raise

    def _whole(self, index_id: str) -> bool:
        return (self._shards / index_id / MANIFEST).is_file()

    def _read(self, index_id: str) -> Manifest:
        stored = read_json(self._shards / index_id / MANIFEST)
        if stored is None:
            raise UnknownIndex(index_id)
        marks = {chunk: Mark(**one) for chunk, one in stored.pop("marks").items()}
        return Manifest(**stored, marks=marks)

    def _newest(self, model_id: str) -> Manifest | None:
        files = sorted(self._shards.glob(f"*/{MANIFEST}"), key=lambda file: -file.stat().st_mtime_ns)
        manifests = (self._read(file.parent.name) for file in files)
        return next((found for found in manifests if found.model_id == model_id), None)

    def _build(
        self, manifest: Manifest, before: Manifest | None, todo: Changes, vectors: "NDArray[np.float32]"
    ) -> None:
        working = Path(tempfile.mkdtemp(prefix=".new-", dir=self._shards))
        if before:
            shard = edge_shard.copied(self._shards / before.index_id, working, leave_out=MANIFEST)
        else:
            shard = edge_shard.created(working, vectors.shape[1])
        edge_shard.change(shard, todo, vectors)
        edge_shard.finish(shard, working)
        write_json(working / MANIFEST, asdict(manifest))
        settle(working, self._shards / manifest.index_id)

    def _sweep(self) -> None:
        self._shards.mkdir(parents=True, exist_ok=True)
        sweep(self._shards)
        for folder in self._shards.iterdir():
            if not self._whole(folder.name):
                shutil.rmtree(folder)

    def _prune(self, live: str, before: str | None) -> None:
        keep = {live}
        if before and self._whole(before):
            standing = set(self._read(live).document_ids)
            if standing.issuperset(self._read(before).document_ids):
                keep.add(before)
        for folder in self._shards.glob("[!.]*"):
            if folder.name not in keep:
                _remove(folder)


def _remove(folder: Path) -> None:
    # Out of sight at once; a kill in the middle leaves only what the next sweep takes.
    shutil.rmtree(folder.replace(folder.with_name(f".gone-{folder.name}")))


def _manifest(target: str, model_id: str, chunks: Sequence[Chunk]) -> Manifest:
    documents = sorted({chunk["document_id"] for chunk in chunks})
    marks = {chunk["chunk_id"]: mark(chunk) for chunk in chunks}
    return Manifest(target, model_id, len(chunks), documents, marks)
