"""The guarded fetcher: web pages from public hosts only, within bounds, politely, and not twice."""

import functools
import hashlib
import socket
import ssl
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from resources.addresses import Guard, Resolve, host_of, port_of, web_url
from resources.fetch_body import beginning, body, check_status, media_type
from resources.fetch_cache import Cache, Copy
from resources.fetch_connection import Answer, Deadline, answered
from resources.fetch_page import DEFAULT_LIMITS, FetchFailed, Limits, Page
from resources.fetch_pauses import Pauses
from resources.robots import MAX_BYTES, USER_AGENT, Robots

if TYPE_CHECKING:
    from httpx import URL

__all__ = ["FetchFailed", "Fetcher", "Limits", "Page"]

Taken = TypeVar("Taken")
MAX_REDIRECTS: Final = 5
REDIRECTS: Final = (301, 302, 303, 307, 308)
NOT_MODIFIED: Final = 304
HEADERS: Final = {"User-Agent": USER_AGENT, "Accept-Encoding": "gzip, deflate"}


class Fetcher:
    """Fetches pages over http and https; safe to use from several threads. Constructing opens nothing.

    `cache` is the folder of copies; `allowed_networks` are networks in CIDR form that may be reached
    although they are not public; `pause_seconds` lie between the starts of two requests to one host;
    `ssl_context` verifies servers in place of the default one; `clock` and `sleep` are for the pauses.
    """

    def __init__(
        self,
        cache: Path,
        allowed_networks: Sequence[str] = (),
        pause_seconds: float = 1.0,
        limits: Limits = DEFAULT_LIMITS,
        resolve: Resolve = socket.getaddrinfo,
        *,
        ssl_context: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._cache = Cache(cache)
        self._guard = Guard(allowed_networks, resolve)
        self._limits = limits
        self._ssl_context = ssl_context
        self._pauses = Pauses(pause_seconds, clock, sleep)
        self._robots = Robots(self._robots_text, clock)

    def get(self, url: str, types: Collection[str]) -> Page:
        """The page at an address, of one of these media types (in lower case); raises FetchFailed.

        A copy from an earlier time is asked about and given again where it is still the same.
        """
        first = web_url(url)
        try:
            page = self._page(first, types, self._cache.read(str(first)))
            page = page or self._page(first, types, None)
        except FetchFailed as failed:
            if failed.reason == "gone":
                self._cache.drop(str(first))
            raise
        if page is None:
            detail = "the server answers 304, not modified, although nothing was asked about: try again later"
            raise FetchFailed("unreachable", detail, transient=True)
        return page

    def forget(self, url: str) -> bool:
        """Drop every copy of the page at an address, and say whether there was one.

        The address is one that `get` was asked for, or the `url` of a page that it gave.
        """
        try:
            return self._cache.forget(str(web_url(url)))
        except FetchFailed:
            return False  # nothing is ever fetched from there

    def resolved(self, url: str) -> str:
        """A checked address of a url's host, for a program that is told to connect to just this one.

        Raises FetchFailed as `get` does.
        """
        parsed = web_url(url)
        return self._guard.addresses(host_of(parsed), port_of(parsed))[0]

    def _page(self, first: "URL", types: Collection[str], copy: Copy | None) -> Page | None:
        """The page behind an address and its redirects; None where it equals a copy that is not there."""

        def known(url: "URL") -> Copy | None:
            return copy if copy is not None and copy.page.url == str(url) else None

        def ask(url: "URL") -> dict[str, str]:
            held = known(url)
            return {"Accept": ", ".join([*sorted(types), "*/*;q=0.1"])} | (held.question() if held else {})

        def take(answer: Answer) -> Page | None:
            if answer.status != NOT_MODIFIED:
                return self._received(first, answer, types)
            held = known(answer.url)
            if held is not None:
                _check_type(held.page.content_type, types)
            return held.page if held else None

        return self._follow(first, self._admit, ask, take)

    def _received(self, first: "URL", answer: Answer, types: Collection[str]) -> Page:
        check_status(answer)
        media, charset = media_type(answer)
        _check_type(media, types)
        data = body(answer, self._limits.body_bytes)
        etag, modified = answer.headers.get("etag"), answer.headers.get("last-modified")
        mark = etag or modified or hashlib.sha256(data).hexdigest()
        page = Page(str(answer.url), data, media, charset, mark)
        self._cache.write(str(first), Copy(page, etag, modified))
        return page

    def _follow(
        self,
        first: "URL",
        admit: Callable[["URL"], None],
        ask: Callable[["URL"], dict[str, str]],
        take: Callable[[Answer], Taken],
    ) -> Taken:
        """What `take` makes of the answer at the end of all redirects.

        `admit` raises or waits before each request, `ask` gives the headers for it.
        """
        url, seconds = first, self._limits.seconds
        for _ in range(MAX_REDIRECTS + 1):
            admit(url)
            deadline = Deadline(seconds)
            tls = self._tls if url.scheme == "https" else None
            with answered(url, HEADERS | ask(url), self._guard, deadline, tls) as answer:
                if answer.status not in REDIRECTS:
                    return take(answer)
                url = _target(answer)
            seconds = deadline.left()
        detail = f"it redirects more than {MAX_REDIRECTS} times: name the address where it ends"
        raise FetchFailed("unreachable", detail)

    def _admit(self, url: "URL") -> None:
        rules = self._robots.rules(url)
        if not rules.allows(url):
            detail = f"the robots.txt of {url.host} disallows {url}: ask its owner, or take it out"
            raise FetchFailed("disallowed_by_robots", detail)
        self._pauses.wait(url, rules.delay)

    def _robots_text(self, address: "URL") -> bytes:
        def take(answer: Answer) -> bytes:
            check_status(answer)
            return beginning(answer, MAX_BYTES)

        return self._follow(address, self._pauses.wait, lambda url: {"Accept": "text/plain"}, take)

    @functools.cached_property
    def _tls(self) -> ssl.SSLContext:
        from httpcore import default_ssl_context

        return self._ssl_context or default_ssl_context()


def _target(answer: Answer) -> "URL":
    """Where a redirect leads; raises FetchFailed."""
    location = answer.headers.get("location")
    if not location:
        raise FetchFailed("unreachable", f"it answers {answer.status} and names no target: check the address")
    try:
        target = web_url(location, answer.url)
    except FetchFailed as failed:
        raise FetchFailed("forbidden_address", f"{answer.url} redirects: {failed.detail}") from None
    if answer.url.scheme == "https" and target.scheme == "http":
        detail = f"{answer.url} redirects to {target}, which is not encrypted: name its https address"
        raise FetchFailed("forbidden_address", detail)
    return target


def _check_type(media: str, types: Collection[str]) -> None:
    if media not in types:
        told = f"it is {media[:60] or 'of no named type'}, not {' or '.join(sorted(types))}"
        raise FetchFailed("wrong_content_type", f"{told}: name an address of such a type")
