"""The folder connector: Markdown, plain text, HTML, DOCX and PDF files, one document each."""

import hashlib
from dataclasses import dataclass
from pathlib import PurePosixPath

from llm_twin_assets.contracts import digest
from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.dates import as_date
from llm_twin_assets.sources.front_matter import split_front_matter
from llm_twin_assets.sources.markdown import headings
from llm_twin_assets.sources.office import office_markdown
from llm_twin_assets.sources.pages import article, html_text
from llm_twin_assets.sources.reading import Entry, Fields, Refused, author_of, decoded
from llm_twin_assets.sources.walls import wall
from resources.catalog import OFFICE_ENDINGS

PARSER = "2"
_HTML = (".html", ".htm")


def folder_entries(name: str, data: bytes, author: str | None) -> list[Entry]:
    """The one document of a file, not parsed yet, known by the `url` of its front matter if it has one.

    Raises Refused where front matter cannot be read.
    """
    source_hash = digest(PARSER, author, hashlib.sha256(data).hexdigest())
    uri = _front_matter(name, data).get("url", f"file:{name}")
    return [Entry(name, uri, source_hash, lambda: _parsed(name, uri, data, author))]


def _front_matter(name: str, data: bytes) -> dict[str, str]:
    if PurePosixPath(name).suffix.lower() in (*_HTML, *OFFICE_ENDINGS):
        return {}
    return split_front_matter(decoded(data))[0]


@dataclass(frozen=True)
class _Page:
    text: str
    front: dict[str, str]
    html: str | None = None


def _parsed(name: str, uri: str, data: bytes, declared: str | None) -> Fields:
    page = _page(PurePosixPath(name).suffix.lower(), data)
    if not page.text.strip():
        raise Refused(Reason.EMPTY, "no text was found in it: fill it, or remove it")
    front, title = page.front, next((h.words for h in headings(page.text) if h.words), None)
    return Fields(
        text=page.text,
        title=" ".join(front.get("title", "").split()) or title or PurePosixPath(name).stem,
        author=author_of(front.get("author"), declared),
        kind=front.get("kind", "article"),
        platform=front.get("platform", "folder"),
        published_at=_published(front.get("date")),
        language=front.get("language"),
        uri=uri,
        page=page.html,
    )


def _page(ending: str, data: bytes) -> _Page:
    if ending in _HTML:
        return _html(data)
    if ending in OFFICE_ENDINGS:
        return _Page(office_markdown(data, ending), {})
    front, text = split_front_matter(decoded(data))
    return _Page(text, front)


def _html(data: bytes) -> _Page:
    """The article on a saved web page, with the title, author and date that the page names."""
    html = html_text(data)
    if found := wall(html):
        raise Refused(*found)
    known = article(html)
    named = {"title": known.title, "author": known.author, "date": known.published_at}
    return _Page(known.text, {key: value for key, value in named.items() if value}, html)


def _published(written: str | None) -> str | None:
    if not written:
        return None
    day = as_date(written)
    if day is None:
        raise Refused(Reason.BROKEN_FRONT_MATTER, f"date: {written!r} is no date: write it as 2024-03-27")
    return day
