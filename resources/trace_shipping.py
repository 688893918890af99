"""TraceShipping: a server's requests go into the log of a home in S3, beside the answers."""

import logging
import threading
import time
from typing import Final

from resources.shared_traces import SharedTraces

log = logging.getLogger(__name__)

SHIP_SECONDS: Final = 10.0
COMPLAINT_SECONDS: Final = 60.0
CLOSE_SECONDS: Final = 10.0


class TraceShipping:
    """Ships what is written to a store every few seconds, in a thread of its own.

    `close` it: then the rest is shipped too. What a killed server had not shipped stays on its disk, and
    goes when a server begins there again. While S3 is away it is tried again and again.
    """

    def __init__(self, store: SharedTraces, seconds: float = SHIP_SECONDS) -> None:
        self._store = store
        self._seconds = seconds
        self._complained = -COMPLAINT_SECONDS
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="shipping", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ship what is left, for ten seconds at most; the log says where that did not work."""
        self._closed.set()
        self._thread.join(CLOSE_SECONDS)
        if self._thread.is_alive():
            log.error("not all requests of %s are in S3: it did not answer in time", self._store.path)

    def _run(self) -> None:
        while not self._closed.wait(self._seconds):
            self._ship()
        self._complained = -COMPLAINT_SECONDS
        self._ship()

    def _ship(self) -> None:
        try:
            self._store.pull()
            self._store.ship()
        except Exception:
            if time.monotonic() - self._complained >= COMPLAINT_SECONDS:
                self._complained = time.monotonic()
                log.exception("the requests of %s cannot be shipped to S3 just now", self._store.path)
