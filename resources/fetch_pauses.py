"""Politeness: requests to one host start with a pause between them."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from resources.addresses import host_of, port_of

if TYPE_CHECKING:
    from httpx import URL


class Pauses:
    """Holds every request back until its host has had its pause, in seconds; for all threads together."""

    def __init__(self, seconds: float, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._started: dict[tuple[str, int], float] = {}

    def wait(self, url: "URL", delay: float = 0.0) -> None:
        """Return when a request to this host may start; `delay` is the pause that the host asks for."""
        key = (host_of(url), port_of(url))
        with self._lock:
            now = self._clock()
            last = self._started.get(key)
            start = now if last is None else max(now, last + max(self._seconds, delay))
            self._started[key] = start
        if start > now:
            self._sleep(start - now)
