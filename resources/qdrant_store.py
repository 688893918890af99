"""The vector store on a Qdrant server: one collection for each embedding model, brought up to date in place.

A collection's metadata says which index it holds; an alias says which collection readers use.
"""

import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from resources.vector_store import (
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
    from qdrant_client import QdrantClient, models

NAME: Final = "llm_twin"
PAGE: Final = 1000
POINTS_AT_ONCE: Final = 256
SECONDS: Final = 60
# How many replaced index ids still find the collection they were in.
REMEMBERED: Final = 50


class QdrantStore:
    """Indexes as collections of a server; location is its address, or `:memory:` for one inside the client.

    An index that is brought up to date is replaced: its id then finds the newer content.
    """

    def __init__(self, location: str, api_key: str | None = None, name: str = NAME) -> None:
        self._location = location
        self._api_key = api_key
        self._name = name
        self._alias = f"{name}_live"
        self._opening = threading.Lock()
        self._connected: QdrantClient | None = None
        # Where an index is or was: collection and model_id.
        self._places: dict[str, tuple[str, str]] = {}

    def sync(self, chunks: Sequence[Chunk], model_id: str, embed: Embed) -> IndexInfo:
        """Bring the model's collection to exactly these chunks: new ones first, then deletions."""
        target, collection = index_id(model_id, chunks), self._collection(model_id)
        todo = changes(chunks, self._marks(collection))
        vectors = new_vectors(todo.fresh, embed)
        self._ensure(collection, model_id, vectors.shape[1])
        kept = self._vectors(collection, [chunk["chunk_id"] for chunk in todo.moved])
        self._upsert(collection, todo.moved, [kept[chunk["chunk_id"]] for chunk in todo.moved])
        self._upsert(collection, todo.fresh, [vector.tolist() for vector in vectors])
        self._delete(collection, todo.gone)
        self._hold(collection, target)
        return IndexInfo(target, model_id, len(chunks), embedded=len(todo.fresh), deleted=len(todo.gone))

    def publish(self, index_id: str) -> None:
        """Move the alias in one call; drop collections that are neither live nor the one before, or stale."""
        from qdrant_client import models

        collection, before = self._holding(index_id), self._aliased()
        if collection != before:
            moves: list[Any] = []
            if before:
                gone = models.DeleteAlias(alias_name=self._alias)
                moves.append(models.DeleteAliasOperation(delete_alias=gone))
            new = models.CreateAlias(collection_name=collection, alias_name=self._alias)
            moves.append(models.CreateAliasOperation(create_alias=new))
            self._client.update_collection_aliases(change_aliases_operations=moves)
        self._prune(collection, before)

    def live(self) -> str | None:
        """The index that the aliased collection holds now."""
        collection = self._aliased()
        return self._about(collection).get("index_id") if collection else None

    def model(self, index_id: str) -> str:
        """The model_id that an index was made with."""
        return self._found(index_id)[1]

    def ids(self, index_id: str) -> set[str]:
        """The ids of the points in the index's collection."""
        return {str(point.id) for point in self._points(self._holding(index_id), False)}

    def count(self, index_id: str) -> int:
        """How many points the index's collection holds."""
        return int(self._client.count(self._holding(index_id), exact=True).count)

    def holding(self, document_id: str) -> list[str]:
        """What the collections hold that have a point of the document."""
        from qdrant_client import models

        match = models.FieldCondition(key="document_id", match=models.MatchValue(value=document_id))
        of_document = models.Filter(must=[match])
        counts = {name: self._client.count(name, of_document).count for name in self._collections()}
        return [str(self._about(name).get("index_id", name)) for name, count in counts.items() if count]

    def search(
        self, index_id: str, vector: "NDArray[np.float32]", k: int, author: str | None = None
    ) -> list[Hit]:
        """The k chunks nearest to a vector, best first, of one author or of all."""
        from qdrant_client import models

        by = None
        if author is not None:
            match = models.FieldCondition(key="author", match=models.MatchValue(value=author))
            by = models.Filter(must=[match])
        collection, _ = self._found(index_id)
        try:
            found = self._client.query_points(
                collection, query=vector.tolist(), limit=k, query_filter=by, with_payload=True
            )
        except Exception:
            # Was the collection dropped since? Then that is what to tell.
            self._places.pop(index_id, None)
            self._found(index_id)
            raise
        return ranked(Hit(str(point.id), point.score, point.payload or {}) for point in found.points)

    def close(self) -> None:
        """Close the connection."""
        with self._opening:
            if self._connected is not None:
                self._connected.close()
            self._connected = None

    @property
    def _client(self) -> "QdrantClient":
        with self._opening:
            if self._connected is None:
                self._connected = _connect(self._location, self._api_key)
            return self._connected

    def _collection(self, model_id: str) -> str:
        from llm_twin_assets.contracts import digest

        return f"{self._name}_{digest(model_id)[:16]}"

    def _collections(self) -> list[str]:
        there = [collection.name for collection in self._client.get_collections().collections]
        return sorted(name for name in there if name.startswith(f"{self._name}_"))

    def _about(self, collection: str) -> dict[str, Any]:
        return dict(self._client.get_collection(collection).config.metadata or {})

    def _aliased(self) -> str | None:
        aliases = self._client.get_aliases().aliases
        return next((one.collection_name for one in aliases if one.alias_name == self._alias), None)

    def _holding(self, index_id: str) -> str:
        """The collection that holds an index now."""
        for collection in self._collections():
            if self._about(collection).get("index_id") == index_id:
                return collection
        raise UnknownIndex(index_id)

    def _found(self, index_id: str) -> tuple[str, str]:
        """The collection that holds an index, or has held it; asked of the server once for each index."""
        if index_id not in self._places:
            for collection in self._collections():
                about = self._about(collection)
                for held in (about.get("index_id"), *about.get("earlier", [])):
                    self._places[held] = (collection, about["model_id"])
        if index_id not in self._places:
            raise UnknownIndex(index_id)
        return self._places[index_id]

    def _ensure(self, collection: str, model_id: str, dimension: int) -> None:
        from qdrant_client import models

        if collection not in self._collections():
            vectors = models.VectorParams(size=dimension, distance=models.Distance.COSINE)
            about = {"model_id": model_id, "earlier": []}
            self._client.create_collection(collection, vectors_config=vectors, metadata=about)
        tenant = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
        self._client.create_payload_index(collection, "author", field_schema=tenant)

    def _hold(self, collection: str, index_id: str) -> None:
        """Write down which index the collection holds; until then it goes by the one before."""
        about = self._about(collection)
        before, earlier = about.get("index_id"), about.get("earlier", [])
        if before == index_id:
            return
        about = {"index_id": index_id, "earlier": ([*earlier, before] if before else earlier)[-REMEMBERED:]}
        self._client.update_collection(collection, metadata=about)
        if self._about(collection).get("index_id") != index_id:
            raise RuntimeError(
                f"QDRANT_URL: the server at {self._location} keeps no metadata of collections: update Qdrant"
            )

    def _points(self, collection: str, payload: bool | list[str]) -> "Iterator[models.Record]":
        offset = None
        while True:
            points, offset = self._client.scroll(
                collection, limit=PAGE, offset=offset, with_payload=payload, with_vectors=False
            )
            yield from points
            if offset is None:
                return

    def _marks(self, collection: str) -> dict[str, Mark]:
        if collection not in self._collections():
            return {}
        return {str(point.id): mark(point.payload or {}) for point in self._points(collection, True)}

    def _vectors(self, collection: str, wanted: list[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for ids in _portions(wanted):
            records = self._client.retrieve(collection, ids, with_payload=False, with_vectors=True)
            found |= {str(record.id): record.vector for record in records}
        return found

    def _upsert(self, collection: str, chunks: Sequence[Chunk], vectors: Sequence[Any]) -> None:
        from qdrant_client import models

        for pairs in _portions(list(zip(chunks, vectors, strict=True))):
            points = [
                models.PointStruct(id=chunk["chunk_id"], vector=vector, payload=dict(chunk))
                for chunk, vector in pairs
            ]
            self._client.upsert(collection, points, wait=True)

    def _delete(self, collection: str, gone: list[str]) -> None:
        from qdrant_client import models

        for ids in _portions(gone):
            self._client.delete(collection, models.PointIdsList(points=list(ids)), wait=True)

    def _documents(self, collection: str) -> set[str]:
        points = self._points(collection, ["document_id"])
        return {str((point.payload or {})["document_id"]) for point in points}

    def _prune(self, live: str, before: str | None) -> None:
        standing = self._documents(live)
        for collection in self._collections():
            kept = collection == live or (collection == before and self._documents(collection) <= standing)
            if not kept:
                self._client.delete_collection(collection)


def _connect(location: str, api_key: str | None) -> "QdrantClient":
    from qdrant_client import QdrantClient
    from qdrant_client.http.exceptions import ApiException

    if location == ":memory:":
        return QdrantClient(location)
    client = QdrantClient(url=location, api_key=api_key, timeout=SECONDS, check_compatibility=False)
    try:
        client.get_collections()
    except ApiException as error:
        raise ConnectionError(
            f"QDRANT_URL: the Qdrant server at {location} cannot be used ({error}): "
            "check the address, QDRANT_API_KEY and the firewall"
        ) from error
    return client


def _portions(items: Sequence[Any]) -> list[list[Any]]:
    return [list(items[start : start + POINTS_AT_ONCE]) for start in range(0, len(items), POINTS_AT_ONCE)]
