"""Questions with known answers, out of the documents themselves: a heading asks for its own section.

Nobody has to write or to keep up such a test set; what flatters it, and what it is good for
nevertheless, is in the manual under "Measuring Retrieval".
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pandas as pd

from llm_twin_assets.contracts import content_hash

MOST_QUERIES: Final = 300
FEWEST_WORDS: Final = 3
PATH: Final = " > "


@dataclass(frozen=True)
class Query:
    """A question and the ids of the chunks that answer it."""

    text: str
    relevant: frozenset[str]


def heading_queries(chunks: pd.DataFrame, most: int = MOST_QUERIES) -> list[Query]:
    """Headings of at least three words that stand once in the corpus, with the chunks under each.

    Of more than `most` a sample is taken by the headings' hashes: it stays the same, heading for
    heading, when others come and go, so that two indexes can be compared over it.
    """
    places: dict[str, set[tuple[str, str]]] = defaultdict(set)
    under: dict[str, set[str]] = defaultdict(set)
    for heading, place, chunk in _headings(chunks):
        places[heading].add(place)
        under[heading].add(chunk)
    once = [heading for heading, where in places.items() if len(where) == 1 and _asks(heading)]
    sample = sorted(once, key=content_hash)[:most]
    return [Query(heading, frozenset(under[heading])) for heading in sample]


def _headings(chunks: pd.DataFrame) -> Iterator[tuple[str, tuple[str, str], str]]:
    """Every heading above every chunk: the heading, where it stands (document, path), the chunk's id."""
    columns = zip(chunks["chunk_id"], chunks["document_id"], chunks["heading_path"], strict=True)
    for chunk, document, path in columns:
        parts = path.split(PATH)
        for depth, heading in enumerate(parts, start=1):
            yield _normal(heading), (document, PATH.join(parts[:depth])), chunk


def _normal(heading: str) -> str:
    return " ".join(heading.split()).casefold()


def _asks(heading: str) -> bool:
    return sum(any(letter.isalpha() for letter in word) for word in heading.split()) >= FEWEST_WORDS
