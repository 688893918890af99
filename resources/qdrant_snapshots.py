"""Snapshots of collections on a Qdrant server: the newest two of each, and none with a vanished document.

All snapshots of a collection of ours count as ours, whoever took them: forgetting must hold.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

KEPT: Final = 2


def take(client: "QdrantClient", collection: str, index_id: str) -> None:
    """Take a snapshot of an index unless there is one, and delete all but the newest two."""
    about = client.get_collection(collection).config.metadata or {}
    if about.get("snapshot_of") == index_id and client.list_snapshots(collection):
        return
    client.create_snapshot(collection, wait=True)
    client.update_collection(collection, metadata={"snapshot_of": index_id})
    forget(client, collection, keep=KEPT)


def forget(client: "QdrantClient", collection: str, keep: int = 0) -> None:
    """Delete all snapshots of a collection but the newest ones."""
    there = client.list_snapshots(collection)
    there.sort(key=lambda snapshot: (snapshot.creation_time or "", snapshot.name), reverse=True)
    for snapshot in there[keep:]:
        client.delete_snapshot(collection, snapshot.name, wait=True)
