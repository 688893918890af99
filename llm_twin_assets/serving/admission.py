"""Who may be answered now: a bounded number at once, a bounded queue in order, a share for each key."""

import asyncio
import contextlib
import math
from collections import Counter
from collections.abc import AsyncIterator
from typing import Final

# How much the newest answer weighs in the mean of the answers' times.
NEWEST_WEIGHT: Final = 0.1


class Busy(Exception):
    """There is no room for one more question; `retry_after` says in how many seconds there may be."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooSlow(Exception):
    """An answer took longer than it may."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the answer was not there after {seconds:g} s: ask for a shorter one, or later")


class Admission:
    """Admits questions in the order in which they came; for one event loop.

    running: answers given at once; waiting: questions that wait besides; per_key: how many of both
    one key may have. Where no keys exist nobody can be told apart, and per_key bounds nothing.
    """

    def __init__(self, running: int, waiting: int, per_key: int) -> None:
        self._most_running, self._most_waiting, self._per_key = running, waiting, per_key
        self._slots = asyncio.Semaphore(running)
        self._inside = 0
        self._of_key: Counter[str] = Counter()
        self._mean_seconds = 0.0

    @property
    def running(self) -> int:
        """How many answers are being given."""
        return min(self._inside, self._most_running)

    @property
    def waiting(self) -> int:
        """How many questions wait for their turn."""
        # A slot is never left empty while somebody waits, so whoever has none is waiting.
        return max(0, self._inside - self._most_running)

    @contextlib.asynccontextmanager
    async def admitted(self, key_id: str | None) -> AsyncIterator[None]:
        """Wait for a slot and hold it; raises Busy at once where there is no room to wait.

        Enter it before the response begins, and leave it only when nothing works on the answer any more.
        """
        self._come(key_id)
        try:
            async with self._slots:
                started = asyncio.get_running_loop().time()
                try:
                    yield
                finally:
                    self._learn(asyncio.get_running_loop().time() - started)
        finally:
            self._go(key_id)

    def _come(self, key_id: str | None) -> None:
        if self._inside >= self._most_running + self._most_waiting:
            raise Busy(f"the server is busy: {self.waiting} questions wait already", self._retry_after())
        if key_id is not None and self._of_key[key_id] >= self._per_key:
            raise Busy(f"this key has {self._per_key} questions at once already", self._retry_after())
        self._inside += 1
        if key_id is not None:
            self._of_key[key_id] += 1

    def _go(self, key_id: str | None) -> None:
        self._inside -= 1
        if key_id is not None:
            self._of_key[key_id] -= 1
            if not self._of_key[key_id]:
                del self._of_key[key_id]

    def _learn(self, seconds: float) -> None:
        weight = NEWEST_WEIGHT if self._mean_seconds else 1.0
        self._mean_seconds += weight * (seconds - self._mean_seconds)

    def _retry_after(self) -> int:
        """Seconds until one more question behind those that wait now would have its turn, at least 1."""
        return max(1, math.ceil(self._mean_seconds * (self.waiting + 1) / self._most_running))
