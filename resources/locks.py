"""Operating-system file locks: the kernel frees them when their holder dies."""

import contextlib
import fcntl
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

log = logging.getLogger(__name__)


class Locks:
    """Named exclusive locks in one folder; each name is one thing that is written."""

    def __init__(self, folder: Path, tell: Callable[[str], None] = log.warning) -> None:
        self.folder = folder
        self._tell = tell

    @contextlib.contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Hold a lock; when another process has it, say so once and wait."""
        with self._open(name) as handle:
            if not _try(handle):
                self._tell(f"waiting for {name}: process {_holder(handle)} is writing it")
                fcntl.flock(handle, fcntl.LOCK_EX)
            _sign(handle)
            yield

    @contextlib.contextmanager
    def tried(self, name: str) -> Iterator[bool]:
        """Hold a lock if it is free; yields whether it was."""
        with self._open(name) as handle:
            taken = _try(handle)
            if taken:
                _sign(handle)
            yield taken

    def is_free(self, name: str) -> bool:
        """Whether no living process holds the lock."""
        with self.tried(name) as taken:
            return taken

    def holder(self, name: str) -> int | None:
        """The id of the living process that holds the lock, or None when it is free.

        Looks through a shared lock: who looks at the same time is never taken for the holder.
        """
        with self._open(name) as handle:
            if _try(handle, fcntl.LOCK_SH):
                return None
            holder = _holder(handle)
            return int(holder) if holder.isdigit() else None

    def _open(self, name: str) -> TextIO:
        path = self.folder / f"{name.replace('/', '.')}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a+")


def _try(handle: TextIO, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sign(handle: TextIO) -> None:
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()


def _holder(handle: TextIO) -> str:
    handle.seek(0)
    return handle.read() or "unknown"
