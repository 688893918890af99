"""The jsonl connector: one JSON object a line, each a document."""

import hashlib
import json
from collections.abc import Iterator
from functools import partial
from textwrap import shorten
from typing import Any

from llm_twin_assets.contracts import digest
from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.dates import as_date
from llm_twin_assets.sources.markdown import headings
from llm_twin_assets.sources.reading import MAX_BYTES, Entry, Fields, Refused, author_of, with_newlines

PARSER = "1"
_MARK = b"\xef\xbb\xbf"
_TITLE = 80
_FIELDS = ("title", "author", "date", "kind", "platform", "language", "url", "uri")


def jsonl_entries(name: str, data: bytes, author: str | None) -> list[Entry]:
    """A file's lines, not parsed yet; blank ones are skipped.

    A line is an object with `text`, and may have title, author, url (or uri), date, kind, platform,
    language and id; other fields are left alone. Entries hold offsets into `data`, no parsed lines.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Refused(Reason.UNDECODABLE, "it is UTF-16: save it as UTF-8")
    lines = enumerate(_lines(data), 1)
    return [
        _entry(name, author, _Line(data, start, end, number))
        for number, (start, end) in lines
        if data[start:end].strip()
    ]


class _Line:
    """One line of a file's bytes, by its offsets and its number from 1."""

    def __init__(self, data: bytes, start: int, end: int, number: int) -> None:
        self._data, self._start, self._end, self.number = data, start, end, number

    def bytes(self) -> bytes:
        return self._data[self._start : self._end].strip()

    def item(self) -> dict[str, Any]:
        """The line's object; raises Refused."""
        if self._end - self._start > MAX_BYTES:
            limit = MAX_BYTES // 1_000_000
            raise Refused(Reason.TOO_LARGE, f"line {self.number}: the limit is {limit} MB: split its text")
        try:
            loaded = json.loads(self.bytes().decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise self.broken(f"not JSON in UTF-8 ({error}): write one object on each line") from None
        if not isinstance(loaded, dict):
            raise self.broken(f"write an object with fields, not {type(loaded).__name__}")
        return loaded

    def broken(self, detail: str) -> Refused:
        return Refused(Reason.BROKEN_ITEM, f"line {self.number}: {detail}")


def _lines(data: bytes) -> Iterator[tuple[int, int]]:
    """Where each line begins and ends, without its newline."""
    start = len(_MARK) if data.startswith(_MARK) else 0
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        yield start, end
        start = end + 1


def _entry(name: str, author: str | None, line: _Line) -> Entry:
    try:
        identity = _identity(name, line.item())
    except Refused:  # told again, and then reported, when it is parsed
        identity = None
    source_hash = digest(PARSER, author, hashlib.sha256(line.bytes()).hexdigest())
    label = identity or f"{name}:{line.number}"
    return Entry(label, identity, source_hash, partial(_parsed, author, identity or "", line))


def _identity(name: str, item: dict[str, Any]) -> str | None:
    """Its address, else its own id, else its text: nothing that changes when a line is put before it."""
    for key in ("url", "uri"):
        if isinstance(item.get(key), str) and item[key].strip():
            return item[key].strip()
    own, text = item.get("id"), item.get("text")
    if isinstance(own, int | str) and not isinstance(own, bool) and str(own).strip():
        return f"file:{name}#{str(own).strip()}"
    if not isinstance(text, str):
        return None
    return f"file:{name}#{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _parsed(author: str | None, identity: str, line: _Line) -> Fields:
    item = line.item()
    known = {key: _text(line, item, key) for key in _FIELDS}
    text = with_newlines(_words(line, item))
    return Fields(
        text=text,
        title=" ".join(known["title"].split()) or _title(text),
        author=author_of(known["author"], author),
        kind=known["kind"] or "article",
        platform=known["platform"] or "jsonl",
        published_at=_day(line, known["date"]),
        language=known["language"] or None,
        uri=identity,
    )


def _words(line: _Line, item: dict[str, Any]) -> str:
    if item.get("text") is None:
        raise line.broken("text: add this field")
    if not isinstance(item["text"], str):
        raise line.broken(f"text: write text here, not {type(item['text']).__name__}")
    if not item["text"].strip():
        raise Refused(Reason.EMPTY, f"line {line.number}: text: fill it, or remove the line")
    return item["text"]


def _text(line: _Line, item: dict[str, Any], key: str) -> str:
    value = item.get(key)
    if value is not None and not isinstance(value, str):
        raise line.broken(f"{key}: write text here, not {type(value).__name__}")
    return (value or "").strip()


def _day(line: _Line, written: str) -> str | None:
    day = as_date(written) if written else None
    if written and day is None:
        raise line.broken(f"date: {written!r} is no date: write it as 2024-03-27")
    return day


def _title(text: str) -> str:
    first = next((heading.words for heading in headings(text) if heading.words), "")
    return first or shorten(text.strip().split("\n")[0], _TITLE, placeholder=" …")
