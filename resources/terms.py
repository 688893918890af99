"""A text as BM25 reads it: hashed stems with their weights, the same for every vector store.

The engine's own model does it (Qdrant Edge's Bm25: words, lower case, English stop words and Snowball
stems, term frequency saturation as in Robertson and Zaragoza, "The Probabilistic Relevance Framework",
2009); the inverse document frequency is put in by the store, which knows all chunks.
"""

import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

# Names how terms are made; goes into the id of the space that an index lies in.
TERMS: Final = "bm25-2"
# Terms of an average indexed text (a chunk's own three times, and its neighbours'): what long and short
# ones are weighed against.
MEAN_LENGTH: Final = 350.0


@dataclass(frozen=True)
class Terms:
    """A sparse vector: the hash of each different stem, and its weight."""

    indices: list[int]
    weights: list[float]


def document_terms(text: str) -> Terms:
    """The terms of a text that is to be found."""
    return _terms(_model().embed_document(_plain(text)))


def query_terms(text: str) -> Terms:
    """The terms of a question; each counts once."""
    return _terms(_model().embed_query(_plain(text)))


def _plain(text: str) -> str:
    # Headings in mathematical bold, ligatures, full-width letters: no one types them into a question.
    return unicodedata.normalize("NFKC", text)


def _terms(made: Any) -> Terms:
    return Terms(list(made.indices), list(made.values))


@cache
def _model() -> Any:
    from qdrant_edge import Bm25, Bm25Config

    return Bm25(Bm25Config(language="english", ascii_folding=True, avg_len=MEAN_LENGTH))
