"""Every document of every declared source, in one shape; only what changed is parsed again."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pandas as pd

from llm_twin_assets.contracts import RAW_DOCUMENTS, Reason, conform, content_hash, document_id, rejected
from llm_twin_assets.sources.folder import folder_entries
from llm_twin_assets.sources.handbook import handbook_entries
from llm_twin_assets.sources.preview import preview
from llm_twin_assets.sources.reading import Entry, Refused
from resources.catalog import Catalog, SourceFile
from resources.store import Table

Row = dict[str, Any]
READERS: dict[str, Callable[[SourceFile], list[Entry]]] = {
    "folder": folder_entries,
    "handbook_export": handbook_entries,
}


def raw_documents(catalog: Catalog, previous: pd.DataFrame) -> Table:
    """All documents of the catalog's sources, in the order of their ids.

    `previous` holds the rows of the last time: a document whose source hash is unchanged keeps its
    row and is not parsed. An item that cannot become a document is one row of the rejected table.
    """
    files = catalog.files()
    documents = [file for file in files if file.is_document]
    before = {str(row["document_id"]): row for row in records(previous)}
    rows: dict[str, Row] = {}
    left: list[tuple[str, Reason, str]] = []
    for file in documents:
        _collect(file, before, rows, left)
    table = pd.DataFrame([rows[key] for key in sorted(rows)], columns=list(RAW_DOCUMENTS.columns))
    counts = {"files": len(documents), "other_files": len(files) - len(documents)}
    shown = preview(table, ["title", "author", "published_at", "uri"])
    metadata = counts | _changes(rows, before) | {"preview": shown}
    return Table(conform(table, RAW_DOCUMENTS), rejected(left, "raw_documents"), metadata)


def unchanged(count: int) -> dict[str, int]:
    """The numbers of a run that found every source as it was."""
    return {"added": 0, "changed": 0, "removed": 0, "unchanged": count}


def records(frame: pd.DataFrame) -> list[Row]:
    """A table's rows as dictionaries, with None for what is absent."""
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _collect(
    file: SourceFile, before: dict[str, Row], rows: dict[str, Row], left: list[tuple[str, Reason, str]]
) -> None:
    """Add a file's documents to the rows, and what is refused to what is left out."""
    try:
        entries = READERS[file.source.kind](file)
    except Refused as refused:
        left.append((file.name, refused.reason, refused.detail))
        return
    for entry in entries:
        try:
            row = _row(entry, before, rows)
            rows[row["document_id"]] = row
        except Refused as refused:
            left.append((entry.label, refused.reason, refused.detail))


def _row(entry: Entry, before: dict[str, Row], rows: dict[str, Row]) -> Row:
    identity = document_id(entry.identity or "")
    if identity in rows:
        raise Refused(Reason.DUPLICATE_URI, "a document with this address was read before: remove one")
    old = before.get(identity)
    if old is not None and old["source_hash"] == entry.source_hash:
        return old
    fields = asdict(entry.parse())
    if any(not _is_text(value) for value in fields.values() if value is not None):
        raise Refused(Reason.UNDECODABLE, "it holds half of a surrogate pair: export it again as UTF-8")
    return fields | {
        "document_id": identity,
        "content_hash": content_hash(fields["text"]),
        "source_hash": entry.source_hash,
    }


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _changes(rows: dict[str, Row], before: dict[str, Row]) -> dict[str, int]:
    both = rows.keys() & before.keys()
    unchanged = sum(rows[key]["source_hash"] == before[key]["source_hash"] for key in both)
    return {
        "added": len(rows.keys() - before.keys()),
        "changed": len(both) - unchanged,
        "removed": len(before.keys() - rows.keys()),
        "unchanged": unchanged,
    }
