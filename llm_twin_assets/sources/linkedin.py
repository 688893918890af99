"""The linkedin_export connector: the posts and articles in LinkedIn's "Get a copy of your data"."""

import csv
import hashlib
import io
import re
from functools import partial
from pathlib import PurePosixPath
from textwrap import shorten

from llm_twin_assets.contracts import digest
from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.archives import Archive, refused_entry
from llm_twin_assets.sources.dates import as_date
from llm_twin_assets.sources.handbook import canonical
from llm_twin_assets.sources.medium import body_markdown, first_text, page_tree
from llm_twin_assets.sources.reading import Entry, Fields, Refused, author_of, decoded

PARSER = "1"
_SHARES = "shares.csv"
_PUBLIC = ("", "PUBLIC", "MEMBER_NETWORK")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_TITLE = 80
Share = dict[str, str]


def linkedin_entries(name: str, data: bytes, author: str | None) -> list[Entry]:
    """The shares and articles of an export, a zip file, not parsed yet; raises Refused where it is none.

    Nothing else in it is read: messages, contacts and the like stay closed.
    """
    archive = Archive(data, _is_written)
    if not archive.names:
        raise Refused(Reason.BROKEN_EXPORT_ITEM, "no Shares.csv and no Articles: export it with both chosen")
    entries: list[Entry] = []
    for position, member in enumerate(archive.names):
        try:
            entries += _entries(f"{name}#{member}", archive, position, author)
        except Refused as refused:
            entries.append(refused_entry(f"{name}#{member}", refused))
    return entries


def _is_written(name: str) -> bool:
    path = PurePosixPath(name)
    article = path.suffix.lower() == ".html" and "Articles" in path.parts[:-1]
    return article or path.name.lower() == _SHARES


def _entries(label: str, archive: Archive, position: int, author: str | None) -> list[Entry]:
    data = archive.read(position)
    if label.lower().endswith(_SHARES):
        return [_share(label, number, row, author) for number, row in enumerate(_rows(data), 1)]
    link = canonical(first_text(page_tree(decoded(data)), "//h1//a/@href"))
    uri = link or f"file:{label}"
    source_hash = digest(PARSER, author, hashlib.sha256(data).hexdigest())
    return [Entry(label, uri, source_hash, partial(_article, uri, archive, position, author))]


def _rows(data: bytes) -> list[Share]:
    try:
        reader = csv.DictReader(io.StringIO(decoded(data), newline=""))
        rows = [{key: value for key, value in row.items() if isinstance(value, str)} for row in reader]
    except csv.Error as error:
        raise Refused(Reason.BROKEN_EXPORT_ITEM, f"no CSV ({error}): export it again") from None
    if "ShareCommentary" not in (reader.fieldnames or []):
        raise Refused(Reason.BROKEN_EXPORT_ITEM, "the column ShareCommentary is missing: export it again")
    return rows


def _share(label: str, number: int, row: Share, author: str | None) -> Entry:
    text = unwrapped(row.get("ShareCommentary", "")).strip()
    link = canonical(row.get("ShareLink", ""))
    uri = link or f"file:{label}#{hashlib.sha256(text.encode()).hexdigest()}"
    return Entry(
        link or f"{label}:{number}", uri, digest(PARSER, author, row), partial(_post, uri, row, text, author)
    )


def unwrapped(text: str) -> str:
    """A share's text without the quotation marks that some exports write around every line's end.

    There, the first line has one mark too many; in a text whose author quotes every line, none has.
    """
    first, *rest = text.split("\n")
    ends = all(line.endswith('"') for line in (first, *rest[:-1]))
    starts = all(line.startswith('"') for line in rest)
    whole = all(len(line) > 1 for line in rest[:-1])
    if not rest or not (ends and starts and whole and first.count('"') % 2):
        return text
    return "\n".join([first[:-1], *(line[1:-1] for line in rest[:-1]), rest[-1][1:]])


def _post(uri: str, row: Share, text: str, author: str | None) -> Fields:
    visibility = row.get("Visibility", "").strip()
    if visibility.upper() not in _PUBLIC:
        raise Refused(Reason.NOT_PUBLIC, f"shared with {visibility} only: only public posts are read")
    if not text:
        raise Refused(Reason.EMPTY, "a share without words of its own: nothing to mend")
    return Fields(
        text=text,
        title=shorten(text.split("\n")[0], _TITLE, placeholder=" …"),
        author=author_of(None, author),
        kind="post",
        platform="linkedin",
        published_at=as_date(row.get("Date", "")),
        language=None,
        uri=uri,
    )


def _article(uri: str, archive: Archive, position: int, author: str | None) -> Fields:
    page = decoded(archive.read(position))
    tree = page_tree(page)
    title = first_text(tree, "//h1") or first_text(tree, "//title")
    day = _DAY.search(
        first_text(tree, "//p[@class='published']") or first_text(tree, "//p[@class='created']")
    )
    for element in tree.xpath("//h1 | //p[@class='published'] | //p[@class='created']"):
        element.drop_tree()
    body = tree.find("body")
    text = "" if body is None else body_markdown(body)
    if not text.strip():
        raise Refused(Reason.EMPTY, "no text was found in it: remove it from the export")
    return Fields(
        text=text,
        title=title or PurePosixPath(archive.names[position]).stem,
        author=author_of(None, author),
        kind="article",
        platform="linkedin",
        published_at=as_date(day[0]) if day else None,
        language=None,
        uri=uri,
        page=page,
    )
