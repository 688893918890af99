"""Chunks, an embedding that is quick and countable, and vector stores to try them on."""

import hashlib
import os
import uuid

import numpy as np

from resources.edge_store import EdgeStore
from resources.qdrant_store import QdrantStore
from resources.terms import document_terms, query_terms
from resources.vector_store import Entries, Wording

# Not QDRANT_URL: these tests delete collections, and that may be somebody's server.
SERVER = os.environ.get("QDRANT_TEST_URL")
KINDS = ["edge", "memory", "loopback", *(["server"] if SERVER else [])]
MODEL = "words@1"


def vector(words):
    seed = int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big")
    made = np.random.default_rng(seed).normal(size=16).astype(np.float32)
    return made / np.linalg.norm(made)


def chunk(text, document="d1", author="Ada", **columns):
    return {
        "chunk_id": str(uuid.uuid5(uuid.NAMESPACE_URL, document + text)),
        "document_id": document,
        "ordinal": 0,
        "start": 0,
        "end": len(text),
        "heading_path": "",
        "text": text,
        "title": "T",
        "author": author,
        "platform": "folder",
        "kind": "article",
        "published_at": None,
        **columns,
    }


class Embedding:
    """Counts what it was asked to embed."""

    def __init__(self):
        self.texts = []

    def __call__(self, chunks):
        self.texts += [one["text"] for one in chunks]
        texts = [one["title"] + one["heading_path"] + one["text"] for one in chunks]
        rows = np.array([vector(text) for text in texts], dtype=np.float32).reshape(len(chunks), 16)
        return Entries(rows, [document_terms(text) for text in texts])


def asks(text):
    """A question whose vector is that of the chunk with this text under the title T, and its terms."""
    return [Wording(vector("T" + text), query_terms(text))]


def ids_of(chunks):
    return {one["chunk_id"] for one in chunks}


def make(kind, folder):
    if kind == "edge":
        return EdgeStore(folder)
    if kind == "loopback":
        from tests.resources.qdrant_server import loopback_store

        return loopback_store()
    return QdrantStore(":memory:" if kind == "memory" else SERVER, name=f"test_{uuid.uuid4().hex[:8]}")


def drop(made):
    if isinstance(made, QdrantStore):
        for collection in made._collections():
            made._client.delete_collection(collection)
    made.close()
