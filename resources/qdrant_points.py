"""Chunks as points of a Qdrant collection: written, read and deleted in portions that one request carries."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from resources.qdrant_collection import MOST
from resources.vector_store import DENSE, SPARSE, Chunk, Entries, Mark, mark, portions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from qdrant_client import QdrantClient, models

    from resources.terms import Terms

# Where a point keeps its mark, so that comparing needs no text; never shown in a hit.
MARK: Final = "_mark"
AT_ONCE: Final = 256


def upsert(client: "QdrantClient", collection: str, chunks: Sequence[Chunk], entries: Entries) -> None:
    """Write chunks with their vectors and terms."""
    from qdrant_client import models

    points = [
        models.PointStruct(
            id=chunk["chunk_id"],
            vector={DENSE: vector.tolist(), SPARSE: sparse(terms)},
            payload=_payload(chunk),
        )
        for chunk, vector, terms in zip(chunks, entries.vectors, entries.terms, strict=True)
    ]
    for some in portions(points, AT_ONCE):
        client.upsert(collection, some, wait=True)


def overwrite(client: "QdrantClient", collection: str, chunks: Sequence[Chunk]) -> None:
    """Give stored chunks other columns; their vectors and terms stay."""
    from qdrant_client import models

    for some in portions(chunks, AT_ONCE):
        operations = [
            models.OverwritePayloadOperation(
                overwrite_payload=models.SetPayload(payload=_payload(chunk), points=[chunk["chunk_id"]])
            )
            for chunk in some
        ]
        client.batch_update_points(collection, operations, wait=True)


def delete(client: "QdrantClient", collection: str, chunk_ids: Sequence[str]) -> None:
    """Delete chunks by their ids."""
    from qdrant_client import models

    for ids in portions(chunk_ids, AT_ONCE):
        client.delete(collection, models.PointIdsList(points=list(ids)), wait=True)


def marks(client: "QdrantClient", collection: str) -> tuple[dict[str, Mark], set[str]]:
    """The marks of all stored chunks by id, and the documents they are of; no text is read."""
    found, documents = {}, set()
    for point in scroll(client, collection, [MARK, "document_id"]):
        payload = point.payload or {}
        # A point that somebody else wrote has no mark, and is written anew.
        found[str(point.id)] = Mark(**payload[MARK]) if MARK in payload else Mark("", "")
        documents.add(str(payload.get("document_id")))
    return found, documents


def documents(client: "QdrantClient", collection: str) -> set[str]:
    """The ids of all documents that have a chunk in the collection."""
    return {
        str((point.payload or {})["document_id"]) for point in scroll(client, collection, ["document_id"])
    }


def scroll(client: "QdrantClient", collection: str, payload: bool | list[str]) -> "Iterator[models.Record]":
    """All points, page by page, with these of their columns and without vectors."""
    offset = None
    while True:
        points, offset = client.scroll(
            collection, limit=MOST, offset=offset, with_payload=payload, with_vectors=False
        )
        yield from points
        if offset is None:
            return


def vectors(
    client: "QdrantClient", collection: str, chunk_ids: Sequence[str]
) -> "dict[str, NDArray[np.float32]]":
    """The stored vectors, shape (dimension,), of those of the chunks that are there."""
    found = {}
    for ids in portions(chunk_ids, AT_ONCE):
        for record in client.retrieve(collection, ids, with_payload=False, with_vectors=[DENSE]):
            found[str(record.id)] = dense(record.vector)
    return found


def records(client: "QdrantClient", collection: str, chunk_ids: Sequence[str]) -> "dict[str, models.Record]":
    """Those of the chunks that are there, by id: all columns but the mark, and the dense vector."""
    from qdrant_client import models

    shown = models.PayloadSelectorExclude(exclude=[MARK])
    found = {}
    for ids in portions(chunk_ids, AT_ONCE):
        for record in client.retrieve(collection, ids, with_payload=shown, with_vectors=[DENSE]):
            found[str(record.id)] = record
    return found


def dense(stored: Any) -> "NDArray[np.float32]":
    """A point's dense vector, shape (dimension,), from the named vectors that came back with it."""
    import numpy as np

    return np.asarray(stored[DENSE], dtype=np.float32)


def sparse(terms: "Terms") -> "models.SparseVector":
    """Terms as the server takes them."""
    from qdrant_client import models

    return models.SparseVector(indices=terms.indices, values=terms.weights)


def _payload(chunk: Chunk) -> dict[str, Any]:
    return {**chunk, MARK: asdict(mark(chunk))}
