"""What cleaning did, in numbers and a table of examples, for the orchestrator's pages."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from llm_twin_assets.contracts import SPLITS, digest
from llm_twin_assets.documents.finding import KINDS
from llm_twin_assets.documents.presidio import RECOGNIZERS
from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.preview import preview

_PLACEHOLDER: Final = re.compile(r"<([A-Z][A-Z_]+)>")


def numbers(raw: pd.DataFrame, table: pd.DataFrame, left: list[tuple[str, Reason, str]]) -> dict[str, Any]:
    """Before and after, documents and words of every split, and what each author's train split holds."""
    learned = table[table["withheld"].isna()]
    words = table["text"].astype(object).map(lambda text: len(str(text).split()))
    counts: dict[str, Any] = {
        "documents_before": len(raw),
        "characters_before": int(raw["text"].str.len().sum()),
        "characters_after": int(table["text"].str.len().sum()),
        "clusters": int(table["cluster_id"].nunique()),
    }
    for split in SPLITS:
        inside = table.index.isin(learned.index) & (table["split"] == split)
        counts |= {f"documents/{split}": int(inside.sum()), f"words/{split}": int(words[inside].sum())}
    counts |= {f"withheld/{why}": int(n) for why, n in table["withheld"].value_counts().items()}
    counts |= {f"placeholders/{kind}": n for kind, n in placeholders(table).items()}
    authors = {str(author): _author(rows) for author, rows in learned.groupby("author")}
    return counts | {"authors": authors, "preview": _preview(table), "left_out": examples(left)}


def placeholders(table: pd.DataFrame) -> dict[str, int]:
    """How many placeholders of each kind stand in the texts."""
    found = Counter(kind for text in table["text"] for kind in _PLACEHOLDER.findall(text))
    return {kind.lower(): found[kind] for kind in (*KINDS, *RECOGNIZERS) if found[kind]}


def examples(left: list[tuple[str, Reason, str]]) -> str:
    """A Markdown table of what was left out or is kept for retrieval only, a few of each reason."""
    rows = [(reason.value, *detail.partition(": ")[::2]) for _, reason, detail in left]
    frame = pd.DataFrame(rows, columns=["reason", "document", "detail"])
    return preview(frame.groupby("reason").head(3), ["reason", "document", "detail"], rows=20)


def _preview(table: pd.DataFrame) -> str:
    return preview(table, ["title", "author", "published_at", "split", "withheld"])


def _author(rows: pd.DataFrame) -> Mapping[str, Any]:
    train = rows[rows["split"] == "train"]
    return {
        "documents": len(rows),
        "train_words": sum(len(text.split()) for text in train["text"]),
        "train_hash": digest(sorted(zip(train["document_id"], train["content_hash"], strict=True))),
    }
