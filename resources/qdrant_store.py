"""The vector store on a Qdrant server: one collection for each embedding model, brought up to date in place.

A collection's metadata says which index it holds, and whether an update of it was cut off; an alias says
which collection readers use. An update of the aliased collection reaches readers at once, before any
evaluation; another model's collection is built beside it, and reaches them when it is published.
"""

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from resources import qdrant_collection, qdrant_points, qdrant_query, qdrant_snapshots
from resources.masking import Secrets
from resources.qdrant_collection import SECONDS
from resources.vector_store import (
    EVERYTHING,
    Chunk,
    Embed,
    FilterColumn,
    Filters,
    Hit,
    IndexInfo,
    Retriever,
    UnknownIndex,
    Wording,
    changes,
    index_id,
    new_entries,
    portions,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from qdrant_client import QdrantClient

NAME: Final = "llm_twin"
MEMORY: Final = ":memory:"
# Goes into a collection's name: one that is laid out otherwise is built beside the old one.
LAYOUT: Final = "2"
# After so many chunks what was embedded is written, and safe from a kill.
EMBEDDED_AT_ONCE: Final = 1000
# How many replaced index ids still find the collection they were in.
REMEMBERED: Final = 50


class QdrantStore:
    """Indexes as collections of a server; location is its address, or `:memory:` for one inside the client.

    An index that is brought up to date is replaced: its id then finds the newer content.
    """

    def __init__(self, location: str, api_key: str | None = None, name: str = NAME) -> None:
        self._location = location
        self._served = location != MEMORY
        self._api_key = api_key
        self._name = name
        self._alias = f"{name}_live"
        self._opening = threading.Lock()
        self._connected: QdrantClient | None = None
        # The collection that an index is or was in, and that collection's model_id and vectors' length.
        self._places: dict[str, tuple[str, str, int | None]] = {}

    def sync(self, chunks: Sequence[Chunk], model_id: str, embed: Embed) -> IndexInfo:
        """Bring the model's collection to exactly these chunks: new ones first, then deletions.

        Chunks are embedded and written in portions, so a run that was killed goes on where it was. A
        collection that holds these chunks already is only counted. WrongVectors, before anything is
        written, where the collection is of other vectors.
        """
        target, collection = index_id(model_id, chunks), self._collection(model_id)
        if self._holds(collection, target, len(chunks)):
            return IndexInfo(target, model_id, len(chunks), embedded=0, deleted=0)
        there = self._client.collection_exists(collection)
        marks, documents = qdrant_points.marks(self._client, collection) if there else ({}, set())
        todo = changes(chunks, marks)
        self._embed(collection, model_id, todo.fresh, embed)
        qdrant_points.overwrite(self._client, collection, todo.moved)
        if self._served and not documents <= {chunk["document_id"] for chunk in chunks}:
            # First, for once the points are gone nothing tells that the snapshots hold too much.
            qdrant_snapshots.forget(self._client, collection)
        qdrant_points.delete(self._client, collection, todo.gone)
        self._hold(collection, target)
        return IndexInfo(target, model_id, len(chunks), embedded=len(todo.fresh), deleted=len(todo.gone))

    def publish(self, index_id: str) -> None:
        """Move the alias in one call; drop collections that are neither live nor the one before, or stale.

        On a server a snapshot is taken of what was published. UnknownIndex where an update was cut off.
        """
        collection, before = self._holding(index_id), self._aliased()
        if self._about(collection).get("torn"):
            raise UnknownIndex(index_id)
        if collection != before:
            self._move(collection, before)
        self._prune(collection)
        if self._served:
            qdrant_snapshots.take(self._client, collection, index_id)

    def live(self) -> str | None:
        """The index that the aliased collection holds now."""
        collection = self._aliased()
        return self._about(collection).get("index_id") if collection else None

    def model(self, index_id: str) -> str:
        """The model_id that an index was made with."""
        return self._found(index_id)[1]

    def ids(self, index_id: str) -> set[str]:
        """The ids of the points in the index's collection."""
        points = qdrant_points.scroll(self._client, self._holding(index_id), False)
        return {str(point.id) for point in points}

    def count(self, index_id: str) -> int:
        """How many points the index's collection holds."""
        return int(self._client.count(self._holding(index_id), exact=True).count)

    def holding(self, document_id: str) -> list[str]:
        """What the collections hold that have a point of the document; a collection's name if unfinished."""
        from qdrant_client import models

        match = models.FieldCondition(key="document_id", match=models.MatchValue(value=document_id))
        of_document = models.Filter(must=[match])
        counts = {name: self._client.count(name, of_document).count for name in self._collections()}
        return [self._content(name) for name, count in counts.items() if count]

    def vectors(self, index_id: str, chunk_ids: Sequence[str]) -> "dict[str, NDArray[np.float32]]":
        """The stored vectors of those of the chunks that are in the index's collection."""
        return qdrant_points.vectors(self._client, self._searchable(index_id)[0], chunk_ids)

    def values(self, index_id: str, column: FilterColumn) -> set[str]:
        """The different values of a column in the index's collection."""
        return qdrant_query.values(self._client, self._found(index_id)[0], column)

    def search(
        self,
        index_id: str,
        wordings: Sequence[Wording],
        k: int,
        filters: Filters = EVERYTHING,
        retriever: Retriever = "hybrid",
    ) -> list[Hit]:
        """The k best chunks, best first; WrongVectors where the wordings are of another model."""
        collection, model_id, length = self._searchable(index_id)
        qdrant_query.check(wordings, length, model_id)
        try:
            return qdrant_query.search(
                self._client, collection, wordings, k, filters, retriever, self._served
            )
        except Exception:
            # Was the collection dropped since? Then that is what to tell.
            self._places.pop(index_id, None)
            self._found(index_id)
            raise

    def drop(self, index_id: str) -> None:
        """Delete the collection that holds an index, with its snapshots; ValueError where readers use it."""
        for collection in self._collections():
            if self._content(collection) == index_id:
                if collection == self._aliased():
                    raise ValueError(f"the index {index_id} is live: publish another one before dropping it")
                self._remove(collection)

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

        return f"{self._name}_{digest(LAYOUT, model_id)[:16]}"

    def _collections(self) -> list[str]:
        there = [collection.name for collection in self._client.get_collections().collections]
        return sorted(name for name in there if name.startswith(f"{self._name}_"))

    def _about(self, collection: str) -> dict[str, Any]:
        return dict(self._client.get_collection(collection).config.metadata or {})

    def _content(self, collection: str) -> str:
        return str(self._about(collection).get("index_id") or collection)

    def _aliased(self) -> str | None:
        aliases = self._client.get_aliases().aliases
        return next((one.collection_name for one in aliases if one.alias_name == self._alias), None)

    def _holding(self, index_id: str) -> str:
        """The collection that holds an index now."""
        for collection in self._collections():
            if self._about(collection).get("index_id") == index_id:
                return collection
        raise UnknownIndex(index_id)

    def _found(self, index_id: str) -> tuple[str, str, int | None]:
        """Where an index is, or was; asked of the server once for each index."""
        if index_id not in self._places:
            for collection in self._collections():
                info = self._client.get_collection(collection)
                about, length = info.config.metadata or {}, qdrant_collection.length(info)
                for held in (about.get("index_id"), *about.get("earlier", [])):
                    self._places[held] = (collection, str(about.get("model_id")), length)
        if index_id not in self._places:
            raise UnknownIndex(index_id)
        return self._places[index_id]

    def _searchable(self, index_id: str) -> tuple[str, str, int]:
        """Where an index is; UnknownIndex where an earlier version laid it out, without names and terms."""
        collection, model_id, length = self._found(index_id)
        if length is None:
            raise UnknownIndex(index_id)
        return collection, model_id, length

    def _holds(self, collection: str, index_id: str, count: int) -> bool:
        """Does the collection hold exactly an index? Its metadata and its count tell, no point is read."""
        if not self._client.collection_exists(collection):
            return False
        about = self._about(collection)
        whole = about.get("index_id") == index_id and not about.get("torn")
        return whole and self._client.count(collection, exact=True).count == count

    def _embed(self, collection: str, model_id: str, chunks: Sequence[Chunk], embed: Embed) -> None:
        """Embed and write chunks; without any, the first portion is empty and tells the vectors' length."""
        for portion in portions(chunks, EMBEDDED_AT_ONCE) or [[]]:
            entries = new_entries(portion, embed)
            self._tear(collection, model_id, entries.vectors.shape[1])
            qdrant_points.upsert(self._client, collection, portion, entries)

    def _tear(self, collection: str, model_id: str, dimension: int) -> None:
        """Write down that the collection is being changed: until `_hold` nobody may take it for whole."""
        qdrant_collection.ensure(self._client, collection, model_id, dimension, self._served)
        if not self._about(collection).get("torn"):
            self._client.update_collection(collection, metadata={"torn": True})

    def _hold(self, collection: str, index_id: str) -> None:
        """Write down which index the collection holds; until then it goes by the one before."""
        about = self._about(collection)
        before, earlier = about.get("index_id"), about.get("earlier", [])
        if before and before != index_id:
            earlier = [*earlier, before][-REMEMBERED:]
        about = {"index_id": index_id, "earlier": earlier, "torn": False}
        self._client.update_collection(collection, metadata=about)
        if self._about(collection).get("index_id") != index_id:
            raise RuntimeError(
                f"QDRANT_URL: the server at {self._location} keeps no metadata of collections: update Qdrant"
            )

    def _move(self, collection: str, before: str | None) -> None:
        from qdrant_client import models

        moves: list[Any] = []
        if before:
            self._client.update_collection(collection, metadata={"previous": before})
            gone = models.DeleteAlias(alias_name=self._alias)
            moves.append(models.DeleteAliasOperation(delete_alias=gone))
        new = models.CreateAlias(collection_name=collection, alias_name=self._alias)
        moves.append(models.CreateAliasOperation(create_alias=new))
        self._client.update_collection_aliases(change_aliases_operations=moves)

    def _prune(self, live: str) -> None:
        """Drop all but the live collection and the one before; that too, if a vanished document is in it."""
        previous = self._about(live).get("previous")
        for collection in self._collections():
            if collection != live and not (collection == previous and self._stands(collection, live)):
                self._remove(collection)

    def _stands(self, collection: str, live: str) -> bool:
        standing = qdrant_points.documents(self._client, live)
        return qdrant_points.documents(self._client, collection) <= standing

    def _remove(self, collection: str) -> None:
        if self._served:
            qdrant_snapshots.forget(self._client, collection)
        self._client.delete_collection(collection)
        self._places.clear()


def _connect(location: str, api_key: str | None) -> "QdrantClient":
    from qdrant_client import QdrantClient
    from qdrant_client.http.exceptions import ApiException

    if location == MEMORY:
        return QdrantClient(location)
    client = QdrantClient(url=location, api_key=api_key, timeout=SECONDS, check_compatibility=False)
    try:
        client.get_collections()
    except ApiException as error:
        said = f"QDRANT_URL: the Qdrant server at {location} cannot be used ({error}): check the address, "
        raise ConnectionError(Secrets([]).masked(said + "QDRANT_API_KEY and the firewall")) from error
    return client
