"""From a raw document's text to the author's own, ready to be quoted by offset."""

from dataclasses import dataclass
from itertools import groupby
from typing import Any

import ftfy
import pandas as pd

from llm_twin_assets.contracts import (
    CLEANED_DOCUMENTS,
    SPLITS,
    Reason,
    conform,
    content_hash,
    digest,
    rejected,
)
from llm_twin_assets.documents.pages import cut_out, tidied
from llm_twin_assets.documents.splits import assign_splits
from llm_twin_assets.documents.wrapping import join_wraps
from llm_twin_assets.sources.connectors import records
from llm_twin_assets.sources.markdown import lines
from llm_twin_assets.sources.preview import preview
from resources.store import Table

CLEANER = "1"
# Quotes, full-width letters, ligatures and entities are choices of the author, or let stand by them.
_UNICODE = ftfy.TextFixerConfig(
    uncurl_quotes=False, fix_character_width=False, fix_latin_ligatures=False, unescape_html=False
)


@dataclass(frozen=True)
class Cleaned:
    """A document's own text, and the title that stands on its page where it differs from the one given."""

    text: str
    title: str


def clean(text: str, title: str) -> Cleaned:
    """Unicode and line ends normalised, page furniture cut, hard-wrapped paragraphs joined.

    Nothing else changes: a text without these faults comes back as it is, and so does a cleaned one.
    """
    text = ftfy.fix_text(text, _UNICODE)
    page = cut_out(text)
    if page is None:
        return Cleaned(_spaced(join_wraps(text)), title)
    return Cleaned(_spaced(tidied(join_wraps(page.text, page=True))), page.title or title)


def clean_documents(raw: pd.DataFrame, previous: pd.DataFrame) -> Table:
    """Raw documents cleaned, each with its cluster and its split, in the order of their ids.

    `previous` holds the rows of the last time: a document whose raw row is unchanged keeps its
    cleaned text, and every document keeps the split it once had.
    """
    before = {row["document_id"]: row for row in records(previous)}
    rows: list[dict[str, Any]] = []
    left: list[tuple[str, Reason, str]] = []
    for row in records(raw):
        made_of = digest(CLEANER, *(row[name] for name in sorted(row)))
        old = before.get(row["document_id"])
        kept = old if old is not None and old["source_hash"] == made_of else _cleaned(row, made_of)
        if kept["text"].strip():
            rows.append(kept)
        else:
            left.append(
                (row["document_id"], Reason.NOTHING_LEFT, f"{row['uri']}: it was page furniture only")
            )
    known = {name: row["split"] for name, row in before.items()}
    table = assign_splits(pd.DataFrame(rows, columns=list(CLEANED_DOCUMENTS.columns)), known)
    reused = sum(before.get(row["document_id"]) is row for row in rows)
    metadata = {"reused_documents": reused, "computed_documents": len(raw) - reused} | _numbers(table)
    return Table(conform(table, CLEANED_DOCUMENTS), rejected(left, "cleaned_documents"), metadata)


def _cleaned(row: dict[str, Any], made_of: str) -> dict[str, Any]:
    cleaned = clean(row["text"], row["title"])
    return row | {
        "text": cleaned.text,
        "title": cleaned.title,
        "content_hash": content_hash(cleaned.text),
        "source_hash": made_of,
    }


def _numbers(table: pd.DataFrame) -> dict[str, Any]:
    """Documents and words of every split, and what each author's train split holds."""
    words = table["text"].astype(object).map(lambda text: len(str(text).split()))
    counts: dict[str, Any] = {}
    for split in SPLITS:
        inside = table["split"] == split
        counts |= {f"documents/{split}": int(inside.sum()), f"words/{split}": int(words[inside].sum())}
    authors = {str(author): _author(rows) for author, rows in table.groupby("author")}
    shown = preview(table, ["title", "author", "published_at", "split"])
    return counts | {"clusters": int(table["cluster_id"].nunique()), "authors": authors, "preview": shown}


def _author(rows: pd.DataFrame) -> dict[str, Any]:
    train = rows[rows["split"] == "train"]
    return {
        "documents": len(rows),
        "train_words": sum(len(text.split()) for text in train["text"]),
        "train_hash": digest(sorted(zip(train["document_id"], train["content_hash"], strict=True))),
    }


def _spaced(text: str) -> str:
    """One empty line where there were several, and none at the ends; code keeps its own."""
    runs = [(empty, list(run)) for empty, run in groupby(lines(text), lambda line: not line.text.strip())]
    kept: list[str] = []
    for position, (empty, run) in enumerate(runs):
        between = 0 < position < len(runs) - 1
        inside_code = between and runs[position - 1][1][-1].code and runs[position + 1][1][0].code
        kept += [line.text for line in run] if not empty or inside_code else [""]
    return "\n".join(kept).strip("\n")
