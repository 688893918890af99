"""One Qdrant Edge shard: create it, copy it, change it, finish it, search it."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from resources.vector_store import Changes, Chunk, Hit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BLOCK: Final = 1 << 20
POINTS_AT_ONCE: Final = 1000


def created(folder: Path, dimension: int) -> Any:
    """A new shard in an empty folder, for vectors of this length under cosine similarity."""
    from qdrant_edge import (
        Distance,
        EdgeConfig,
        EdgeOptimizersConfig,
        EdgeShard,
        EdgeVectorParams,
        KeywordIndexParams,
        UpdateOperation,
    )

    config = EdgeConfig(
        vectors=EdgeVectorParams(dimension, Distance.Cosine),
        # With a log, a second process could not open the shard.
        wal_enabled=False,
        # A deleted point's words must leave the files, so every deletion rewrites its segment.
        optimizers=EdgeOptimizersConfig(deleted_threshold=0.0, vacuum_min_vector_number=1),
    )
    shard = EdgeShard.create(str(folder), config)
    shard.update(UpdateOperation.create_field_index("author", KeywordIndexParams(is_tenant=True)))
    return shard


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


def change(shard: Any, todo: Changes, vectors: "NDArray[np.float32]") -> None:
    """Take out what is gone, put in what is fresh with these vectors, and move what keeps its own."""
    from qdrant_edge import UpdateOperation

    kept = _vectors(shard, [chunk["chunk_id"] for chunk in todo.moved])
    # Deleted first, not overwritten: only a deletion makes the optimizer rewrite the old words away.
    for ids in _portions(todo.touched):
        shard.update(UpdateOperation.delete_points(list(ids)))
    _insert(shard, todo.moved, [kept[chunk["chunk_id"]] for chunk in todo.moved])
    _insert(shard, todo.fresh, [vector.tolist() for vector in vectors])


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


def nearest(shard: Any, vector: "NDArray[np.float32]", k: int, author: str | None) -> list[Hit]:
    """The k points nearest to a vector, of one author or of all."""
    from qdrant_edge import FieldCondition, Filter, MatchValue, Query, QueryRequest

    by = None if author is None else Filter(must=[FieldCondition("author", match=MatchValue(author))])
    request = QueryRequest(limit=k, query=Query.Nearest(vector.tolist()), filter=by, with_payload=True)
    return [Hit(str(point.id), float(point.score), point.payload) for point in shard.query(request)]


def _insert(shard: Any, chunks: Sequence[Chunk], vectors: Sequence[list[float]]) -> None:
    from qdrant_edge import Point, UpdateOperation

    for pairs in _portions(list(zip(chunks, vectors, strict=True))):
        points = [Point(chunk["chunk_id"], vector, dict(chunk)) for chunk, vector in pairs]
        shard.update(UpdateOperation.upsert_points(points))


def _vectors(shard: Any, wanted: list[str]) -> dict[str, list[float]]:
    found = shard.retrieve(wanted, with_payload=False, with_vector=True) if wanted else []
    return {str(record.id): record.vector for record in found}


def _portions(items: Sequence[Any]) -> list[Sequence[Any]]:
    return [items[start : start + POINTS_AT_ONCE] for start in range(0, len(items), POINTS_AT_ONCE)]


def _copy_sparse(source: str, target: str) -> str:
    """Copy a file without writing its empty blocks: a fresh shard's files are mostly holes."""
    with Path(source).open("rb") as read, Path(target).open("wb") as written:
        while block := read.read(BLOCK):
            if block.count(0) == len(block):
                written.seek(len(block), 1)
            else:
                written.write(block)
        written.truncate()
    return target
