"""The rows of raw_documents while they are collected: what is kept, what is new, what is left out."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import asdict
from typing import Any

import pandas as pd

from llm_twin_assets.contracts import UNVERSIONED, content_hash, digest, document_id
from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.connector import Connector, Item
from llm_twin_assets.sources.listing import READER, Listed
from llm_twin_assets.sources.quarantine import look_through
from llm_twin_assets.sources.reading import Entry, Fields, Refused

Row = dict[str, Any]
# A site that keeps us out today says nothing about its documents.
PASSING = (Reason.UNREACHABLE, Reason.BOT_WALL, Reason.LOGIN_PAGE)
KEPT = "what was read before stays as it was"


def records(frame: pd.DataFrame) -> list[Row]:
    """A table's rows as dictionaries, with None for what is absent."""
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


class Rows:
    """Collects items; `previous` are the rows of the last time, `left` is what was left out and why."""

    def __init__(self, previous: list[Row], trusted: Collection[str], forgotten: Collection[str]) -> None:
        self.left: list[tuple[str, Reason, str]] = []
        self.fetched = 0
        self._before = {str(row["document_id"]): row for row in previous}
        self._by_source: dict[str, list[Row]] = defaultdict(list)
        self._by_item: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in previous:
            self._by_source[row["source"]].append(row)
            self._by_item[row["source"], row["item"]].append(row)
        self._trusted = {document_id(uri) for uri in trusted}
        self._forgotten = {document_id(uri) for uri in forgotten}
        self._rows: dict[str, Row] = {}

    def add_item(self, source: Listed, item: Item) -> None:
        """The documents of an item, read only where its stamp is another than it was."""
        before = self._by_item[source.name, item.name]
        stamp = source.stamp(item)
        if before and stamp is not None and all(row["stamp"] == stamp for row in before):
            for row in before:
                self._keep(row, item.name)
            return
        try:
            entries = self._entries(source.connector, item)
        except Refused as refused:
            stays = refused.reason in PASSING
            self._leave(item.name, refused.reason, f"{refused.detail}; {KEPT}" if stays else refused.detail)
            for row in before if stays else ():
                self._keep(row | {"stamp": ""}, item.name)
        else:
            self._add_entries(source.name, item.name, stamp, entries)

    def keep_source(self, source: str, failure: Refused | None = None) -> None:
        """What was read of a source before and is not collected yet; `failure` is why it was not listed."""
        if failure:
            self._leave(source, failure.reason, f"{failure.detail}; {KEPT}")
        for row in self._by_source[source]:
            if row["document_id"] not in self._rows:
                self._keep(row, row["uri"])

    def finished(self) -> dict[str, Row]:
        """The rows by document id."""
        return self._rows

    def changes(self) -> dict[str, int]:
        """How many documents are new, other than they were, gone, and the same."""
        both = self._rows.keys() & self._before.keys()
        same = sum(_said(self._rows[key]) == _said(self._before[key]) for key in both)
        return {
            "added": len(self._rows.keys() - self._before.keys()),
            "changed": len(both) - same,
            "removed": len(self._before.keys() - self._rows.keys()),
            "unchanged": same,
        }

    def _entries(self, connector: Connector, item: Item) -> list[Entry]:
        data = connector.fetch(item)
        self.fetched += 1
        return connector.parse(item, data)

    def _add_entries(self, source: str, item: str, stamp: str | None, entries: list[Entry]) -> None:
        added, refusals = [], len(self.left)
        for entry in entries:
            try:
                row = self._row(entry) | {"source": source, "item": item}
            except Refused as refused:
                self._leave(entry.label, refused.reason, refused.detail)
                continue
            self._rows[row["document_id"]] = row
            added.append(row)
        # Without a stamp an item is read again, and what was refused of it is named again.
        whole = len(self.left) == refusals
        for row in added:
            row["stamp"] = (stamp or "") if whole else ""

    def _row(self, entry: Entry) -> Row:
        identity = document_id(entry.identity or "")
        self._check(identity)
        source_hash = digest(READER, identity in self._trusted, entry.source_hash)
        old = self._before.get(identity)
        if old is not None and old["source_hash"] == source_hash:
            return dict(old)
        fields = entry.parse()
        if identity not in self._trusted:
            look_through(fields.text, fields.page)
        return _columns(fields) | {
            "document_id": identity,
            "content_hash": content_hash(fields.text),
            "source_hash": source_hash,
        }

    def _keep(self, row: Row, label: str) -> None:
        try:
            self._check(row["document_id"])
        except Refused as refused:
            self._leave(label, refused.reason, refused.detail)
        else:
            self._rows[row["document_id"]] = row

    def _check(self, identity: str) -> None:
        if identity in self._forgotten:
            raise Refused(Reason.FORGOTTEN, "it was forgotten: `llm-twin forget --undo` reads it again")
        if identity in self._rows:
            raise Refused(Reason.DUPLICATE_URI, "a document with this address was read before: remove one")

    def _leave(self, label: str, reason: Reason, detail: str) -> None:
        self.left.append((label, reason, detail))


def _said(row: Row) -> Row:
    """What a row says of its document, without how it was read."""
    return {name: value for name, value in row.items() if name not in UNVERSIONED}


def _columns(fields: Fields) -> Row:
    written = {name: value for name, value in asdict(fields).items() if name != "page"}
    if any(not _is_text(value) for value in written.values() if value is not None):
        raise Refused(Reason.UNDECODABLE, "it holds half of a surrogate pair: export it again as UTF-8")
    return written


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
