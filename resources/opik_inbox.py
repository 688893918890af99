"""Opik's alerts as they came, until a sensor has read them: each once, in `opik_inbox.db`."""

import contextlib
import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from resources.opik_webhook import OpikAlert, points_at
from resources.traces import BUSY_SECONDS

# An alert is known for so long: Opik sends one again within minutes where no answer reached it.
KEPT_SECONDS: Final = 7 * 86_400.0
# So many alerts are read at a time.
AT_ONCE: Final = 500
LONGEST: Final = 200
DATABASE: Final = "opik_inbox.db"
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS alerts (
  position INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, received REAL NOT NULL,
  told TEXT NOT NULL
)
"""


@dataclass(frozen=True)
class Received:
    """An alert in the inbox: its name and event, and what in it may tell whom it is about.

    key: the same for the same alert, whatever its position.
    """

    position: int
    key: str
    alert: str
    event: str
    about: list[str]


class Inbox:
    """The alerts in a home. Constructing opens nothing."""

    def __init__(self, home: Path) -> None:
        self.path = home / DATABASE

    def take(self, alert: OpikAlert) -> None:
        """Keep an alert; one with a known event id changes nothing. It stands on disk when this returns."""
        about = [_plain(one) for one in points_at(alert)]
        told = json.dumps({"alert": _plain(alert.alert), "event": _plain(alert.event), "about": about})
        key = hashlib.sha256(json.dumps(alert.event_id).encode()).hexdigest()
        with self._connected() as database:
            row = (key, time.time(), told)
            database.execute("INSERT OR IGNORE INTO alerts (key, received, told) VALUES (?, ?, ?)", row)

    def after(self, position: int) -> list[Received]:
        """The next alerts behind a position, oldest first."""
        if not self.path.exists():
            return []
        with self._connected() as database:
            query = "SELECT position, key, told FROM alerts WHERE position > ? ORDER BY position LIMIT ?"
            found = database.execute(query, (position, AT_ONCE))
            return [Received(at, key, **json.loads(told)) for at, key, told in found]

    def newest(self) -> int:
        """The position of the alert that came last, also where it was forgotten; 0 where none ever came."""
        if not self.path.exists():
            return 0
        with self._connected() as database:
            # AUTOINCREMENT keeps it there.
            found = database.execute("SELECT seq FROM sqlite_sequence WHERE name = 'alerts'").fetchone()
        return int(found[0]) if found else 0

    def prune(self, position: int, kept_seconds: float = KEPT_SECONDS) -> None:
        """Forget alerts up to a position that came long ago."""
        if self.path.exists():
            with self._connected() as database:
                old = (position, time.time() - kept_seconds)
                database.execute("DELETE FROM alerts WHERE position <= ? AND received < ?", old)

    @contextlib.contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(self.path, timeout=BUSY_SECONDS)) as database, database:
            database.execute(_SCHEMA)
            yield database


def _plain(text: str) -> str:
    """A text from outside as it may stand in a run's tag: one short line without what is no character."""
    return "".join(one if one.isprintable() else " " for one in text[:LONGEST]).strip()
