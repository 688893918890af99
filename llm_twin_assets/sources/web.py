"""The web connector: single pages, and the pages that a site's sitemap lists."""

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from llm_twin_assets.contracts import digest
from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.connector import Item
from llm_twin_assets.sources.markdown import headings
from llm_twin_assets.sources.pages import (
    article,
    fetched,
    host,
    html_text,
    own_address,
    page_language,
    title_from,
)
from llm_twin_assets.sources.reading import Entry, Fields, Refused, author_of
from llm_twin_assets.sources.sitemap import Listed, site_pages, too_many
from llm_twin_assets.sources.walls import wall
from resources.fetcher import Fetcher, Page

PARSER = "1"
TYPES = ("text/html", "application/xhtml+xml")


class WebConnector:
    """Pages named one by one in `urls`, then those in `sitemap`; at most `limit` together.

    `include` is the beginning that the addresses of a sitemap's pages must have.
    """

    keeps_vanished = False

    def __init__(
        self,
        fetcher: Fetcher,
        urls: Sequence[str],
        sitemap: str | None,
        include: str | None,
        limit: int,
        author: str | None,
    ) -> None:
        self._fetcher, self._urls, self._author = fetcher, urls, author
        self._sitemap, self._include, self._limit = sitemap, include, limit
        self._pages: dict[str, Page] = {}
        self._found: dict[str, tuple[str, str | None]] = {}
        self._refused: dict[str, Refused] = {}

    def items(self) -> list[Item]:
        """The pages in the order they are listed in, then what cannot be had, which fetch refuses."""
        self._pages, self._refused = {}, {}
        listed = {url: Listed(url, None) for url in self._urls}
        if self._sitemap:
            site = site_pages(self._fetcher, self._sitemap, self._include, self._limit)
            self._refused |= site.refused
            listed = listed | {page.url: page for page in site.pages if page.url not in listed}
        pages = list(listed.values())
        self._refused |= {page.url: too_many(self._limit) for page in pages[self._limit :]}
        marks = {page.url: self._mark(page) for page in pages[: self._limit]}
        return [Item(url, marks.get(url)) for url in marks | dict.fromkeys(self._refused)]

    def fetch(self, item: Item) -> bytes:
        """A page's HTML."""
        if item.name in self._refused:
            raise self._refused[item.name]
        known = self._pages.pop(item.name, None)
        page = _unpacked(known) if known else fetched(self._fetcher, item.name, TYPES)
        self._found[item.name] = (page.url, page.charset)
        return page.body

    def parse(self, item: Item, data: bytes) -> list[Entry]:
        """The one article on a page; raises Refused where the page only keeps a crawler out."""
        url, charset = self._found.get(item.name, (item.name, None))
        html = html_text(data, charset)
        if found := wall(html):
            raise Refused(*found)
        identity = own_address(html, url)
        source_hash = digest(PARSER, self._author, charset, hashlib.sha256(data).hexdigest())
        return [Entry(item.name, identity, source_hash, partial(_parsed, html, identity, self._author))]

    def _mark(self, listed: Listed) -> str | None:
        """What tells whether a page changed: its site's word, else a conditional request."""
        if listed.lastmod:
            return f"lastmod {listed.lastmod}"
        try:
            page = fetched(self._fetcher, listed.url, TYPES)
        except Refused as why:
            self._refused[listed.url] = why
            return None
        self._pages[listed.url] = _packed(page)
        return page.mark


def _packed(page: Page) -> Page:
    """A page that waits to be read: a thousand of them must fit into memory."""
    return replace(page, body=zlib.compress(page.body))


def _unpacked(page: Page) -> Page:
    return replace(page, body=zlib.decompress(page.body))


def _parsed(html: str, identity: str, author: str | None) -> Fields:
    page = article(html)
    if not page.text.strip():
        mend = "remove the page, or save what a browser shows and read that as a folder"
        raise Refused(Reason.EMPTY, f"no text was found in it: {mend}")
    first = next((heading.words for heading in headings(page.text) if heading.words), None)
    return Fields(
        text=page.text,
        title=" ".join((page.title or "").split()) or first or title_from(identity),
        author=author_of(page.author, author),
        kind="article",
        platform=host(identity),
        published_at=page.published_at,
        language=page_language(html),
        uri=identity,
        page=html,
    )
