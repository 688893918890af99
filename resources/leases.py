"""Leases: locks for a home in S3, where no kernel frees what a dead holder has.

A lease is an object that one writer alone can create, and that its holder writes again while it lives. One
that was not written for as long as it says is free to take. Among the processes of one machine a file lock
decides first, so what a holder left that died there is seen at once.
"""

import contextlib
import json
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from resources import s3
from resources.locks import Locks
from resources.places import Place, is_remote, scratch_of

if TYPE_CHECKING:
    from cloudpathlib import S3Path

log = logging.getLogger(__name__)

LEASE_SECONDS: Final = 30.0
# An object's time is told in whole seconds.
GRAIN_SECONDS: Final = 1.0
LONGEST_PAUSE: Final = 2.0


class LeaseLost(RuntimeError):
    """A writer no longer holds the lease on what it writes; it says so instead of writing."""

    def __init__(self, path: "S3Path") -> None:
        super().__init__(
            f"the lease {path} was lost while it was held: this process stood still, or could not reach S3; "
            "nothing more was written, run it again"
        )


def locks_of(home: Place, tell: Callable[[str], None] = log.warning) -> Locks:
    """The locks on what lies in a home: of the kernel for a local folder, leases in S3."""
    return Leases(home, tell) if is_remote(home) else Locks(scratch_of(home) / "locks", tell)


def check_held() -> None:
    """Raise LeaseLost where a lease that the caller is inside of is no longer its own."""
    for lease in _inside.get():
        lease.check()


class Leases(Locks):
    """Named exclusive leases of one home in S3, `locks/<name>.json`."""

    def __init__(
        self, home: "S3Path", tell: Callable[[str], None] = log.warning, seconds: float = LEASE_SECONDS
    ) -> None:
        super().__init__(scratch_of(home) / "locks", tell)
        self._local = Locks(self.folder, tell)
        self._home = home
        self._seconds = seconds

    @contextlib.contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Hold a lease; where another has it, say so once and wait. Raises LeaseLost at the end."""
        with self._local.held(name):
            lease = self._lease(name)
            if not lease.take():
                self._tell(f"waiting for {name}: {lease.holder()} is writing it")
                while not lease.take():
                    time.sleep(lease.pause())
            with _kept(lease):
                yield

    @contextlib.contextmanager
    def tried(self, name: str) -> Iterator[bool]:
        """Hold a lease if it is free; yields whether it was. Raises LeaseLost at the end."""
        with self._local.tried(name) as mine:
            lease = self._lease(name)
            if not mine or not lease.take():
                yield False
                return
            with _kept(lease):
                yield True

    def is_free(self, name: str) -> bool:
        """Whether nobody holds the lease; only looks."""
        return self._local.is_free(name) and self._lease(name).is_free()

    def holder(self, name: str) -> int | None:
        """The id of the process that holds the lease, on whatever machine, or None when it is free."""
        return self._local.holder(name) or self._lease(name).pid()

    def _lease(self, name: str) -> "_Lease":
        path = self._home / "locks" / f"{name.replace('/', '.')}.json"
        return _Lease(path, self._machine, self._seconds)

    @cached_property
    def _machine(self) -> str:
        """What tells this machine, and the folder that its file locks lie in, from all others."""
        file = self.folder / "machine"
        with self._local.held("machine"):
            known = file.read_text() if file.exists() else ""
            if not known:
                known = uuid.uuid4().hex
                file.write_text(known)
        return f"{socket.gethostname()} {known}"


@dataclass
class _Lease:
    """One lease, taken or not. Whoever takes it holds this machine's file lock of the same name."""

    path: "S3Path"
    machine: str
    seconds: float

    def __post_init__(self) -> None:
        self._id = uuid.uuid4().hex
        self._etag: str | None = None
        self._beats = 0
        self._until = 0.0
        self._ended = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name=f"lease {self.path}", daemon=True)

    def take(self) -> bool:
        """Create the lease, or take it over from a dead holder; says whether it is ours now."""
        if self._put(new=True):
            return True
        found = s3.get(self.path)
        if found is None:
            return False  # it was given back just now: the next try creates it
        # Ours where an answer was lost on its way, and the library asked again.
        return (self._is_ours(found) or self._is_dead(found)) and self._put(match=found.etag)

    def keep(self) -> None:
        """Write the lease again and again, in a thread of its own, until it is given back or lost."""
        self._keeper.start()

    def _keep(self) -> None:
        while not self._ended.wait(self.seconds / 3):
            try:
                held = self._put(match=self._etag) or self._again()
            except Exception:
                log.warning("the lease %s could not be written again just now", self.path, exc_info=True)
                continue
            if not held:
                self._until = 0.0
                return

    def give_back(self) -> None:
        """Let anybody have it; one that was lost is left to whoever has it now."""
        self._ended.set()
        # What is being written just now would not be removed.
        self._keeper.join()
        s3.remove(self.path, match=self._etag)

    def check(self) -> None:
        """Raise LeaseLost unless the lease is ours, and stays so for long enough to write something."""
        if _now() > self._until - self.seconds / 6:
            raise LeaseLost(self.path)

    def is_free(self) -> bool:
        """Whether nobody holds it."""
        found = s3.get(self.path)
        return found is None or self._is_dead(found)

    def pid(self) -> int | None:
        """The process that holds it."""
        found = s3.get(self.path)
        return None if found is None or self._is_dead(found) else int(json.loads(found.body)["pid"])

    def holder(self) -> str:
        """Who holds it, for a person."""
        found = s3.get(self.path)
        about = json.loads(found.body) if found else {}
        return f"process {about.get('pid', 'unknown')} on {about.get('host', 'another machine')}"

    def pause(self) -> float:
        """Seconds until the next try."""
        return min(LONGEST_PAUSE, self.seconds / 10)

    def _put(self, match: str | None = None, new: bool = False) -> bool:
        began = _now()
        # Each time other bytes, so that each time it has another ETag.
        self._beats += 1
        about: dict[str, Any] = {"holder": self._id, "machine": self.machine, "host": socket.gethostname()}
        about |= {"pid": os.getpid(), "seconds": self.seconds, "beats": self._beats}
        etag = s3.put(self.path, json.dumps(about).encode(), match=match, new=new)
        if etag is None:
            return False
        self._etag, self._until = etag, began + self.seconds
        return True

    def _again(self) -> bool:
        """Whether a renewal that was refused had arrived before, under an answer that got lost."""
        found = s3.get(self.path)
        if found is None or not self._is_ours(found):
            return False
        return self._put(match=found.etag)

    def _is_ours(self, found: s3.Found) -> bool:
        return bool(json.loads(found.body)["holder"] == self._id)

    def _is_dead(self, found: s3.Found) -> bool:
        """Whether its holder stopped writing it, or died on this machine, where we have its file lock."""
        about: dict[str, Any] = json.loads(found.body)
        return about["machine"] == self.machine or found.age > about["seconds"] + GRAIN_SECONDS


_inside: ContextVar[tuple[_Lease, ...]] = ContextVar("the leases that the caller holds", default=())


@contextlib.contextmanager
def _kept(lease: _Lease) -> Iterator[None]:
    """Write a lease again while the caller works; whoever lost it hears of it at the latest in the end."""
    lease.keep()
    before = _inside.get()
    _inside.set((*before, lease))
    try:
        yield
        lease.check()
    finally:
        _inside.set(before)
        lease.give_back()


def _now() -> float:
    """Seconds that go on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
