"""Sitemaps: the pages that a site lists, through one level of sitemap index."""

import zlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.connector import Unreachable
from llm_twin_assets.sources.pages import fetched
from llm_twin_assets.sources.reading import MAX_BYTES, Refused
from resources.fetcher import Fetcher

TYPES = (
    "application/xml",
    "text/xml",
    "application/gzip",
    "application/x-gzip",
    "application/octet-stream",
    "text/plain",
)
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Listed:
    """What a sitemap lists: an address, and when the site says that it last changed, as written."""

    url: str
    lastmod: str | None


@dataclass(frozen=True)
class Listing:
    """The pages of a site in its own order, each once, and what was listed but is refused, by address."""

    pages: list[Listed]
    refused: dict[str, Refused]


def site_pages(fetcher: Fetcher, url: str, include: str | None, limit: int) -> Listing:
    """The pages in the sitemap at an address; raises Refused where that sitemap cannot be had.

    Taken are pages on the sitemap's host or on that of `include`, and below `include` where given. A
    broken sitemap within an index costs itself; one that cannot be had just now costs the whole
    listing, for without it its pages would seem deleted. Beyond `limit` pages no further sitemap is
    read. Protocol: https://www.sitemaps.org/protocol.html.
    """
    top = fetched(fetcher, url, TYPES)
    site = _Site(fetcher, {_host(each) for each in (url, top.url, include) if each}, include or "", limit)
    listed, is_index = entries(top.body)
    if not is_index:
        site.add_pages(listed)
    for inner in listed if is_index else []:
        site.add_sitemap(inner.url)
    return Listing(list(site.pages.values()), site.refused)


def entries(data: bytes) -> tuple[list[Listed], bool]:
    """What a sitemap of at most 10 MB, gzipped or not, lists, and whether these are sitemaps.

    Raises Refused.
    """
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        root = fromstring(_unzipped(data))
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise _broken(f"it is no sound XML ({error})") from None
    kind = _local(root.tag)
    if kind not in ("urlset", "sitemapindex"):
        raise _broken(f"it is no sitemap, its root element is {kind}")
    found = [Listed(url, _child(each, "lastmod")) for each in root if (url := _child(each, "loc"))]
    return found, kind == "sitemapindex"


def too_many(limit: int) -> Refused:
    """The refusal of what lies beyond a source's limit of pages."""
    mend = "raise limit: at this source, or narrow include:"
    return Refused(Reason.TOO_MANY, f"the limit of {limit} pages was reached before it: {mend}")


class _Site:
    """A listing while it is collected."""

    def __init__(self, fetcher: Fetcher, hosts: set[str], include: str, limit: int) -> None:
        self.pages: dict[str, Listed] = {}
        self.refused: dict[str, Refused] = {}
        self._fetcher, self._hosts, self._include, self._limit = fetcher, hosts, include, limit

    def add_pages(self, listed: list[Listed]) -> None:
        for page in listed:
            if _host(page.url) not in self._hosts:
                self.refused[page.url] = self._foreign()
            elif page.url.startswith(self._include):
                self.pages.setdefault(page.url, page)

    def add_sitemap(self, url: str) -> None:
        """Add the pages of one sitemap of an index, or why they are left out; raises Unreachable."""
        try:
            self.add_pages(self._inner(url))
        except Unreachable:
            raise
        except Refused as why:
            self.refused[url] = why

    def _inner(self, url: str) -> list[Listed]:
        if _host(url) not in self._hosts:
            raise self._foreign()
        if len(self.pages) >= self._limit:
            raise too_many(self._limit)
        listed, is_index = entries(fetched(self._fetcher, url, TYPES).body)
        if is_index:
            raise _broken("it is an index within an index")
        return listed

    def _foreign(self) -> Refused:
        own = ", ".join(sorted(self._hosts))
        detail = f"the sitemap of {own} lists it, and it is on another host: list it under urls:"
        return Refused(Reason.FORBIDDEN_ADDRESS, detail)


def _unzipped(data: bytes) -> bytes:
    if not data.startswith(_GZIP):
        return data
    unzip = zlib.decompressobj(wbits=31)
    try:
        plain = unzip.decompress(data, MAX_BYTES + 1)
    except zlib.error as error:
        raise _broken(f"it is no sound gzip file ({error})") from None
    if len(plain) > MAX_BYTES:
        limit = MAX_BYTES // 1_000_000
        raise Refused(Reason.TOO_LARGE, f"unpacked, the sitemap has more than {limit} MB: split it")
    return plain


def _child(element: Any, name: str) -> str | None:
    """The text of a child in the element's own namespace: an image's address is none of a page."""
    space = element.tag.removesuffix(_local(element.tag))
    return (element.findtext(space + name) or "").strip() or None


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


def _broken(what: str) -> Refused:
    return Refused(Reason.BROKEN_ITEM, f"{what}: name the sitemap's own address, or list pages under urls:")
