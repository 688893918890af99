"""The tables that stages exchange, and the ids and hashes that name their rows.

Schemas are written once, here; the store checks every table against them when it
writes and when it reads. Imports nothing of ours, so that every stage may use it.
"""

import hashlib
import json
import uuid
from typing import Final

import pandas as pd
import pandera.pandas as pa

from llm_twin_assets.reasons import Reason

NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "llm-twin")
SPLITS: Final = ("train", "validation", "test")
# Nullable text columns are named, so that an absent value is never the string "nan".
_TEXT: Final = "string"


def digest(*parts: object) -> str:
    """SHA-256 (hex, 64 characters) of the parts written as canonical JSON."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def rows_digest(frame: pd.DataFrame) -> str:
    """SHA-256 (hex) over a table's rows in their order; needs the memory of one row."""
    total = hashlib.sha256()
    for row in frame.itertuples(index=False, name=None):
        values = [None if pd.isna(value) else value for value in row]
        total.update(digest(values).encode())
    return total.hexdigest()


def content_hash(text: str) -> str:
    """SHA-256 (hex) of a text's UTF-8 bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


def document_id(uri: str) -> str:
    """The id of the document at a canonical URI."""
    return str(uuid.uuid5(NAMESPACE, uri))


def chunk_id(document: str, text: str, occurrence: int) -> str:
    """The id of the n-th chunk with this text in a document (n from 0)."""
    return str(uuid.uuid5(NAMESPACE, f"{document}|{content_hash(text)}|{occurrence}"))


def row_id(twin: str, document: str, start: int, end: int, intent: str) -> str:
    """The id of an instruct row: its twin, the span it answers with, and its intent."""
    return str(uuid.uuid5(NAMESPACE, f"{twin}|{document}|{start}|{end}|{intent}"))


def _text(nullable: bool = False, **checks: pa.Check) -> pa.Column:
    return pa.Column(_TEXT, list(checks.values()), nullable=nullable, coerce=True)


def _number() -> pa.Column:
    return pa.Column("int64", pa.Check.ge(0), coerce=True)


def _offsets(frame: pd.DataFrame) -> "pd.Series[bool]":
    return frame["start"] < frame["end"]


_WORDS = pa.Check(lambda text: text.str.strip().str.len() > 0, error="must not be empty")
_SPLIT = pa.Check.isin(SPLITS)
_DOCUMENT = {
    "document_id": _text(),
    "uri": _text(),
    "title": _text(),
    "author": _text(words=_WORDS),
    "kind": _text(),
    "platform": _text(),
    "published_at": _text(nullable=True),
    "language": _text(nullable=True),
    "text": _text(words=_WORDS),
    "content_hash": _text(),
}


def _table(columns: dict[str, pa.Column], unique: str | list[str], *checks: pa.Check) -> pa.DataFrameSchema:
    return pa.DataFrameSchema(columns, checks=list(checks), unique=unique, strict=True, ordered=False)


# How a stage knows its own work again; no part of what a table says, nor of its data version.
_ORIGIN = {"source_hash": _text(), "source": _text(), "item": _text(), "stamp": _text()}
_MADE = {
    "made_of": _text(),
    "furniture": _text(),
    "lines": pa.Column(object),
    "signature": pa.Column(object),
}
UNVERSIONED: Final = frozenset({*_ORIGIN, *_MADE})
RAW_DOCUMENTS = _table(_DOCUMENT | _ORIGIN, "document_id")
_CLEANED = _DOCUMENT | {"withheld": _text(nullable=True)} | _MADE
CLEANED_DOCUMENTS = _table(_CLEANED | {"cluster_id": _text(), "split": _text(split=_SPLIT)}, "document_id")
# Documents that were cleaned and then left out as copies: so that they need not be cleaned again.
COPIES = _table(_CLEANED, "document_id")
CHUNKS = _table(
    {
        "chunk_id": _text(),
        "document_id": _text(),
        "content_hash": _text(),
        "ordinal": _number(),
        "start": _number(),
        "end": _number(),
        "heading_path": _text(),
        "text": _text(words=_WORDS),
        "n_tokens": _number(),
        "title": _text(),
        "author": _text(),
        "uri": _text(),
        "platform": _text(),
        "kind": _text(),
        "published_at": _text(nullable=True),
    },
    "chunk_id",
    pa.Check(_offsets, error="start must lie before end"),
)
INSTRUCT_ROWS = _table(
    {
        "row_id": _text(),
        "twin": _text(),
        "instruction": _text(words=_WORDS),
        "answer": _text(words=_WORDS),
        "document_id": _text(),
        "start": _number(),
        "end": _number(),
        "intent": _text(),
        "generator": _text(),
        "split": _text(split=_SPLIT),
        "passages": _text(nullable=True),
    },
    "row_id",
    pa.Check(_offsets, error="start must lie before end"),
)
# What an answer that is worse than the author's own is known to be.
PREFERENCE_KINDS: Final = ("other_author", "flattened", "truncated", "off_topic", "base_model")
# Those, and what a reader said was worse.
_PAIR_KINDS: Final = (*PREFERENCE_KINDS, "feedback")
PREFERENCE_ROWS = _table(
    {
        "row_id": _text(),
        "twin": _text(),
        "instruction": _text(words=_WORDS),
        "chosen": _text(words=_WORDS),
        "rejected": _text(words=_WORDS),
        "kind": _text(known=pa.Check.isin(_PAIR_KINDS)),
        "document_id": _text(),
        "start": _number(),
        "end": _number(),
        "rejected_document_id": _text(nullable=True),
        "split": _text(split=_SPLIT),
    },
    "row_id",
    pa.Check(_offsets, error="start must lie before end"),
)
# What somebody said of an answer: that it is good, what it should have been, that it is bad.
FEEDBACK_KINDS: Final = ("approved", "correction", "rejected")
_FEEDBACK = {
    "row_id": _text(),
    "twin": _text(),
    "trace_id": _text(),
    "thread": _text(),
    "voter": _text(),
    "release_id": _text(),
    "said_at": _text(),
    "kind": _text(known=pa.Check.isin(FEEDBACK_KINDS)),
    "instruction": _text(words=_WORDS),
    "answer": _text(words=_WORDS),
    "document_id": _text(),
    "start": _number(),
    "end": _number(),
    "answer_hash": _text(),
    "rejected": _text(nullable=True),
    "rejected_document_id": _text(nullable=True),
    "split": _text(train=pa.Check.isin(("train",))),
}
_SPAN = pa.Check(_offsets, error="start must lie before end")
FEEDBACK_ROWS = _table(_FEEDBACK, "row_id", _SPAN)
ACCEPTED_FEEDBACK = _table(_FEEDBACK | {"batch": _text()}, "row_id", _SPAN)
_MEASURED: Final = pa.Column("float64", pa.Check.ge(0), nullable=True, coerce=True)
# What is told of an answer when it is stored, as monitoring/online_scores.py says; absent where it cannot be.
ONLINE_SCORES: Final = (
    *("style", "grounded", "cited", "stale", "refused"),
    *("repeated", "length", "language", "nearest", "total_ms", "judged"),
)
_SCORE: Final = pa.Column("float64", nullable=True, coerce=True)
TRACES = _table(
    {
        "trace_id": _text(),
        "thread_id": _text(nullable=True),
        "twin": _text(),
        "created_at": _text(),
        "release_id": _text(),
        "index_id": _text(),
        "question": _text(),
        "answer": _text(),
        "declined": pa.Column(bool, coerce=True),
        "retrieved": _text(),
        "timings_ms": _text(),
        "understood": _text(nullable=True),
        "prompt_tokens": _number(),
        "completion_tokens": _number(),
        "error": _text(nullable=True),
        # Rows that were stored before there were these columns lack them.
        **{name: _text(nullable=True) for name in ("arm", "standalone", "citations", "key_id")},
        **dict.fromkeys(("first_token_ms", "cost"), _MEASURED),
        **dict.fromkeys(ONLINE_SCORES, _SCORE),
    },
    "trace_id",
)
REJECTED = pa.DataFrameSchema(
    {
        "item_id": _text(),
        "stage": _text(),
        "reason": _text(known=pa.Check.isin([reason.value for reason in Reason])),
        "detail": _text(),
    },
    strict=True,
)
# What a stage keeps for its own next run only, beside its table.
ASIDE: Final[dict[str, pa.DataFrameSchema]] = {"cleaned_documents": COPIES}
SCHEMAS: Final[dict[str, pa.DataFrameSchema]] = {
    "raw_documents": RAW_DOCUMENTS,
    "cleaned_documents": CLEANED_DOCUMENTS,
    "cleaned_chunks": CHUNKS,
    "instruct_dataset": INSTRUCT_ROWS,
    "preference_dataset": PREFERENCE_ROWS,
    "production_traces": TRACES,
    "feedback_dataset": FEEDBACK_ROWS,
    "accepted_feedback": ACCEPTED_FEEDBACK,
}


def conform(frame: pd.DataFrame, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """The frame with exactly the schema's columns, types and order, checked.

    Raises pandera's SchemaErrors, which lists every offending column and row.
    """
    if frame.empty:
        return empty(schema)
    ordered = frame.reindex(columns=list(schema.columns))
    return schema.validate(ordered, lazy=True).reset_index(drop=True)


def shaped(frame: pd.DataFrame, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """The frame with the schema's columns, types and order, as `conform` gives it, but not checked.

    For what a stage hands to the store, which checks it; a check costs 25 ms however small the table.
    """
    types = {name: column.dtype.type for name, column in schema.columns.items()}
    return frame.reindex(columns=list(types)).astype(types).reset_index(drop=True)


def empty(schema: pa.DataFrameSchema) -> pd.DataFrame:
    """A table with the schema's columns and no row."""
    return shaped(pd.DataFrame(columns=list(schema.columns)), schema)


def rejected(rows: list[tuple[str, Reason, str]], stage: str) -> pd.DataFrame:
    """A rejected table of (item_id, reason, detail) rows that one stage left out."""
    columns = ["item_id", "stage", "reason", "detail"]
    records = [(item, stage, reason.value, detail) for item, reason, detail in rows]
    return shaped(pd.DataFrame(records, columns=columns), REJECTED)
