"""How long each step of answering a question took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Spans:
    """Milliseconds by name; a step that happens twice is counted twice under its one name."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._spans: dict[str, float] = {}

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Measure what happens inside, also where it fails."""
        started = time.perf_counter()
        try:
            yield
        finally:
            spent = (time.perf_counter() - started) * 1000
            self._spans[name] = round(self._spans.get(name, 0.0) + spent, 2)

    def milliseconds(self) -> dict[str, float]:
        """Each span, and `total` since this object was made."""
        return self._spans | {"total": round((time.perf_counter() - self._started) * 1000, 2)}
