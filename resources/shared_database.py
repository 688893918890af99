"""A small SQLite database that the machines of a home in S3 have in turn: fetched, written, put back."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from resources import s3
from resources.files import fetched, mark
from resources.leases import check_held, locks_of
from resources.places import Place, is_remote, scratch_of


@contextlib.contextmanager
def shared(home: Place, name: str) -> Iterator[Path]:
    """The folder of this machine in which the database `name` is the newest there is, for the caller alone.

    What was committed is put back in the end, also after an error. In a local home the folder is the home
    itself, and the database its own guard. Raises LeaseLost, and puts nothing back, where the lease was lost.
    """
    if not is_remote(home):
        yield home
        return
    here, there = scratch_of(home) / name, home / name
    with locks_of(home).held(name):
        here.parent.mkdir(parents=True, exist_ok=True)
        if s3.fetch(there, here) is None:
            here.unlink(missing_ok=True)
        came = mark(here)
        try:
            yield here.parent
        finally:
            if mark(here) != came:
                check_held()
                s3.upload(here, there)


def newest(home: Place, name: str) -> Path | None:
    """A file of this machine with what the database holds now, to read; None where there is none."""
    return fetched(home / name)
