"""What readers' feedback adds to a twin's training rows: questions that were asked, and the author's spans.

The rule: a twin is taught to answer in its author's words only. So a feedback row gives an instruct row where
its answer stands in a training document at its offsets, and a preference pair where that span is better than
what was answered. Nobody else's words are ever an answer, also not a correction's: it only says which span.
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from llm_twin_assets.contracts import INSTRUCT_ROWS, PREFERENCE_ROWS, row_id, shaped
from llm_twin_assets.datasets.contrasts import LEAST_DIFFERENCE, difference, is_like_long
from llm_twin_assets.datasets.leaks import leaking
from llm_twin_assets.datasets.units import word_count
from llm_twin_assets.documents.shingles import normalised
from llm_twin_assets.documents.splits import learnable
from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.reading import Refused

# Feedback rows are at most this share of the author's own, so that the author's text leads.
LARGEST_SHARE: Final = 0.1
# The generator of a row that feedback gave, before its batch; the intent of such rows; the kind of pairs.
BY_FEEDBACK: Final = "feedback:"
INTENT: Final = "feedback"
PAIR_KIND: Final = "feedback"

Left = tuple[str, Reason, str]
_Row = dict[Hashable, Any]


@dataclass(frozen=True)
class Joined:
    """A dataset's rows with those that feedback gave, and what could not be joined, by the feedback's id."""

    rows: pd.DataFrame
    left: list[Left]


def room(own: int) -> int:
    """How many feedback rows may stand beside so many of the author's own."""
    return int(LARGEST_SHARE * own)


def own_rows(instruct: pd.DataFrame) -> pd.DataFrame:
    """A twin's training rows that are the author's alone, each once: without feedback and second rows."""
    first = instruct["passages"].fillna("") == ""
    return instruct[first & (instruct["split"] == "train") & ~is_feedback(instruct)]


def is_feedback(instruct: pd.DataFrame) -> "pd.Series[bool]":
    """Which instruct rows feedback gave."""
    return instruct["generator"].str.startswith(BY_FEEDBACK).astype(bool)


def batches_of(accepted: pd.DataFrame) -> list[str]:
    """The batches that a model learns from which is trained beside these accepted rows."""
    return sorted(set(map(str, accepted["batch"])))


def joined(rows: pd.DataFrame, accepted: pd.DataFrame, documents: pd.DataFrame, author: str) -> Joined:
    """A twin's instruct rows and those that accepted feedback gives, at most a tenth of the author's own.

    Left out is what no longer stands in a training document of the author, asks what another row asks, has
    a span that another feedback row has, or shares a word 13-gram with a held-out answer.
    """
    rows = rows[~is_feedback(rows)]
    texts = _texts(documents, author)
    gives = accepted[accepted["kind"] != "rejected"]
    leaked = _leaked(gives, rows[rows["split"] != "train"])
    taken = set(rows["instruction"].map(normalised))
    spans: set[tuple[str, int, int]] = set()

    def made(row: _Row) -> _Row:
        _check_span(row, texts)
        span, asked = (row["document_id"], row["start"], row["end"]), normalised(row["instruction"])
        if asked in taken:
            raise Refused(Reason.REPEATED_INSTRUCTION, "another row asks this")
        if span in spans:
            raise Refused(Reason.REPEATED_ANSWER, "another row of feedback has this span")
        if row["row_id"] in leaked:
            raise Refused(Reason.SHARED_NGRAM, "its answer shares 13 words in a row with a held-out one")
        taken.add(asked)
        spans.add(span)
        return _instruct(row)

    found, left = _up_to(room(len(own_rows(rows))), gives, made)
    added = shaped(pd.DataFrame(found, columns=list(INSTRUCT_ROWS.columns)), INSTRUCT_ROWS)
    return Joined(pd.concat([rows, added], ignore_index=True) if found else rows, left)


def joined_pairs(pairs: pd.DataFrame, accepted: pd.DataFrame, documents: pd.DataFrame, author: str) -> Joined:
    """A twin's preference pairs and those that accepted feedback gives, at most a tenth as many for training.

    Its span is chosen, what was answered is rejected; left out is what no longer stands in training
    documents, and a rejected text whose length gives it away or whose words are the chosen ones.
    """
    pairs = pairs[pairs["kind"] != PAIR_KIND]
    texts = _texts(documents, author)

    def made(row: _Row) -> _Row:
        _check_span(row, texts)
        if not pd.isna(row["rejected_document_id"]) and row["rejected_document_id"] not in texts:
            raise Refused(Reason.STALE_ROW, "what was answered no longer stands in a training document")
        if not is_like_long(word_count(row["rejected"]), word_count(row["answer"])):
            raise Refused(Reason.LENGTH_RATIO, "what was answered is much longer or shorter than the span")
        if difference(row["answer"], row["rejected"]) < LEAST_DIFFERENCE:
            raise Refused(Reason.TOO_LIKE_CHOSEN, "what was answered has nearly the words of the span")
        return _pair(row)

    own = int((pairs["split"] == "train").sum())
    found, left = _up_to(room(own), accepted[accepted["rejected"].notna()], made)
    added = shaped(pd.DataFrame(found, columns=list(PREFERENCE_ROWS.columns)), PREFERENCE_ROWS)
    return Joined(pd.concat([pairs, added], ignore_index=True) if found else pairs, left)


def _leaked(gives: pd.DataFrame, held: pd.DataFrame) -> set[str]:
    """The ids of the feedback rows whose answers share a 13-gram with a held-out one."""
    splits = ["train"] * len(gives) + list(held["split"])
    return {gives["row_id"].iloc[at] for at in leaking([*gives["answer"], *held["answer"]], splits)}


def _texts(documents: pd.DataFrame, author: str) -> dict[str, str]:
    may = learnable(documents, "train")
    own = may[may["author"] == author]
    return dict(zip(map(str, own["document_id"]), map(str, own["text"]), strict=True))


def _check_span(row: _Row, texts: dict[str, str]) -> None:
    if texts.get(row["document_id"], "")[row["start"] : row["end"]] != row["answer"]:
        raise Refused(Reason.STALE_ROW, "its span no longer stands in a training document of the author")


def _up_to(most: int, accepted: pd.DataFrame, make: Callable[[_Row], _Row]) -> tuple[list[_Row], list[Left]]:
    """At most so many rows, those that were said first, and why the others were left out."""
    found: list[_Row] = []
    left: list[Left] = []
    for row in _in_order(accepted.to_dict("records")):
        try:
            if len(found) >= most:
                raise Refused(Reason.SHARE_CAP, f"there is room for {most}: a tenth of the author's own rows")
            found.append(make(row))
        except Refused as refused:
            left.append((str(row["row_id"]), refused.reason, refused.detail))
    return found, left


def _in_order(rows: Iterable[_Row]) -> list[_Row]:
    return sorted(rows, key=lambda row: (row["said_at"], row["row_id"]))


def _instruct(row: _Row) -> _Row:
    made: _Row = {
        "row_id": row_id(row["twin"], row["document_id"], row["start"], row["end"], INTENT),
        "intent": INTENT,
        "generator": f"{BY_FEEDBACK}{row['batch']}",
        "passages": "",
    }
    return {name: row[name] for name in set(INSTRUCT_ROWS.columns) - made.keys()} | made


def _pair(row: _Row) -> _Row:
    same = set(PREFERENCE_ROWS.columns) - {"chosen", "kind"}
    return {name: row[name] for name in same} | {"chosen": row["answer"], "kind": PAIR_KIND}
