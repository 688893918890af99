"""TraceWriter: records go to the store beside the answers, so that nobody waits for the disk."""

import logging
import sqlite3
import threading
import time
from collections import deque
from typing import Final

from resources.traces import Trace, TraceStore

log = logging.getLogger(__name__)

# Some 30 MB of records with their passages.
WAITING: Final = 1000
RETRY_SECONDS: Final = 0.5
COMPLAINT_SECONDS: Final = 60.0
CLOSE_SECONDS: Final = 10.0
# What is wrong with a record itself; whatever else goes wrong is the disk, and is tried again.
_UNFIT: Final = (
    TypeError,
    ValueError,
    OverflowError,
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)


class TraceWriter:
    """Appends requests to a store in a thread of its own, in one transaction what is waiting.

    `close` it: then nothing is lost. A killed process loses at most what is waiting, which is what came
    during the transaction that runs, or since the disk began to fail. While it fails the records wait,
    and it is tried again.
    """

    def __init__(self, store: TraceStore, waiting: int = WAITING) -> None:
        self._store = store
        self._room = waiting
        self._waiting: deque[Trace] = deque()
        self._taken = self._done = self._lost = 0
        self._complained = -COMPLAINT_SECONDS
        self._closed = False
        self._given_up = threading.Event()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
        self._thread.start()

    def put(self, trace: Trace) -> None:
        """Have a request recorded; never raises.

        Returns at once, unless as many wait as may: then, and once this is closed, it is written here,
        and only where that fails too is it lost, which the log says.
        """
        with self._changed:
            if not self._closed and len(self._waiting) < self._room:
                self._waiting.append(trace)
                self._taken += 1
                self._changed.notify_all()
                return
        try:
            self._store.append_all([trace])
        except Exception as error:
            self._complain(error, lost=1)

    def flush(self, seconds: float = CLOSE_SECONDS) -> bool:
        """Wait until what was put before is in the store; returns whether it is."""
        with self._changed:
            taken = self._taken
            return self._changed.wait_for(lambda: self._done >= taken, seconds)

    def close(self) -> None:
        """Write what waits, for ten seconds at most; the log says how much could not be written."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(CLOSE_SECONDS)
        self._given_up.set()
        with self._changed:
            if self._waiting:
                log.error(
                    "%s requests are not in %s: it cannot be written", len(self._waiting), self._store.path
                )

    def _run(self) -> None:
        while batch := self._next():
            if not self._write(batch):
                return
            with self._changed:
                for _ in batch:
                    self._waiting.popleft()
                self._done += len(batch)
                self._changed.notify_all()

    def _next(self) -> list[Trace]:
        """What waits; it stays there until it is written. Nothing once this is closed and all is done."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            return list(self._waiting)

    def _write(self, batch: list[Trace]) -> bool:
        """Write records, however often it takes; returns whether that came to an end."""
        while True:
            try:
                self._store.append_all(batch)
                return True
            except _UNFIT:
                return self._write_each(batch)
            except Exception as error:
                self._complain(error)
            if self._given_up.wait(RETRY_SECONDS):
                return False

    def _write_each(self, batch: list[Trace]) -> bool:
        """Find the record that cannot be written, and write the others."""
        if len(batch) > 1:
            return all(self._write([trace]) for trace in batch)
        log.exception("request %s cannot be recorded", batch[0].trace_id)
        return True

    def _complain(self, error: Exception, lost: int = 0) -> None:
        with self._changed:
            self._lost += lost
            if time.monotonic() - self._complained < COMPLAINT_SECONDS:
                return
            self._complained = time.monotonic()
            waiting, gone = len(self._waiting), self._lost
        said = "%s cannot be written: %s requests wait, %s are lost so far"
        log.error(said, self._store.path, waiting, gone, exc_info=error)
