"""robots.txt: what a host asks programs to leave alone, and how slowly to come (RFC 9309)."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from resources.addresses import web_url
from resources.fetch_page import FetchFailed

if TYPE_CHECKING:
    from httpx import URL

# The product token by which robots.txt addresses this program, and its User-Agent header.
USER_AGENT: Final = "llm-twin"
MAX_BYTES: Final = 500_000
MAX_DELAY_SECONDS: Final = 10.0
# A rule file is not used longer than a day (RFC 9309, section 2.4); a failure is tried again soon.
KEPT_SECONDS: Final = 24 * 3600.0
FAILED_SECONDS: Final = 60.0


class Rules:
    """The rules of one robots.txt that are for this program."""

    def __init__(self, text: bytes) -> None:
        from protego import Protego

        self._rules: Any = Protego.parse(text[:MAX_BYTES].decode("utf-8-sig", "replace"))

    def allows(self, url: "URL") -> bool:
        """Whether an address of this host may be fetched."""
        return bool(self._rules.can_fetch(str(url), USER_AGENT))

    @property
    def delay(self) -> float:
        """The seconds between requests that the host asks for, at most ten."""
        return min(self._rules.crawl_delay(USER_AGENT) or 0.0, MAX_DELAY_SECONDS)


@dataclass
class _Host:
    lock: threading.Lock = field(default_factory=threading.Lock)
    rules: Rules | None = None
    failed: FetchFailed | None = None
    until: float = float("-inf")


class Robots:
    """The rules of every host that was asked for, each read once.

    `read` gives the beginning of the file at an address, or raises FetchFailed; `clock` is in seconds.
    """

    def __init__(self, read: Callable[["URL"], bytes], clock: Callable[[], float]) -> None:
        self._read = read
        self._clock = clock
        self._lock = threading.Lock()
        self._hosts: dict[tuple[str, bytes], _Host] = {}

    def rules(self, url: "URL") -> Rules:
        """The rules for an address's host; raises FetchFailed where they cannot be had just now."""
        with self._lock:
            host = self._hosts.setdefault((url.scheme, url.netloc), _Host())
        with host.lock:
            if self._clock() >= host.until:
                self._renew(host, web_url("/robots.txt", url))
            if host.rules is None:
                assert host.failed is not None
                raise host.failed.with_traceback(None)
            return host.rules

    def _renew(self, host: _Host, address: "URL") -> None:
        host.rules, host.failed = None, None
        try:
            host.rules = Rules(self._text(address))
            host.until = self._clock() + KEPT_SECONDS
        except FetchFailed as failed:
            host.failed = failed
            host.until = self._clock() + FAILED_SECONDS

    def _text(self, address: "URL") -> bytes:
        try:
            return self._read(address)
        except FetchFailed as failed:
            if failed.reason == "forbidden_address":
                raise
            if not failed.transient:
                return b""  # a host without rules allows everything
            detail = f"{address} must be read first, and cannot be just now: {failed.detail}"
            raise FetchFailed("unreachable", detail, transient=True) from None
