"""The pages of the server: how they are put together, the chat, and a document with a quotation marked."""

import base64
import hashlib
import re
import threading
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from string import Template
from typing import Any, Final

from llm_twin_assets.contracts import content_hash
from llm_twin_assets.serving.protection import Signer
from resources.store import Store

_INLINE: Final = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


@dataclass(frozen=True)
class Page:
    """HTML with the headers that let a browser run exactly what is in it, and fetch only from here."""

    html: str
    headers: Mapping[str, str]


def page(html: str) -> Page:
    """The page, with a policy that allows its inline scripts and styles by their hashes."""
    allowed: dict[str, list[str]] = {"script": [], "style": []}
    for kind, content in _INLINE.findall(html):
        hashed = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        allowed[kind].append(f"'sha256-{hashed}'")
    policy = (
        "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"frame-ancestors 'none'; script-src {_listed(allowed['script'])}; "
        f"style-src {_listed(allowed['style'])}"
    )
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return Page(html, headers)


def assembled(name: str, styles: Sequence[str], scripts: Sequence[str]) -> Page:
    """A page of `page/` with its styles and scripts inside, so that it needs no second request."""
    style, script = ("\n".join(map(_file, names)) for names in (styles, scripts))
    return page(Template(_file(name)).substitute(style=style, script=script))


def chat_page() -> Page:
    """The page at `/`."""
    scripts = ["shared.js", "history.js", "answer.js", "chat.js"]
    return assembled("index.html", ["look.css", "chat.css"], scripts)


class Sources:
    """Documents of the store as pages; the table is read again only when it has changed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._template = Template(_file("source.html"))
        self._lock = threading.Lock()
        self._version: str | None = None
        self._documents: dict[str, dict[str, str]] = {}

    def page(
        self,
        document_id: str,
        start: int,
        end: int,
        proof: str,
        signature: str = "",
        signer: Signer | None = None,
    ) -> Page | None:
        """A document with `text[start:end]` highlighted, or None where it may not be shown or is gone.

        proof: the first 12 hex digits of the quotation's SHA-256. Where it does not match, the
        document has changed since it was indexed: nothing is highlighted, and the page says so.
        signer: who must have signed the quotation's address; None where nobody needs a key to read.
        """
        if signer is not None and not signer.valid(document_id, start, end, proof, signature):
            return None
        document = self._document(document_id)
        if document is None:
            return None
        text = document["text"]
        matches = content_hash(text[start:end])[:12] == proof
        start, end = (start, end) if matches else (0, 0)
        note = "" if matches else "This document has changed since the passage was quoted."
        filled = self._template.substitute(
            title=escape(document["title"]),
            author=escape(document["author"]),
            uri=escape(document["uri"]),
            note=escape(note),
            before=escape(text[:start]),
            quote=escape(text[start:end]),
            after=escape(text[end:]),
        )
        return page(filled)

    def _document(self, document_id: str) -> dict[str, str] | None:
        with self._lock:
            record = self._store.record("cleaned_documents")
            if record is not None and record.version != self._version:
                columns = ["document_id", "title", "author", "uri", "text"]
                rows = self._store.read("cleaned_documents")[columns].to_dict("records")
                self._documents = {row["document_id"]: _named(row) for row in rows}
                self._version = record.version
            return self._documents.get(document_id)


def _named(row: Mapping[Hashable, Any]) -> dict[str, str]:
    return {str(column): str(value) for column, value in row.items()}


def _listed(hashes: list[str]) -> str:
    return " ".join(hashes) or "'none'"


def _file(name: str) -> str:
    return (files("llm_twin_assets.serving") / "page" / name).read_text(encoding="utf-8")
