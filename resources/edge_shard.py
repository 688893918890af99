"""One Qdrant Edge shard: create it, copy it, change it, finish it, list it."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from resources.packing import copy_sparse
from resources.vector_store import DENSE, SPARSE, Changes, Chunk, Entries, portions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

POINTS_AT_ONCE: Final = 1000
KEYWORDS: Final = ("platform", "kind", "document_id")


def created(folder: Path, dimension: int) -> Any:
    """A new shard in an empty folder: vectors of this length under cosine similarity, and terms."""
    from qdrant_edge import (
        Distance,
        EdgeConfig,
        EdgeOptimizersConfig,
        EdgeShard,
        EdgeSparseVectorParams,
        EdgeVectorParams,
        Modifier,
    )

    config = EdgeConfig(
        vectors={DENSE: EdgeVectorParams(dimension, Distance.Cosine)},
        sparse_vectors={SPARSE: EdgeSparseVectorParams(modifier=Modifier.Idf)},
        # With a log, a second process could not open the shard.
        wal_enabled=False,
        # A deleted point's words must leave the files, so every deletion rewrites its segment.
        optimizers=EdgeOptimizersConfig(deleted_threshold=0.0, vacuum_min_vector_number=1),
    )
    shard = EdgeShard.create(str(folder), config)
    _index_columns(shard)
    return shard


def _index_columns(shard: Any) -> None:
    """Index what may be filtered by, before the first point: the graph gets links within each author."""
    from qdrant_edge import DatetimeIndexParams, KeywordIndexParams, UpdateOperation

    indexes: dict[str, Any] = {
        "author": KeywordIndexParams(is_tenant=True),
        "published_at": DatetimeIndexParams(),
    }
    indexes |= {column: KeywordIndexParams() for column in KEYWORDS}
    for column, schema in indexes.items():
        shard.update(UpdateOperation.create_field_index(column, schema))


def copied(source: Path, folder: Path, leave_out: str) -> Any:
    """An open copy of a shard, without the file `leave_out`."""
    # A reader that is just opening the source has temporary files of its own in it.
    ignored = shutil.ignore_patterns(".*", leave_out)
    shutil.copytree(source, folder, ignore=ignored, copy_function=_copy_sparse, dirs_exist_ok=True)
    return opened(folder)


def opened(folder: Path) -> Any:
    """A shard that is there; several processes may open it as long as none writes."""
    from qdrant_edge import EdgeShard

    return EdgeShard.load(str(folder))


def remove(shard: Any, todo: Changes) -> None:
    """Take out what is gone or gets a new vector, and give what only moved its new columns."""
    gone = [*todo.gone, *(chunk["chunk_id"] for chunk in todo.fresh)]
    for ids in portions(gone, POINTS_AT_ONCE):
        _delete(shard, ids)
    for chunks in portions(todo.moved, POINTS_AT_ONCE):
        ids = [chunk["chunk_id"] for chunk in chunks]
        records = shard.retrieve(ids, with_payload=False, with_vector=True)
        kept = {str(record.id): record.vector for record in records}
        # Deleted first, not overwritten: only a deletion makes the optimizer rewrite the old words away.
        _delete(shard, ids)
        _upsert(shard, chunks, [kept[chunk_id] for chunk_id in ids])


def insert(shard: Any, chunks: Sequence[Chunk], entries: Entries) -> None:
    """Put in chunks that are not there, with their entries."""
    from qdrant_edge import SparseVector

    pairs = list(zip(entries.vectors, entries.terms, strict=True))
    for start in range(0, len(chunks), POINTS_AT_ONCE):
        made = [
            {DENSE: vector.tolist(), SPARSE: SparseVector(terms.indices, terms.weights)}
            for vector, terms in pairs[start : start + POINTS_AT_ONCE]
        ]
        _upsert(shard, chunks[start : start + POINTS_AT_ONCE], made)


def finish(shard: Any, folder: Path) -> None:
    """Optimize, write everything to disk and close."""
    shard.optimize()
    shard.flush()
    shard.close()
    # The first opening folds a journal into the files; readers should never find one to fold.
    opened(folder).close()


def ids(shard: Any) -> set[str]:
    """The ids of all points."""
    from qdrant_edge import ScrollRequest

    most = max(1, shard.info().points_count)
    points, _ = shard.scroll(ScrollRequest(limit=most, with_payload=False, with_vector=False))
    return {str(point.id) for point in points}


def vectors(shard: Any, chunk_ids: Sequence[str]) -> "dict[str, NDArray[np.float32]]":
    """The vectors of those of the points that are there."""
    import numpy as np

    found: dict[str, NDArray[np.float32]] = {}
    for wanted in portions(chunk_ids, POINTS_AT_ONCE):
        for record in shard.retrieve(list(wanted), with_payload=False, with_vector=[DENSE]):
            found[str(record.id)] = np.asarray(record.vector[DENSE], dtype=np.float32)
    return found


def _delete(shard: Any, chunk_ids: Sequence[str]) -> None:
    from qdrant_edge import UpdateOperation

    shard.update(UpdateOperation.delete_points(list(chunk_ids)))


def _upsert(shard: Any, chunks: Sequence[Chunk], stored: Sequence[dict[str, Any]]) -> None:
    from qdrant_edge import Point, UpdateOperation

    points = [Point(chunk["chunk_id"], made, dict(chunk)) for chunk, made in zip(chunks, stored, strict=True)]
    shard.update(UpdateOperation.upsert_points(points))


def _copy_sparse(source: str, target: str) -> str:
    """Copy a file, and leave its holes holes."""
    with Path(source).open("rb") as read, Path(target).open("wb") as written:
        copy_sparse(read, written)
    return target
