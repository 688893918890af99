"""The folder connector: Markdown, plain text and HTML files, one document each."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from llm_twin_assets.contracts import Reason, digest
from llm_twin_assets.sources.dates import as_date
from llm_twin_assets.sources.front_matter import split_front_matter
from llm_twin_assets.sources.markdown import headings
from llm_twin_assets.sources.reading import MAX_BYTES, Entry, Fields, Refused, author_of, decoded
from resources.catalog import SourceFile

PARSER = "1"
_CHARSET = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)


def folder_entries(file: SourceFile) -> list[Entry]:
    """The one document of a file, not parsed yet; raises Refused where its bytes cannot be had."""
    data = bytes_of(file)
    source_hash = digest(PARSER, file.source.author, hashlib.sha256(data).hexdigest())
    return [Entry(file.name, f"file:{file.name}", source_hash, lambda: _parsed(file, data))]


def bytes_of(file: SourceFile) -> bytes:
    """A file's bytes; raises Refused where it is too large or cannot be read."""
    if file.problem:
        raise Refused(Reason.UNREADABLE, f"{file.problem}: mend or remove it")
    if file.size > MAX_BYTES:
        limit, size = MAX_BYTES // 1_000_000, file.size / 1_000_000
        raise Refused(Reason.TOO_LARGE, f"{size:.0f} MB, the limit is {limit} MB: split the file")
    try:
        return file.path.read_bytes()
    except OSError as error:
        raise Refused(Reason.UNREADABLE, f"{error.strerror}: check its permissions") from None


@dataclass(frozen=True)
class _Page:
    text: str
    front: dict[str, str]


def _parsed(file: SourceFile, data: bytes) -> Fields:
    page = _html(data) if file.path.suffix.lower() in (".html", ".htm") else _markdown(data)
    if not page.text.strip():
        raise Refused(Reason.EMPTY, "no text was found in it: fill it, or remove it")
    front, title = page.front, next((h.words for h in headings(page.text) if h.words), None)
    return Fields(
        text=page.text,
        title=" ".join(front.get("title", "").split()) or title or PurePosixPath(file.name).stem,
        author=author_of(front.get("author"), file.source.author),
        kind=front.get("kind", "article"),
        platform=front.get("platform", "folder"),
        published_at=_published(front.get("date")),
        language=front.get("language"),
        uri=front.get("url", f"file:{file.name}"),
    )


def _markdown(data: bytes) -> _Page:
    front, text = split_front_matter(decoded(data))
    return _Page(text, front)


def _html(data: bytes) -> _Page:
    """The article on a web page as Markdown, with the title, author and date that the page names."""
    from trafilatura import extract, html2txt
    from trafilatura.metadata import extract_metadata

    declared = _CHARSET.search(data[:2048])
    page = decoded(data, declared[1].decode("ascii", "replace") if declared else None)
    if "<html" not in page.lower():
        page = f"<html><body>{page}</body></html>"  # a fragment is refused as it is
    text = extract(page, output_format="markdown", include_formatting=True, include_comments=False)
    known = extract_metadata(page, extensive=False)
    named = {"title": known.title, "author": known.author, "date": known.date} if known else {}
    # Where no article can be told from the page around it, all of its text is the document.
    return _Page(text or html2txt(page), {key: value for key, value in named.items() if value})


def _published(written: str | None) -> str | None:
    if not written:
        return None
    day = as_date(written)
    if day is None:
        raise Refused(Reason.BROKEN_FRONT_MATTER, f"date: {written!r} is no date: write it as 2024-03-27")
    return day
