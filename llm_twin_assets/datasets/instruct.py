"""Instruct rows without a language model: the instruction is a template, the answer the author's own text.

Reverse instructions (LongForm, arXiv 2304.08460; Panza, arXiv 2407.10994): human text is the answer and
only the instruction is made. Every answer is `text[start:end]` of its document.
"""

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from llm_twin_assets.contracts import (
    INSTRUCT_ROWS,
    SPLITS,
    content_hash,
    digest,
    rejected,
    row_id,
    shaped,
)
from llm_twin_assets.datasets.leaks import grams, leaking
from llm_twin_assets.datasets.phrases import content_words, key_phrases
from llm_twin_assets.datasets.templates import instructions, intent_of
from llm_twin_assets.datasets.units import MIN_WORDS, Unit, units, word_count
from llm_twin_assets.documents.shingles import normalised
from llm_twin_assets.documents.splits import learnable
from llm_twin_assets.reasons import Reason
from resources.store import Table

GENERATOR = "template-v2"
POST_WORDS = 300
MIN_PROSE = 0.5
# An instruction with so many words in a row from its answer gives the answer away.
COPIED_WORDS = 5
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
# What stands before a heading's words: a picture, a number.
_NUMBERING = re.compile(r"(?:[^\w\s\"'“‘(\[]+\s+|(?:\d{1,2}|[IVX]{1,4}|[A-H])[.):]\s+)+")
_GENERIC_WORDS = "introduction conclusion conclusions summary overview background references notes outlook"
_GENERIC = frozenset(_GENERIC_WORDS.split())
_SENTENCE_END = re.compile(r"[.!?][\"'”’)\]]*\s+")
_WORD = re.compile(r"\S+")


@dataclass(frozen=True)
class Draft:
    """A row before its instruction is chosen: characters `start` to `end` of the document answer a topic.

    `seed` is a hash of what is asked for; it alone decides which wordings of the intent come first.
    """

    intent: str
    topic: str
    seed: str
    start: int
    end: int


_Document = dict[Hashable, Any]
_Drafted = tuple[Draft, _Document]
Left = tuple[str, Reason, str]


def instruct_rows(documents: pd.DataFrame, twin: str, author: str) -> Table:
    """Every row that the author's cleaned documents give, for training, validation and test.

    A row depends on its own document alone, with three exceptions, in each of which training comes before
    validation before test: an answer that stood in an earlier document is left out, and so is a training
    row that shares a word 13-gram with a held-out answer; where two rows would ask the same, the later one
    asks in other words. Unusable passages come back as rejected. Every document with a usable passage also
    gives a row that asks for the whole of it.
    """
    own = _own(documents, author)
    order = own.assign(rank=own["split"].map(SPLITS.index)).sort_values(["rank", "document_id"])
    seen: set[str] = set()
    drafts: list[_Drafted] = []
    left: list[Left] = []
    for document in order.to_dict("records"):
        made, unusable = document_rows(document["document_id"], document["title"], document["text"], seen)
        drafts += [(draft, document) for draft in made]
        left += unusable
    kept, leaked = _without_leaks(drafts)
    rows, repeated = _asked(kept, twin)
    frame = shaped(pd.DataFrame(rows, columns=list(INSTRUCT_ROWS.columns)), INSTRUCT_ROWS)
    left += leaked + repeated
    return Table(frame, rejected(left, "instruct_dataset"), _counts(frame, own))


def _without_leaks(drafts: list[_Drafted]) -> tuple[list[_Drafted], list[Left]]:
    """The drafts without those for training that share words with a held-out answer."""
    answers = [_answer(draft, document) for draft, document in drafts]
    shared = leaking(answers, [document["split"] for _, document in drafts])
    left = [
        (
            drafts[place][1]["document_id"],
            Reason.SHARED_NGRAM,
            f"{_where(drafts[place][0])}: held out is also: {words}",
        )
        for place, words in shared.items()
    ]
    return [drafted for place, drafted in enumerate(drafts) if place not in shared], left


def _asked(drafts: list[_Drafted], twin: str) -> tuple[list[dict[str, Any]], list[Left]]:
    """Rows of which no two have the same instruction, and what no wording was left for."""
    taken: set[str] = set()
    rows: list[dict[str, Any]] = []
    left: list[Left] = []
    for draft, document in drafts:
        every = instructions(draft.intent, draft.topic, draft.seed)
        asked = next((wording for wording in every if normalised(wording) not in taken), None)
        if asked is None:
            detail = f"{_where(draft)}: every way to ask for {draft.topic[:60]} is taken: give it a heading"
            left.append((document["document_id"], Reason.REPEATED_INSTRUCTION, detail))
        else:
            taken.add(normalised(asked))
            rows.append(_record(draft, asked, twin, document))
    return rows, left


def _where(draft: Draft) -> str:
    return f"{draft.intent}, characters {draft.start} to {draft.end}"


def documents_version(documents: pd.DataFrame, author: str) -> str:
    """A hash of the author's documents: equal exactly where they would give the same rows."""
    own = _own(documents, author).sort_values("document_id")
    columns = ["document_id", "content_hash", "title", "split"]
    return digest(own[columns].astype(object).to_numpy().tolist())


def _own(documents: pd.DataFrame, author: str) -> pd.DataFrame:
    may = learnable(documents)
    return may[may["author"] == author]


def document_rows(document: str, title: str, text: str, seen: set[str]) -> tuple[list[Draft], list[Left]]:
    """One document's drafts and what it left out; adds the answers' hashes to `seen`."""
    found, title = units(text), " ".join(title.split())
    passages = [text[unit.start : unit.end] for unit in found]
    phrases = key_phrases(passages)
    rows: list[Draft] = []
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


def _whole(title: str, text: str) -> Draft:
    """The row that asks for the document from its first word to its last."""
    intent = "post" if word_count(text) <= POST_WORDS else "article"
    start = len(text) - len(text.lstrip())
    topic = f'"{title}"' if title else "a subject of your own"
    return Draft(intent, topic, _seed(text, intent), start, len(text.rstrip()))


def _about(unit: Unit, title: str, passage: str, phrases: list[str]) -> Draft:
    """The row that asks for a passage by its heading, or by its key phrases where no heading names it."""
    heading = _heading(unit, title, passage)
    named = f'"{heading}"' if heading else " and ".join(phrases) or title or "this"
    intent = intent_of(heading, passage)
    topic = heading if intent == "question" else named
    return Draft(intent, topic, _seed(passage, intent), unit.start, unit.end)


def _heading(unit: Unit, title: str, passage: str) -> str:
    """The nearest heading, where it names this passage and no other; else ""."""
    heading = _unnumbered(unit.headings[-1] if unit.headings else title)
    words = content_words(heading)
    names = unit.ordinal == 0 and not _GENERIC.issuperset(words) and set(words) & set(content_words(passage))
    return heading if names and not copied(heading, passage) else ""


def _unnumbered(heading: str) -> str:
    before = _NUMBERING.match(heading)
    return heading[before.end() :] if before else heading


def copied(asked: str, answer: str) -> bool:
    """Whether five words in a row stand in both: the instruction would give the answer away."""
    return bool(grams(asked, COPIED_WORDS) & grams(answer, COPIED_WORDS))


def _continuation(unit: Unit, passage: str) -> Iterator[Draft]:
    """The row that shows a passage's first sentence, or its first words, and asks for the rest."""
    words = list(_WORD.finditer(passage))
    fewest, most = OPENING_WORDS
    last = min(most, len(words) - LEAST_REST)
    if last < fewest:
        return
    ends = _SENTENCE_END.finditer(passage, words[fewest - 1].start(), words[last].start())
    cut = next((found.end() for found in ends), words[fewest].start())
    opening = " ".join(passage[:cut].split())
    yield Draft("continue", opening, _seed(passage, "continue"), unit.start + cut, unit.end)


def _seed(passage: str, intent: str) -> str:
    return digest(content_hash(passage), intent)


def _record(draft: Draft, asked: str, twin: str, document: _Document) -> dict[str, Any]:
    name = document["document_id"]
    return {
        "row_id": row_id(twin, name, draft.start, draft.end, draft.intent),
        "twin": twin,
        "instruction": asked,
        "answer": _answer(draft, document),
        "document_id": name,
        "start": draft.start,
        "end": draft.end,
        "intent": draft.intent,
        "generator": GENERATOR,
        "split": document["split"],
        "passages": "",
    }


def _answer(draft: Draft, document: _Document) -> str:
    return str(document["text"][draft.start : draft.end])


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
