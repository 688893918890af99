"""Instruct rows without a language model: the instruction is a template, the answer the author's own text.

Reverse instructions (LongForm, arXiv 2304.08460; Panza, arXiv 2407.10994): human text is the answer and
only the instruction is made. Every answer is `text[start:end]` of its document.
"""

import re
from collections.abc import Hashable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from llm_twin_assets.contracts import (
    INSTRUCT_ROWS,
    SPLITS,
    Reason,
    content_hash,
    digest,
    rejected,
    row_id,
    shaped,
)
from llm_twin_assets.datasets.phrases import content_words, key_phrases
from llm_twin_assets.datasets.templates import instruction, intent_of
from llm_twin_assets.datasets.units import MIN_WORDS, Unit, units, word_count
from llm_twin_assets.documents.splits import learnable
from resources.store import Table

GENERATOR = "template-v1"
POST_WORDS = 300
MIN_PROSE = 0.5
# A continuation shows between these numbers of words and leaves at least LEAST_REST to write.
OPENING_WORDS = (10, 40)
LEAST_REST = 40

# A passage that opens with one of these leans on what stood before it.
_DANGLING = re.compile(
    r"(?:as (?:shown|seen|described|mentioned|said|i said|we saw)|above|below|this|that|these|those|it|its"
    r"|they|their|he|his|him|she|her|such|here|there|but|and|so|yet|or|thus|therefore|hence|however|then|also"
    r"|still|again|for example|for instance|in other words|on the other hand)\b",
    re.IGNORECASE,
)
_GENERIC_WORDS = "introduction conclusion conclusions summary overview background references notes outlook"
_GENERIC = frozenset(_GENERIC_WORDS.split())
_SENTENCE_END = re.compile(r"[.!?][\"'”’)\]]*\s+")
_WORD = re.compile(r"\S+")


@dataclass(frozen=True)
class _Row:
    """A row before it has an id: characters `start` to `end` of the document answer the instruction."""

    intent: str
    instruction: str
    start: int
    end: int


Left = tuple[str, Reason, str]


def instruct_rows(documents: pd.DataFrame, twin: str, author: str) -> Table:
    """Every row that the author's cleaned documents give, for training, validation and test.

    A row depends on its own document alone, except that an answer which stood in an earlier document
    (training before validation before test) is left out. Unusable passages come back as rejected. Every
    document with a usable passage also gives a row that asks for the whole of it.
    """
    own = _own(documents, author)
    order = own.assign(rank=own["split"].map(SPLITS.index)).sort_values(["rank", "document_id"])
    seen: set[str] = set()
    rows: list[dict[str, Any]] = []
    left: list[Left] = []
    for document in order.to_dict("records"):
        made, unusable = document_rows(document["document_id"], document["title"], document["text"], seen)
        rows += [_record(row, twin, document) for row in made]
        left += unusable
    frame = shaped(pd.DataFrame(rows, columns=list(INSTRUCT_ROWS.columns)), INSTRUCT_ROWS)
    return Table(frame, rejected(left, "instruct_dataset"), _counts(frame, own))


def documents_version(documents: pd.DataFrame, author: str) -> str:
    """A hash of the author's documents: equal exactly where they would give the same rows."""
    own = _own(documents, author).sort_values("document_id")
    columns = ["document_id", "content_hash", "title", "split"]
    return digest(own[columns].astype(object).to_numpy().tolist())


def _own(documents: pd.DataFrame, author: str) -> pd.DataFrame:
    may = learnable(documents)
    return may[may["author"] == author]


def document_rows(document: str, title: str, text: str, seen: set[str]) -> tuple[list[_Row], list[Left]]:
    """One document's rows and what it left out; adds the answers' hashes to `seen`."""
    found = units(text)
    passages = [text[unit.start : unit.end] for unit in found]
    phrases = key_phrases(passages)
    rows: list[_Row] = []
    left: list[Left] = []
    for position, unit in enumerate(found):
        passage = passages[position]
        reason = _unusable(unit, passage, seen)
        if reason is not None:
            where = f"characters {unit.start} to {unit.end}: {' '.join(passage[:60].split())}"
            left.append((document, reason, where))
        if reason is None:
            rows.append(_about(unit, title, passage, phrases[position]))
        if reason in (None, Reason.DEPENDS_ON_CONTEXT):
            rows += _continuation(unit, passage)
    if not rows:
        return [], left or [(document, Reason.NOT_PROSE, "no paragraph, only headings")]
    return [_whole(title, text), *rows], left


def _unusable(unit: Unit, passage: str, seen: set[str]) -> Reason | None:
    if word_count(passage) < MIN_WORDS:
        return Reason.UNIT_TOO_SHORT
    if unit.prose < MIN_PROSE:
        return Reason.NOT_PROSE
    answer = content_hash(" ".join(passage.lower().split()))
    if answer in seen:
        return Reason.REPEATED_ANSWER
    seen.add(answer)
    return Reason.DEPENDS_ON_CONTEXT if _DANGLING.match(passage) else None


def _whole(title: str, text: str) -> _Row:
    """The row that asks for the document from its first word to its last."""
    intent = "post" if word_count(text) <= POST_WORDS else "article"
    start = len(text) - len(text.lstrip())
    topic = f'"{title}"' if title else "a subject of your own"
    return _Row(intent, instruction(intent, topic, _seed(text, intent)), start, len(text.rstrip()))


def _about(unit: Unit, title: str, passage: str, phrases: list[str]) -> _Row:
    """The row that asks for a passage by its heading, or by its key phrases where no heading names it."""
    heading = _heading(unit, title, passage)
    named = f'"{heading}"' if heading else " and ".join(phrases) or title or "this"
    intent = intent_of(heading, passage)
    topic = heading if intent == "question" else named
    return _Row(intent, instruction(intent, topic, _seed(passage, intent)), unit.start, unit.end)


def _heading(unit: Unit, title: str, passage: str) -> str:
    """The nearest heading, where it names this passage and no other; else ""."""
    heading = unit.headings[-1] if unit.headings else title
    words = content_words(heading)
    names = unit.ordinal == 0 and not _GENERIC.issuperset(words) and set(words) & set(content_words(passage))
    return heading if names and not _copied(heading, passage) else ""


def _copied(heading: str, passage: str) -> bool:
    """Whether five words in a row stand in both: the instruction would give the answer away."""
    words, spoken = (re.findall(r"\w+", text.lower()) for text in (heading, passage))
    runs = {tuple(spoken[at : at + 5]) for at in range(len(spoken) - 4)}
    return any(tuple(words[at : at + 5]) in runs for at in range(len(words) - 4))


def _continuation(unit: Unit, passage: str) -> Iterator[_Row]:
    """The row that shows a passage's first sentence, or its first words, and asks for the rest."""
    words = list(_WORD.finditer(passage))
    fewest, most = OPENING_WORDS
    last = min(most, len(words) - LEAST_REST)
    if last < fewest:
        return
    ends = _SENTENCE_END.finditer(passage, words[fewest - 1].start(), words[last].start())
    cut = next((found.end() for found in ends), words[fewest].start())
    asked = instruction("continue", " ".join(passage[:cut].split()), _seed(passage, "continue"))
    yield _Row("continue", asked, unit.start + cut, unit.end)


def _seed(passage: str, intent: str) -> str:
    return digest(content_hash(passage), intent)


def _record(row: _Row, twin: str, document: dict[Hashable, Any]) -> dict[str, Any]:
    name = document["document_id"]
    return asdict(row) | {
        "row_id": row_id(twin, name, row.start, row.end, row.intent),
        "twin": twin,
        "answer": document["text"][row.start : row.end],
        "document_id": name,
        "generator": GENERATOR,
        "split": document["split"],
    }


def _counts(rows: pd.DataFrame, own: pd.DataFrame) -> dict[str, Any]:
    """Numbers worth plotting, and what a sensor needs to see new training text."""
    train = own[own["split"] == "train"]
    pairs = sorted(
        [str(name), str(content)]
        for name, content in zip(train["document_id"], train["content_hash"], strict=True)
    )
    words = sum(word_count(str(text)) for text in train["text"])
    return {
        "train_words": words,
        "train_hash": digest(pairs),
        "documents": len(own),
        **{f"rows/{split}": int((rows["split"] == split).sum()) for split in SPLITS},
    }
