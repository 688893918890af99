"""Questions with known answers, out of the documents themselves: a heading asks for its own section.

Nobody has to write or to keep up such a test set; what it is good for is in the manual under
"Measuring Retrieval". What is searched must not contain the heading: `unheaded` sees to that.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pandas as pd

from llm_twin_assets.contracts import content_hash
from llm_twin_assets.retrieval.unheaded import PATH, is_only_headings, normal

MOST_QUERIES: Final = 300
FEWEST_WORDS: Final = 3

# A document's id and a heading path in it; the empty path is the whole document, under its title.
Place = tuple[str, str]


@dataclass(frozen=True)
class Query:
    """A question, the ids of the chunks that answer it, and of the documents that these stand in."""

    text: str
    relevant: frozenset[str]
    documents: frozenset[str] = frozenset()


def heading_queries(chunks: pd.DataFrame, most: int = MOST_QUERIES) -> list[Query]:
    """Headings of at least three words that stand once in the corpus, with the chunks under each.

    A document without such a heading is asked for by its title, under the same conditions. A chunk
    of headings only answers nothing. Of more than `most` a sample is taken by the headings' hashes:
    it stays the same, heading for heading, when others come and go, so that two indexes can be
    compared over it.
    """
    places: dict[str, set[Place]] = defaultdict(set)
    for _, words, place in _names(chunks):
        places[words].add(place)
    under: dict[Place, set[str]] = defaultdict(set)
    says_something = ~chunks["text"].map(is_only_headings).astype(bool)
    for chunk, _, place in _names(chunks[says_something]):
        under[place].add(chunk)
    once = {words: min(where) for words, where in places.items() if len(where) == 1 and _asks(words)}
    asked = {words: place for words, place in _without_titles(once).items() if under[place]}
    return [
        Query(words, frozenset(under[asked[words]]), frozenset({asked[words][0]}))
        for words in sorted(asked, key=content_hash)[:most]
    ]


def _without_titles(once: dict[str, Place]) -> dict[str, Place]:
    """All but the titles of documents that a heading asks for."""
    documents = {document for document, path in once.values() if path}
    return {words: place for words, place in once.items() if place[1] or place[0] not in documents}


def _names(chunks: pd.DataFrame) -> Iterator[tuple[str, str, Place]]:
    """Every title and heading above every chunk: the chunk's id, the words, where they stand.

    A heading that repeats the title of its document is the title.
    """
    columns = ["chunk_id", "document_id", "title", "heading_path"]
    for chunk, document, title, path in chunks[columns].itertuples(index=False, name=None):
        yield chunk, normal(title), (document, "")
        parts = path.split(PATH)
        for depth, heading in enumerate(parts, start=1):
            if heading and normal(heading) != normal(title):
                yield chunk, normal(heading), (document, PATH.join(parts[:depth]))


def _asks(words: str) -> bool:
    return sum(any(letter.isalpha() for letter in word) for word in words.split()) >= FEWEST_WORDS
