"""Questions that somebody wrote by hand, each with a quotation from the passages that answer it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd
import yaml

from llm_twin_assets.contracts import digest
from llm_twin_assets.retrieval.qrels import Query

FIELDS: Final = ("question", "uri", "quote")


class QuestionsFileError(ValueError):
    """The questions file cannot be read; the message says where and what to mend."""


@dataclass(frozen=True)
class Asked:
    """The questions that have an answer in the corpus, and what is wrong with the others."""

    queries: list[Query]
    lost: list[str]
    version: str


def hand_written(path: Path | None, chunks: pd.DataFrame) -> Asked:
    """Each question with the chunks of its document that hold its quotation, white space aside.

    `uri` is the document's address, or the path that stands in it after `file:`. One entry that
    cannot be used, or whose quotation is not found, is lost and named. Raises QuestionsFileError.
    """
    written = _entries(path) if path else []
    documents = dict(iter(chunks.groupby("uri", sort=False)))
    asked = Asked([], [], digest(written))
    for number, entry in enumerate(written, start=1):
        try:
            asked.queries.append(_query(entry, documents))
        except ValueError as error:
            asked.lost.append(f"{number}. {_name(entry)}: {error}")
    return asked


def _entries(path: Path) -> list[Any]:
    try:
        written = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise QuestionsFileError(f"{path}: cannot be read ({' '.join(str(error).split())})") from error
    if not isinstance(written, list):
        raise QuestionsFileError(f"{path}: write a list of questions, each with {', '.join(FIELDS)}")
    return written


def _query(entry: Any, documents: dict[Any, pd.DataFrame]) -> Query:
    question, uri, quote = _fields(entry)
    chunks = documents.get(uri, documents.get(f"file:{uri}"))
    if chunks is None:
        raise ValueError(f"no document has the address {uri}: correct it")
    holds = [_plain(quote) in _plain(text) for text in chunks["text"]]
    if not any(holds):
        raise ValueError(f"no passage of {uri} holds the words {quote!r}: quote what stands there now")
    found = chunks[holds]
    return Query(question, frozenset(found["chunk_id"]), frozenset(found["document_id"]))


def _fields(entry: Any) -> tuple[str, str, str]:
    written = entry if isinstance(entry, dict) else {}
    values = [_plain(written[name]) if isinstance(written.get(name), str) else "" for name in FIELDS]
    missing = [name for name, value in zip(FIELDS, values, strict=True) if not value]
    if missing:
        raise ValueError(f"it needs the fields {', '.join(missing)}")
    question, uri, quote = values
    return question, uri, quote


def _name(entry: Any) -> str:
    return str(entry.get("question", "")) if isinstance(entry, dict) else str(entry)


def _plain(text: str) -> str:
    return " ".join(text.split())
