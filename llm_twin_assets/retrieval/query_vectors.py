"""Vectors of the texts that an evaluation embeds, kept for the next one.

Keys are hashes, and only what the last evaluation asked for is kept: nothing of a document that has
left the corpus stays.
"""

import zipfile
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from llm_twin_assets.contracts import content_hash
from resources.embedder import Embedder
from resources.files import fetched, replacing
from resources.places import Place

Vector = NDArray[np.float32]


class QueryVectors:
    """An embedder that remembers, in one file, what it embedded last time in the same space.

    embedded: how many texts were not remembered.
    """

    def __init__(self, path: Place, embedder: Embedder, space: str) -> None:
        self.embedded = 0
        self._path = path
        self._embedder = embedder
        self._space = space
        self._before = _read(path)
        self._asked: dict[str, Vector] = {}

    def encode(self, texts: Sequence[str]) -> Vector:
        """Vectors of length one, shape (len(texts), dimension), in the order of the texts."""
        keys = [content_hash(f"{self._space}\n{text}") for text in texts]
        known = {key: self._before[key] for key in keys if key in self._before} | self._asked
        fresh = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        made = self._embedder.encode(list(fresh.values()))
        self.embedded += len(fresh)
        known |= dict(zip(fresh, made, strict=True))
        self._asked |= {key: known[key] for key in keys}
        return np.array([known[key] for key in keys], dtype=np.float32).reshape(len(keys), made.shape[1])

    def keep(self) -> None:
        """Write what was asked for, in the place of what was remembered."""
        keys = np.array(sorted(self._asked), dtype="S64")
        rows = [self._asked[key] for key in sorted(self._asked)]
        with replacing(self._path) as temporary, temporary.open("wb") as file:
            np.savez(file, keys=keys, vectors=np.array(rows, dtype=np.float32))


def _read(path: Place) -> dict[str, Vector]:
    """What a file remembers; nothing where it cannot be read, since all of it can be made again."""
    try:
        kept = fetched(path)
        if kept is None:
            return {}
        with np.load(kept, allow_pickle=False) as stored:
            keys, vectors = stored["keys"], stored["vectors"]
            return {key.decode(): vector for key, vector in zip(keys, vectors, strict=True)}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return {}
