"""Chunks, an embedding that is quick and countable, and vector stores to try them on."""

import hashlib
import os
import uuid

import numpy as np

from resources.edge_store import EdgeStore
from resources.qdrant_store import QdrantStore

# Not QDRANT_URL: these tests delete collections, and that may be somebody's server.
SERVER = os.environ.get("QDRANT_TEST_URL")
KINDS = ["edge", "memory", *(["server"] if SERVER else [])]
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
        "published_at": None,
        **columns,
    }


class Embedding:
    """Counts what it was asked to embed."""

    def __init__(self):
        self.texts = []

    def __call__(self, chunks):
        self.texts += [one["text"] for one in chunks]
        rows = [vector(one["title"] + one["heading_path"] + one["text"]) for one in chunks]
        return np.array(rows, dtype=np.float32).reshape(len(chunks), 16)


def words_of(text):
    return vector("T" + text)


def ids_of(chunks):
    return {one["chunk_id"] for one in chunks}


def make(kind, folder):
    if kind == "edge":
        return EdgeStore(folder)
    return QdrantStore(":memory:" if kind == "memory" else SERVER, name=f"test_{uuid.uuid4().hex[:8]}")


def drop(made):
    if isinstance(made, QdrantStore):
        for collection in made._collections():
            made._client.delete_collection(collection)
    made.close()
