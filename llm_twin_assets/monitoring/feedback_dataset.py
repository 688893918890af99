"""feedback_dataset: what readers said of a twin's answers, made into rows that it may be taught with.

The rule: a twin's answers in training are the author's own words at their offsets, never a reader's and never
a model's. So

- an approved answer becomes a row only where it is nothing but quotations of the author's training documents;
  the longest of them is the row's answer;
- a correction whose words stand in a training document of the author becomes a row with the author's span;
- any other correction only says which span of the author is meant: the one with most of its stems is
  preferred to what was answered, as a pair; the correction's own words are kept nowhere;
- an answer that was turned down without a correction is the worse side of a pair with the span of an accepted
  row that answers nearly the same question; where there is none, nothing can be learned from it.

Whoever floods it fills their own share only: a thread, a voter, a day and a cited document give at most a
part of the room, and the room is a tenth of the author's own rows. Many voters together can fill all of it,
and then the gate decides. Nothing that a reader wrote stands in a reason.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import pandas as pd

from llm_twin_assets.contracts import (
    FEEDBACK_KINDS,
    FEEDBACK_ROWS,
    content_hash,
    rejected,
    row_id,
    shaped,
)
from llm_twin_assets.datasets.contrasts import LEAST_DIFFERENCE, difference
from llm_twin_assets.datasets.decontamination import HeldOut, Questions, evaluated, plain
from llm_twin_assets.datasets.feedback_rows import own_rows, room
from llm_twin_assets.datasets.units import word_count
from llm_twin_assets.documents.redaction import Search, redact
from llm_twin_assets.documents.rules import rules_of
from llm_twin_assets.monitoring.authors_spans import (
    FEWEST_WORDS,
    Author,
    Span,
    author_of,
    is_quotation,
    said,
)
from llm_twin_assets.monitoring.eligibility import Judged, Left, eligible, text_of
from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.injection import scan
from llm_twin_assets.sources.reading import Refused
from resources.settings import Settings
from resources.store import Store, Table
from resources.twins import Twin, Twins

# The greatest part of the room that comes from one of these; at least one row may.
SHARES: Final[Mapping[str, float]] = {"day": 0.25, "voter": 0.2, "thread": 0.05, "document": 0.1}
MOST_CHARACTERS: Final = 600
_FEWEST_ASKED: Final = 2
_Row = dict[str, Any]


@dataclass(frozen=True)
class Against:
    """What feedback is measured by: the author's documents, what is held out, and how personal data is found.

    own: the author's own training rows, of which a tenth is the room. more: a further search for personal
    data, as in documents.rules.
    """

    author: Author
    held_out: HeldOut
    own: int
    more: Search | None = None


def stands_against(store: Store, settings: Settings, twins: Twins, twin: Twin) -> Against:
    """What the feedback of a twin is measured by as the store is now; raises NotMaterialized."""
    documents, instruct = store.read("cleaned_documents"), store.read("instruct_dataset", twin.name)
    out, own = evaluated(store, twins, twin.name), len(own_rows(instruct))
    return Against(author_of(documents, twin.author), out, own, rules_of(settings, twins).more)


def over_their_share(rows: pd.DataFrame, own: int) -> dict[str, list[str]]:
    """The ids of the rows of a day, voter, thread or document that gave more than its part of the room."""
    origins = {
        "day": rows["said_at"].str[:10],
        "voter": rows["voter"],
        "thread": rows["thread"],
        "document": rows["document_id"],
    }
    found = {}
    for name, origin in origins.items():
        counts = origin.map(origin.value_counts())
        found[f"more than the share of a {name}"] = list(rows["row_id"][counts > _most(name, room(own))])
    return {name: ids for name, ids in found.items() if ids}


def _most(name: str, room: int) -> int:
    """How many rows of the room one day, voter, thread or document may give."""
    return max(1, int(SHARES[name] * room))


def feedback_rows(
    traces: pd.DataFrame, feedback: Sequence[Mapping[str, Any]], against: Against, twin: str, now: datetime
) -> Table:
    """The rows that all feedback on a twin gives at a moment (with a zone); no order of the input matters.

    traces: production_traces. feedback: rows of TraceStore.feedback_since. What gives no row comes back as
    rejected under the id of its trace.
    """
    judged, left = eligible(traces, feedback, now)
    chosen = _Chosen(against, twin)
    for one in _in_turn(judged):
        chosen.take(one)
    frame = shaped(pd.DataFrame(chosen.rows, columns=list(FEEDBACK_ROWS.columns)), FEEDBACK_ROWS)
    counts = {f"rows/{kind}": int((frame["kind"] == kind).sum()) for kind in FEEDBACK_KINDS}
    numbers = {"judged": len(judged) + len(left), "room": room(against.own), **counts}
    numbers["redacted"] = sum(chosen.redacted.values())
    table = frame.sort_values("row_id", ignore_index=True)
    return Table(table, rejected(sorted(left + chosen.left), "feedback_dataset"), numbers)


def _in_turn(judged: Iterable[Judged]) -> list[Judged]:
    """Every voter's first before anybody's second; what is only turned down last: it needs the others."""
    seen: Counter[str] = Counter()
    turns: list[tuple[bool, int, str, str, Judged]] = []
    for one in sorted(judged, key=lambda one: (one.said_at, one.trace_id)):
        turns.append((one.kind == "rejected", seen[one.voter], one.said_at, one.trace_id, one))
        seen[one.voter] += 1
    return [turn[-1] for turn in sorted(turns, key=lambda turn: turn[:-1])]


@dataclass
class _Chosen:
    """The rows taken so far, one judged answer after the other."""

    against: Against
    twin: str
    rows: list[_Row] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    redacted: Counter[str] = field(default_factory=Counter)
    _used: Counter[tuple[str, str]] = field(default_factory=Counter)
    _asked: defaultdict[bool, Questions] = field(default_factory=lambda: defaultdict(Questions))
    _answers: list[Span] = field(default_factory=list)

    def take(self, judged: Judged) -> None:
        """Add the row that a judged answer gives, or say why it gives none."""
        origin = {"day": judged.said_at[:10], "voter": judged.voter, "thread": judged.thread}
        try:
            self._check_shares(origin)
            row = self._row(judged)
            self._check_shares(cited := {"document": row["document_id"]})
        except Refused as refused:
            self.left.append((judged.trace_id, refused.reason, refused.detail))
            return
        self.rows.append(row)
        self._used.update((origin | cited).items())
        self._asked[judged.kind == "rejected"].add(row["instruction"])
        if judged.kind != "rejected":
            self._answers.append(Span(row["document_id"], row["start"], row["end"], row["answer"]))

    def _check_shares(self, origin: Mapping[str, str]) -> None:
        most = room(self.against.own)
        if len(self.rows) >= most:
            raise Refused(Reason.SHARE_CAP, f"there is room for {most}: a tenth of the author's own rows")
        for name, value in origin.items():
            if self._used[name, value] >= _most(name, most):
                raise Refused(
                    Reason.SHARE_CAP, f"its {name} has given {SHARES[name]:.0%} of the {most} rows already"
                )

    def _row(self, judged: Judged) -> _Row:
        question = self._question(judged)
        spans = self.against.author.quoted(judged.trace)
        answered = self._clean(said(text_of(judged.trace["answer"])))
        for asked in (text_of(judged.trace["question"]), question):
            self.against.held_out.check(asked, answered)
        if self._asked[judged.kind == "rejected"].near(question):
            raise Refused(Reason.NEAR_DUPLICATE, "nearly the same question gave a row already")
        kind, span = self._meant(judged, question, spans, answered)
        self.against.held_out.check(question, span.text)
        is_worse = judged.kind != "approved"
        if is_worse and difference(span.text, answered) < LEAST_DIFFERENCE:
            raise Refused(Reason.TOO_LIKE_CHOSEN, "what was answered is what it should have been")
        return self._record(judged, kind, span) | {
            "instruction": question,
            "rejected": answered if is_worse else None,
            "rejected_document_id": spans[0].document if is_worse and spans else None,
        }

    def _meant(self, judged: Judged, question: str, spans: list[Span], answered: str) -> tuple[str, Span]:
        """What kind of row it is, and the author's span that is right."""
        if judged.kind == "approved":
            return "approved", _longest(judged, spans)
        if judged.kind == "rejected":
            near = self._asked[False].near(question)
            if not near:
                raise Refused(Reason.NO_COUNTERPART, "no accepted row answers nearly the same question")
            return "rejected", self._answers[near[0]]
        author, correction = self.against.author, plain(judged.correction)
        self._check_orders(correction)
        self.against.held_out.check(question, correction)
        if verbatim := author.verbatim(correction):
            return "correction", verbatim
        if nearest := author.nearest(correction, word_count(answered)):
            return "rejected", nearest
        raise Refused(Reason.NO_COUNTERPART, "the author has no span that says what the correction says")

    def _question(self, judged: Judged) -> str:
        """What was asked, without personal data, orders to a model, and what is no question."""
        asked = " ".join(plain(text_of(judged.trace["standalone"]) or judged.trace["question"]).split())
        if len(asked) > MOST_CHARACTERS:
            raise Refused(Reason.TOO_LARGE, f"the question has more than {MOST_CHARACTERS} characters")
        for text in (text_of(judged.trace["question"]), asked, text_of(judged.trace["answer"])):
            self._check_orders(text)
        question = self._clean(asked)
        if sum(any(map(str.isalpha, word)) and word[0] != "<" for word in question.split()) < _FEWEST_ASKED:
            raise Refused(Reason.TOO_FEW_WORDS, f"a question has at least {_FEWEST_ASKED} words")
        return question

    def _check_orders(self, text: str) -> None:
        if found := scan(text):
            raise Refused(found.reason, "it instructs a model")

    def _clean(self, text: str) -> str:
        found = redact(text, more=self.against.more)
        self.redacted.update(found.counts)
        return found.text

    def _record(self, judged: Judged, kind: str, span: Span) -> _Row:
        return {
            "row_id": row_id(self.twin, span.document, span.start, span.end, f"{kind}/{judged.trace_id}"),
            "twin": self.twin,
            "trace_id": judged.trace_id,
            "thread": judged.thread,
            "voter": judged.voter,
            "release_id": judged.trace["release_id"],
            "said_at": judged.said_at,
            "kind": kind,
            "answer": span.text,
            "document_id": span.document,
            "start": span.start,
            "end": span.end,
            "answer_hash": content_hash(span.text),
            "split": "train",
        }


def _longest(judged: Judged, spans: list[Span]) -> Span:
    if not is_quotation(text_of(judged.trace["answer"]), spans):
        raise Refused(Reason.NOT_QUOTED, "the answer is not only quotations of the author")
    longest = max(spans, key=lambda span: (len(span.text), span.document, span.start))
    if word_count(longest.text) < FEWEST_WORDS:
        raise Refused(Reason.UNIT_TOO_SHORT, f"the longest quotation has fewer than {FEWEST_WORDS} words")
    return longest
