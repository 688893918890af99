"""The author's own words behind an answer or nearest to a correction: spans of training documents."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, Final

import pandas as pd

from llm_twin_assets.contracts import content_hash
from llm_twin_assets.datasets.contrasts import is_like_long
from llm_twin_assets.datasets.units import word_count
from llm_twin_assets.documents.splits import learnable
from llm_twin_assets.monitoring.eligibility import Trace, text_of
from llm_twin_assets.reasons import Reason
from llm_twin_assets.serving.sentences import Sentence, quotable
from llm_twin_assets.sources.reading import Refused
from resources.terms import query_terms

# Fewer words in a row are said by everybody, and teach nothing.
FEWEST_WORDS: Final = 8
# The least Jaccard similarity of stems between a correction and the span that it speaks for.
NEAR_FROM: Final = 0.3

_WORD = re.compile(r"[^\W_]+")
_CLOSING = re.compile(r"[.!?…]*[\"'”’»)\]]*")
_MARK = re.compile(r" \[\d+\]")


@dataclass(frozen=True)
class Span:
    """Words of a training document: `text == document[start:end]`."""

    document: str
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Author:
    """An author's documents: those that a twin learns from, by id, and the splits of all documents."""

    texts: dict[str, str]
    splits: dict[str, str] = field(default_factory=dict)

    def quoted(self, trace: Trace) -> list[Span]:
        """The spans that an answer quotes, in its order; raises Refused where one may not be learned from."""
        return [self._cited(one) for one in json.loads(text_of(trace["citations"]) or "[]")]

    def verbatim(self, text: str) -> Span | None:
        """Where a text's words, case and punctuation aside, stand in a document; None where nowhere."""
        sought = [found[0].casefold() for found in _WORD.finditer(text)]
        if len(sought) < FEWEST_WORDS:
            return None
        for name, (line, places) in self._words.items():
            at = line.find(f" {' '.join(sought)} ")
            if at >= 0:
                first = line.count(" ", 0, at)
                return self._span(name, places[first][0], places[first + len(sought) - 1][1])
        return None

    def nearest(self, text: str, words: int) -> Span | None:
        """The author's sentences with most stems of a text, of a like length as so many words, or None."""
        wanted = frozenset(query_terms(text).indices)
        scored = [
            (-_jaccard(wanted, stems), one.document, one.start, one.end, one)
            for one, stems in self._windows(words)
        ]
        best = min(scored, default=None)
        return best[-1] if best and -best[0] >= NEAR_FROM else None

    def _cited(self, citation: dict[str, Any]) -> Span:
        name, start, end = str(citation["document_id"]), int(citation["start"]), int(citation["end"])
        if self.splits.get(name, "train") != "train":
            raise Refused(Reason.HELD_OUT, f"the answer cites a document of the {self.splits[name]} split")
        text = self.texts.get(name, "")[start:end]
        if not text.strip() or content_hash(text) != citation["quote_hash"]:
            raise Refused(Reason.STALE_ROW, "what it cites stands in no document that the twin learns from")
        return Span(name, start, end, text)

    def _span(self, name: str, start: int, end: int) -> Span:
        closing = _CLOSING.match(self.texts[name], end)
        end = closing.end() if closing else end
        return Span(name, start, end, self.texts[name][start:end])

    @cached_property
    def _words(self) -> dict[str, tuple[str, list[tuple[int, int]]]]:
        """Each document's words, case-folded and one space apart, and where each stands; by id, in order."""
        found = {name: list(_WORD.finditer(text)) for name, text in sorted(self.texts.items())}
        return {
            name: (f" {' '.join(one[0].casefold() for one in words)} ", [one.span() for one in words])
            for name, words in found.items()
        }

    @cached_property
    def _sentences(self) -> list[tuple[str, list[tuple[Sentence, frozenset[int]]]]]:
        return [
            (name, [(one, frozenset(query_terms(one.text).indices)) for one in quotable(text)])
            for name, text in sorted(self.texts.items())
        ]

    def _windows(self, words: int) -> Iterator[tuple[Span, frozenset[int]]]:
        """Every run of sentences that follow each other and are of a like length, with its stems."""
        for name, sentences in self._sentences:
            text = self.texts[name]
            for run in _runs(text, sentences):
                for first in range(len(run)):
                    stems: frozenset[int] = frozenset()
                    for last in range(first, len(run)):
                        start, end = run[first][0].start, run[last][0].end
                        stems |= run[last][1]
                        if word_count(text[start:end]) > 2 * words:
                            break
                        if is_like_long(words, word_count(text[start:end])):
                            yield Span(name, start, end, text[start:end]), stems


def author_of(documents: pd.DataFrame, author: str) -> Author:
    """An author as their cleaned documents show them."""
    may = learnable(documents, "train")
    own = may[may["author"] == author]
    texts = dict(zip(map(str, own["document_id"]), map(str, own["text"]), strict=True))
    return Author(texts, dict(zip(map(str, documents["document_id"]), documents["split"], strict=True)))


def said(answer: str) -> str:
    """An answer without the marks of its sources, its white space as single spaces."""
    return " ".join(_MARK.sub("", answer).split())


def is_quotation(answer: str, spans: list[Span]) -> bool:
    """Whether an answer is nothing but these spans, one after the other."""
    return bool(spans) and said(answer) == " ".join(" ".join(span.text for span in spans).split())


def _jaccard(one: frozenset[int], other: frozenset[int]) -> float:
    return len(one & other) / max(1, len(one | other))


def _runs(
    text: str, sentences: list[tuple[Sentence, frozenset[int]]]
) -> Iterator[list[tuple[Sentence, frozenset[int]]]]:
    """The sentences, divided where something other than white space lies between two of them."""
    run = sentences[:1]
    for before, after in pairwise(sentences):
        if text[before[0].end : after[0].start].strip():
            yield run
            run = []
        run.append(after)
    if run:
        yield run
