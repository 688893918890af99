"""Web pages, whole or as a piece of HTML in a feed: had over HTTP, and read as the article on them."""

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.connector import Unreachable
from llm_twin_assets.sources.handbook import canonical
from llm_twin_assets.sources.reading import Refused, decoded
from resources.fetcher import Fetcher, FetchFailed, Page

_CHARSET = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_LANGUAGE = re.compile(r"([a-z]{2,3})(?:[-_].*)?", re.IGNORECASE)
# WordPress without permalinks names its posts in the query alone.
_NUMBERED = re.compile(r"(?:^|&)((?:p|page_id)=\d+)(?:&|$)")

_INLINE = frozenset({"a", "abbr", "b", "em", "i", "mark", "s", "small", "span", "strong", "sub", "sup", "u"})
_NEVER_SHOWN = frozenset({"script", "style", "template"})


@dataclass(frozen=True)
class Article:
    """The article on a page as Markdown, and what the page says of it; None where it says nothing.

    `published_at` is YYYY-MM-DD. The text is empty where the page shows none.
    """

    text: str
    title: str | None
    author: str | None
    published_at: str | None


def fetched(fetcher: Fetcher, url: str, types: Collection[str]) -> Page:
    """The page at an address; raises Refused, or Unreachable where it may be had another time."""
    with told_as_refused():
        return fetcher.get(url, types)


@contextmanager
def told_as_refused() -> Iterator[None]:
    """What the fetcher cannot have is Refused, or Unreachable where it may be had another time."""
    try:
        yield
    except FetchFailed as failed:
        if failed.transient:
            raise Unreachable(failed.detail) from None
        raise Refused(Reason(failed.reason), failed.detail) from None


def html_text(data: bytes, charset: str | None = None) -> str:
    """A page's HTML from its bytes, in the charset that its server or else the page declares.

    A piece of a page becomes an article of a page, because it is one as a whole. Raises Refused.
    """
    declared = _CHARSET.search(data[:2048])
    page = decoded(data, charset or (declared[1].decode("ascii", "replace") if declared else None))
    return page if "<html" in page.lower() else f"<html><body><article>{page}</article></body></html>"


def article(page: str) -> Article:
    """The article in a page's HTML; where none can be told from the page around it, all of its text."""
    from trafilatura import extract, html2txt
    from trafilatura.metadata import extract_metadata

    text = extract(page, output_format="markdown", include_formatting=True, include_comments=False)
    known = extract_metadata(page, extensive=False)
    named = [known.title or None, known.author or None, known.date or None] if known else [None] * 3
    return Article(text or html2txt(page), *named)


def shown_text(page: str, without: frozenset[str] = frozenset()) -> str:
    """All of a page's text with a line end around every block, without what elements of some names hold."""
    from trafilatura.utils import load_html

    tree = load_html(page)
    return "" if tree is None else "".join(_pieces(tree, without | _NEVER_SHOWN))


def address(link: str, base: str) -> str | None:
    """A link as the canonical http(s) address of what it leads to; None where it is no such link.

    `base` is the address of the page that holds the link.
    """
    try:
        parts = urlsplit(urljoin(base, link.strip()))
    except ValueError:
        return None
    if not link.strip() or parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    number = _NUMBERED.search(parts.query) if parts.path in ("", "/") else None
    return canonical(parts.geturl()).rstrip() + (f"?{number[1]}" if number else "")


def own_address(page: str, url: str) -> str:
    """The address that a page calls its own on the same host, else the one it was found at."""
    hrefs = _found(page, "//head//link[@rel='canonical']/@href")
    named = next((found for href in hrefs if (found := address(href, url))), None)
    return named if named and host(named) == host(url) else address(url, url) or url


def page_language(page: str) -> str | None:
    """The language that a page's root element declares, as ISO 639 code."""
    return next((code for found in _found(page, "/html/@lang") if (code := language(found))), None)


def language(written: str | None) -> str | None:
    """The ISO 639 code in a language tag (en for en-US); None where it is no tag."""
    found = _LANGUAGE.fullmatch((written or "").strip())
    return found[1].lower() if found else None


def host(url: str) -> str:
    """The host name in an address, in lower case."""
    return urlsplit(url).hostname or ""


def title_from(url: str) -> str:
    """The last part of an address's path, else its host: a title for what has none."""
    return urlsplit(url).path.rstrip("/").rpartition("/")[2] or host(url)


def _found(page: str, path: str) -> list[str]:
    from trafilatura.utils import load_html

    tree = load_html(page)
    return [] if tree is None else [str(found) for found in tree.xpath(path)]


def _pieces(tree: Any, without: frozenset[str]) -> Iterator[str]:
    """The text of a tree in order; walks by hand, as a page may be nested deeper than Python recurses."""
    stack = [(tree, True)]
    while stack:
        element, opens = stack.pop()
        is_tag = isinstance(element.tag, str)
        line = "\n" if is_tag and element.tag not in _INLINE else ""
        if not opens:
            yield line + (element.tail or "")
            continue
        stack.append((element, False))
        if is_tag and element.tag not in without:
            yield line + (element.text or "")
            stack += [(child, True) for child in reversed(element)]
