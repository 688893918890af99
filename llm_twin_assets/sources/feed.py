"""The feed connector: the entries of one RSS or Atom feed, one document each."""

import html
import io
import re
from dataclasses import astuple, dataclass
from functools import partial
from typing import Any

from llm_twin_assets.contracts import digest
from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.connector import Item
from llm_twin_assets.sources.dates import as_date, date_in
from llm_twin_assets.sources.markdown import headings
from llm_twin_assets.sources.pages import (
    address,
    article,
    fetched,
    host,
    html_text,
    language,
    shown_text,
    title_from,
)
from llm_twin_assets.sources.reading import Entry, Fields, Refused, author_of, decoded, with_newlines
from llm_twin_assets.sources.walls import wall
from resources.fetcher import Fetcher, Page

PARSER = "1"
TYPES = (
    "application/rss+xml",
    "application/atom+xml",
    "application/rdf+xml",
    "application/xml",
    "text/xml",
    "text/html",  # so some servers call a feed; a page in its place is refused for what it is
    "text/plain",
)
# A teaser has fewer words than this: a whole post may end in three dots too.
TEASER_WORDS = 100
_ENCODING = re.compile(rb"""<\?xml[^>]{0,100}\bencoding\s*=\s*["']([\w.:-]+)""")
_END = re.compile(r"</(?:\w+:)?(?:rss|feed|rdf)\s*>", re.IGNORECASE)
_MAIL = re.compile(r"[<(]?[^\s<>()]+@[^\s<>()]+[>)]?")
_TAG = re.compile(r"<[^<>]+>")
_MORE = r"(?:read (?:more|on|the rest|the full)|continue reading|keep reading)"
_ENDS_EARLY = re.compile(rf"(?:…|\.\.\.)[\])]?$|^{_MORE}\b|(?:…|\.\.\.)[\])]? *{_MORE}\b", re.IGNORECASE)
_ONLY_MORE = re.compile(rf"{_MORE}[\W_]*|continue reading on .+", re.IGNORECASE)
# What blog software adds to an entry for its feed.
_NOTICE = re.compile(
    r"the post .+ (?:first appeared|appeared first) on .+"
    r"|.+ was originally published in .+ on medium, where people are continuing .+",
    re.IGNORECASE,
)


class FeedConnector:
    """One feed, asked for once a listing. It forgets old entries, so what it once listed stays."""

    keeps_vanished = True

    def __init__(self, fetcher: Fetcher, url: str, author: str | None) -> None:
        self._fetcher, self._url, self._author = fetcher, url, author
        self._page: Page | None = None
        self._charset: str | None = None

    def items(self) -> list[Item]:
        """The feed itself."""
        self._page = fetched(self._fetcher, self._url, TYPES)
        return [Item(self._url, self._page.mark)]

    def fetch(self, item: Item) -> bytes:
        """The feed's XML."""
        page, self._page = self._page or fetched(self._fetcher, item.name, TYPES), None
        self._charset = page.charset
        return page.body

    def parse(self, item: Item, data: bytes) -> list[Entry]:
        """The feed's entries in its order; raises Refused where it is no feed."""
        posts = _posts(item.name, data, self._charset)
        return [self._entry(f"{item.name}[{position}]", post) for position, post in enumerate(posts)]

    def _entry(self, place: str, post: "_Post") -> Entry:
        source_hash = digest(PARSER, self._author, *astuple(post))
        return Entry(post.link or place, post.link, source_hash, partial(_parsed, post, self._author))


@dataclass(frozen=True)
class _Post:
    """What a document is made from: an entry's own fields, and what it takes over from its feed.

    `link` is canonical; `content` is HTML or plain text; `cut` tells that the feed breaks off in it.
    """

    link: str | None
    title: str
    author: str | None
    published_at: str | None
    language: str | None
    content: str
    is_html: bool
    cut: bool


def _posts(url: str, data: bytes, charset: str | None) -> list[_Post]:
    import feedparser

    declared = _ENCODING.search(data[:200])
    text = decoded(data, charset or (declared[1].decode() if declared else None))
    # A stream, because bytes that happen to be a path would be opened; and nothing is resolved or guessed.
    stream = io.BytesIO(text.encode(errors="replace"))
    sort = {"content-type": "application/xml; charset=utf-8"}
    found = feedparser.parse(stream, response_headers=sort, resolve_relative_uris=False, sanitize_html=False)
    if not found.entries and (found.bozo or not found.get("version")):
        raise _no_feed(text, found.get("bozo_exception"))
    last = None if _END.search(text[-1000:]) else len(found.entries) - 1
    return [_post(url, entry, found.feed, place == last) for place, entry in enumerate(found.entries)]


def _no_feed(text: str, error: object) -> Refused:
    if met := wall(text):
        return Refused(*met)
    why = f"it is no sound XML ({error})" if error else "it is no RSS or Atom feed"
    return Refused(
        Reason.BROKEN_ITEM, f"{why}: name the feed's own address, or read the site by a web source"
    )


def _post(url: str, entry: Any, feed: Any, cut: bool) -> _Post:
    content = max(entry.get("content") or [], key=lambda part: len(part.get("value") or ""), default=None)
    if content is None or not content.get("value"):
        content = entry.get("summary_detail") or {}
    title = entry.get("title_detail") or {}
    return _Post(
        link=address(entry.get("link") or "", url),
        title=_without_tags(title.get("value") or "") if _is_html(title) else title.get("value") or "",
        author=_author(entry) or _author(feed),
        published_at=_date(entry, "published") or _date(entry, "updated"),
        language=language(content.get("language") or feed.get("language")),
        content=with_newlines(content.get("value") or ""),
        is_html=_is_html(content),
        cut=cut,
    )


def _is_html(part: Any) -> bool:
    return "html" in (part.get("type") or "")


def _without_tags(title: str) -> str:
    return html.unescape(_TAG.sub("", title))


def _author(holder: Any) -> str | None:
    """The names of an entry's or a feed's authors; a mail address is none.

    feedparser cuts a mail address after four letters of its top-level domain and takes the rest for a
    name, so names beside an address are taken from the text of the last author, which it leaves whole.
    """
    authors = [each.get("name") for each in (holder.get("authors") or [])[:-1] if "email" not in each]
    last = _MAIL.sub("", holder.get("author") or "").strip(" ()<>\n\t")
    return ", ".join(dict.fromkeys(name for name in [*authors, last] if name)) or None


def _date(entry: Any, field: str) -> str | None:
    """The day as the entry writes it, in its author's time zone, else as feedparser reads it, in UTC."""
    written = entry.get(field) or ""
    moment = entry.get(f"{field}_parsed")
    utc = f"{moment.tm_year:04}-{moment.tm_mon:02}-{moment.tm_mday:02}" if moment else None
    return as_date(written) or date_in(written) or utc


def _parsed(post: _Post, author: str | None) -> Fields:
    if not post.link:
        raise _broken("the entry has no link to name it by: add one to the feed")
    if post.cut:
        raise _broken("the feed breaks off within the entry: have the feed mended")
    text = _text(post)
    first = next((heading.words for heading in headings(text) if heading.words), None)
    return Fields(
        text=text,
        title=" ".join(post.title.split()) or first or title_from(post.link),
        author=author_of(post.author, author),
        kind="article",
        platform=host(post.link),
        published_at=post.published_at,
        language=post.language,
        uri=post.link,
        page=_page(post),
    )


def _page(post: _Post) -> str | None:
    return html_text(post.content.encode()) if post.is_html else None


def _text(post: _Post) -> str:
    """A post's whole text as Markdown; raises Refused where the feed gives none or only its beginning."""
    page = _page(post)
    text = _without_notice(article(page).text if page else post.content)
    if not text.strip():
        raise Refused(Reason.EMPTY, "the entry holds no text: read its page by a web source")
    if met := wall(page or post.content):
        raise Refused(*met)
    # The way on to the whole post may be a lone link, which is left out of an article.
    shown = _without_notice(shown_text(page) if page else post.content)
    end = shown.rpartition("\n")[2].strip()
    short = len(shown.split()) < TEASER_WORDS and _ENDS_EARLY.search(end)
    if short or _ONLY_MORE.fullmatch(end):
        mend = "read its page by a web source, or the author's export"
        raise Refused(Reason.TEASER, f"the entry is only a teaser: {mend}")
    return text


def _without_notice(text: str) -> str:
    """A text without the last line that blog software added to it."""
    body, _, last = text.rstrip().rpartition("\n")
    return body.rstrip() if _NOTICE.fullmatch(last.strip(" *_")) else text.rstrip()


def _broken(detail: str) -> Refused:
    return Refused(Reason.BROKEN_ITEM, detail)
