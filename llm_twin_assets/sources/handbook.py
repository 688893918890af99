"""The handbook_export connector: a JSON array of articles as the LLM Engineer's Handbook stores them."""

import hashlib
import json
import re
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from llm_twin_assets.contracts import digest
from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.dates import date_in
from llm_twin_assets.sources.markdown import headings
from llm_twin_assets.sources.reading import Entry, Fields, Refused, author_of, decoded, with_newlines

PARSER = "1"


def handbook_entries(name: str, data: bytes, author: str | None) -> list[Entry]:
    """An export's items, not parsed yet; raises Refused where the file as a whole is no export."""
    items = _items(decoded(data))
    return [_entry(f"{name}[{position}]", author, item) for position, item in enumerate(items)]


def canonical(link: str) -> str:
    """A link without query string and fragment, which say who shared it and not what it is."""
    return re.split(r"[?#]", link.strip())[0]


def _items(text: str) -> list[Any]:
    try:
        loaded = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _broken(f"not JSON ({error}): export it again") from None
    items = loaded.get("artifact_data") if isinstance(loaded, dict) else loaded
    if not isinstance(items, list):
        raise _broken("write a JSON array of articles, or an object whose artifact_data is one")
    return items


def _entry(label: str, author: str | None, item: Any) -> Entry:
    written = json.dumps(item, sort_keys=True).encode()
    source_hash = digest(PARSER, author, hashlib.sha256(written).hexdigest())
    link = item.get("link") if isinstance(item, dict) else None
    identity = canonical(link) if isinstance(link, str) and link.strip() else None
    return Entry(identity or label, identity, source_hash, partial(_parsed, author, item))


def _parsed(author: str | None, item: Any) -> Fields:
    if not isinstance(item, dict):
        raise _broken(f"an article is an object with fields, not {type(item).__name__}")
    content = item.get("content")
    if not isinstance(content, dict):
        raise _broken("content: write an object with Title, Subtitle and Content")
    uri, text = canonical(_text(item, "link", needed=True)), with_newlines(_text(content, "Content"))
    if not text.strip():
        raise Refused(Reason.EMPTY, "content.Content holds no text: fill it, or remove the article")
    return Fields(
        text=text,
        title=_title(_text(content, "Title"), text, uri),
        author=author_of(_text(item, "author_full_name"), author),
        kind="article",
        platform=_text(item, "platform") or "web",
        published_at=date_in(text),
        language=_text(content, "language") or None,
        uri=uri,
    )


def _title(given: str, text: str, uri: str) -> str:
    first = next((heading.words for heading in headings(text) if heading.words), "")
    return " ".join(given.split()) or first or PurePosixPath(uri).name


def _text(fields: dict[str, Any], name: str, needed: bool = False) -> str:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise _broken(f"{name}: write text here, not {type(value).__name__}")
    if needed and not (value or "").strip():
        raise _broken(f"{name}: add this field")
    return value or ""


def _broken(detail: str) -> Refused:
    return Refused(Reason.BROKEN_EXPORT_ITEM, detail)
