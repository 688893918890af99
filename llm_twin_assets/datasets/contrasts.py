"""Texts that are known to be a worse answer than an author's passage, and of a like length.

A text of somebody else, or about something else, is the beginning of a passage, cut at a sentence's end.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from llm_twin_assets.contracts import digest
from llm_twin_assets.datasets.units import Block, blocks, word_count
from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.reading import Refused
from resources.terms import document_terms, query_terms

# A rejected text has so many times the words of the chosen one, so that its length tells nothing.
LENGTH_RATIO: Final = (0.7, 1.4)
# The share of the words that a truncated passage keeps.
TRUNCATED: Final = (0.7, 0.85)
# The same passage is one kind's rejected text no more often than this.
MOST_USES: Final = 2
# The least share of words and signs that a rejected text has otherwise than the chosen one.
LEAST_DIFFERENCE: Final = 0.06

_SENTENCE_END = re.compile(
    r"(?<!\bMr)(?<!\bMrs)(?<!\bDr)(?<!\bSt)(?<!\bvs)(?<!\b[A-Z])[.!?…]+[\"”’)\]*_]*(?=\s+[\"“‘(\[*_]*[A-Z0-9]|\s*\Z)"
)
_TOKEN = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")


@dataclass(frozen=True)
class Passage:
    """An author's passage: `text` stands in the document; `name` is the id of its instruct row."""

    name: str
    document: str
    cluster: str
    author: str
    text: str


@dataclass(frozen=True)
class Worse:
    """A rejected text and the document that its words are from, None where a model wrote it."""

    text: str
    document: str | None


class Pool:
    """The passages of one split, from which texts of other authors or about other things are taken.

    Nearness is BM25 with the chosen passage as query (see resources.terms), document frequencies are those
    of the pool.
    """

    def __init__(self, passages: Iterable[Passage]) -> None:
        from scipy.sparse import csr_array

        self.passages = list(passages)
        terms = [document_terms(passage.text) for passage in self.passages]
        self._columns = {
            term: at for at, term in enumerate(sorted({one for t in terms for one in t.indices}))
        }
        rows = [row for row, one in enumerate(terms) for _ in one.indices]
        columns = [self._columns[index] for one in terms for index in one.indices]
        weights = [weight for one in terms for weight in one.weights]
        spread = np.bincount(columns, minlength=len(self._columns))
        self._idf = np.log(1 + (len(terms) - spread + 0.5) / (spread + 0.5))
        self._weights = csr_array((weights, (rows, columns)), shape=(len(terms), len(self._columns)))
        self._uses: Counter[tuple[str, str]] = Counter()

    def other_author(self, chosen: Passage) -> Worse:
        """The passage of another author that is nearest in topic; raises Refused."""
        near = [(-score, one) for score, one in self._scored(chosen) if one.author != chosen.author]
        return self._taken(chosen, near, "other_author", "passage of another author")

    def off_topic(self, chosen: Passage) -> Worse:
        """The author's passage that shares least with the chosen one, of the farther half; raises Refused."""
        own = [pair for pair in self._scored(chosen) if pair[1].author == chosen.author]
        far = sorted(own, key=lambda pair: pair[0])[: (len(own) + 1) // 2]
        return self._taken(chosen, far, "off_topic", "passage of the author about something else")

    def _scored(self, chosen: Passage) -> Iterator[tuple[float, Passage]]:
        """The passages of other clusters, each with its BM25 score."""
        wanted = np.zeros(len(self._columns))
        known = [self._columns[term] for term in query_terms(chosen.text).indices if term in self._columns]
        wanted[known] = self._idf[known]
        for score, passage in zip(self._weights @ wanted, self.passages, strict=True):
            if passage.cluster != chosen.cluster and passage.document != chosen.document:
                yield float(score), passage

    def _taken(self, chosen: Passage, ranked: list[tuple[float, Passage]], kind: str, what: str) -> Worse:
        for _, passage in sorted(ranked, key=lambda pair: (pair[0], pair[1].name)):
            if self._uses[kind, passage.name] == MOST_USES:
                continue
            text = fitted(passage.text, word_count(chosen.text))
            if text and difference(chosen.text, text) >= LEAST_DIFFERENCE:
                self._uses[kind, passage.name] += 1
                return Worse(text, passage.document)
        raise Refused(
            Reason.NO_COUNTERPART, f"no {what} of this length is left in the split: add documents to it"
        )


def fitted(text: str, words: int) -> str | None:
    """The beginning of a text up to a sentence's end, of nearly so many words; None where there is none."""
    counted = [(word_count(text[:end]), end) for end in _ends(text)]
    fitting = [(abs(count - words), end) for count, end in counted if is_like_long(count, words)]
    return text[: min(fitting)[1]] if fitting else None


def truncated(chosen: Passage) -> Worse:
    """The chosen passage, broken off inside a sentence after 70 to 85 % of its words; raises Refused."""
    words = list(re.finditer(r"\S+", chosen.text))
    low, high = (share * len(words) for share in TRUNCATED)
    prose = [block for block in blocks(chosen.text) if block.kind in ("prose", "list")]
    cuts = [
        words[at - 1].end()
        for at in range(math.ceil(low), math.floor(high) + 1)
        if _breaks_off(chosen.text, prose, words[at - 1].end(), words[at].start())
    ]
    if not cuts:
        raise Refused(Reason.NO_SENTENCE_TO_BREAK, "no sentence to break off after 70 to 85 % of the words")
    return Worse(chosen.text[: cuts[int(digest("cut", chosen.text), 16) % len(cuts)]], chosen.document)


def is_like_long(count: int, words: int) -> bool:
    """Whether a rejected text of `count` words may stand beside a chosen one of `words` words."""
    low, high = LENGTH_RATIO
    return low * words <= count <= high * words


def difference(one: str, other: str) -> float:
    """The share (0 to 1) of the longer text's words and signs that the other has not, in whatever order."""
    first, second = (Counter(_TOKEN.findall(text.lower().replace("’", "'"))) for text in (one, other))
    return 1 - (first & second).total() / max(first.total(), second.total(), 1)


def _ends(text: str) -> Iterator[int]:
    """Where a text may be cut: after its sentences, and after blocks that announce nothing."""
    for block in blocks(text):
        if block.kind not in ("code", "heading"):
            yield from (found.end() for found in _SENTENCE_END.finditer(text, block.start, block.end))
        if block.kind != "heading" and not text[: block.end].endswith((":", ",", ";")):
            yield block.end


def _breaks_off(text: str, prose: list[Block], end: int, start: int) -> bool:
    """Whether a cut between two words, at `end` and before `start`, leaves a sentence of prose unfinished."""
    inside = any(block.start < end and start < block.end for block in prose)
    return inside and "\n" not in text[end:start] and text[end - 1].isalpha()
