"""TraceStore: one record for every request that a twin was asked, in SQLite, never on the network."""

import contextlib
import json
import secrets
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from resources.files import replacing
from resources.locks import Locks

# 74 bits of a uuid7 are random; the step between two ids of one millisecond is random too.
_RANDOM_BITS: Final = 74
_STEP_BITS: Final = 32
BUSY_SECONDS: Final = 30.0
_SCHEMA: Final = """
CREATE TABLE traces (
  position INTEGER PRIMARY KEY AUTOINCREMENT, trace_id TEXT NOT NULL UNIQUE, thread_id TEXT,
  twin TEXT NOT NULL, created_at TEXT NOT NULL, release_id TEXT NOT NULL, index_id TEXT NOT NULL,
  question TEXT NOT NULL, answer TEXT NOT NULL, declined INTEGER NOT NULL, retrieved TEXT NOT NULL,
  timings_ms TEXT NOT NULL, prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, error TEXT,
  understood TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX traces_of_twin ON traces (twin, position);
"""


class Uuid7:
    """Makes version 7 UUIDs (RFC 9562, section 5.7) that only ever grow within this object."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> str:
        """A new id: 48 bits of milliseconds since 1970, then 74 bits that are random or count on."""
        with self._lock:
            drawn = (time.time_ns() // 1_000_000) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
            self._last = max(drawn, self._last + 1 + secrets.randbits(_STEP_BITS))
            return _as_uuid(self._last)


def _as_uuid(value: int) -> str:
    milliseconds, rest = value >> _RANDOM_BITS, value & ((1 << _RANDOM_BITS) - 1)
    high, low = rest >> 62, rest & ((1 << 62) - 1)
    return str(uuid.UUID(int=milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low))


new_trace_id: Final = Uuid7().next


@dataclass(frozen=True)
class Trace:
    """What one request asked and got; `error` says why there is no answer, None where there is one.

    `retrieved` holds chunk_id, content_hash and scores of each passage, `timings_ms` milliseconds per
    span, `understood` how the question was read: its filters and wordings.
    """

    trace_id: str
    twin: str
    created_at: str
    release_id: str
    index_id: str
    question: str
    answer: str = ""
    declined: bool = False
    retrieved: list[dict[str, Any]] = field(default_factory=list)
    timings_ms: dict[str, float] = field(default_factory=dict)
    understood: dict[str, Any] = field(default_factory=dict)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    thread_id: str | None = None
    error: str | None = None


_COLUMNS: Final = [column.name for column in fields(Trace)]
_JSON: Final = ("retrieved", "timings_ms", "understood")


class TraceStore:
    """`traces.db` in a home folder; any number of processes may read while one writes."""

    def __init__(self, home: Path) -> None:
        self.path = home / "traces.db"
        self._locks = Locks(home / "locks")
        self._current = False

    def append(self, trace: Trace) -> None:
        """Record a request; the same trace id twice is an error of sqlite3."""
        if not self.path.exists():
            self._create()
        values = _values(trace)
        marks = ", ".join("?" * len(values))
        with self._connected() as database:
            database.execute(f"INSERT INTO traces ({', '.join(_COLUMNS)}) VALUES ({marks})", values)

    def since(self, twin: str, trace_id: str | None = None) -> list[dict[str, Any]]:
        """A twin's requests recorded after that of `trace_id`, in the order they were recorded.

        Order of recording, not of ids: a slow request is recorded after a quick one that began
        later. All of them without `trace_id`, or when it is not known (any more).
        """
        if not self.path.exists():
            return []
        after = "SELECT coalesce(max(position), 0) FROM traces WHERE trace_id = ?"
        wanted = f"twin = ? AND position > ({after})"
        query = f"SELECT {', '.join(_COLUMNS)} FROM traces WHERE {wanted} ORDER BY position"
        with self._connected() as database:
            rows = database.execute(query, (twin, trace_id)).fetchall()
        return [_row(values) for values in rows]

    def newest(self, twin: str) -> str | None:
        """The id of the twin's request that was recorded last."""
        if not self.path.exists():
            return None
        query = "SELECT trace_id FROM traces WHERE twin = ? ORDER BY position DESC LIMIT 1"
        with self._connected() as database:
            found = database.execute(query, (twin,)).fetchone()
        return str(found[0]) if found else None

    @contextlib.contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(sqlite3.connect(self.path, timeout=BUSY_SECONDS)) as database, database:
            if not self._current:
                self._extend(database)
            yield database

    def _extend(self, database: sqlite3.Connection) -> None:
        """Give a database that an earlier version made the columns it lacks."""
        with self._locks.held("traces"):
            there = {column[1] for column in database.execute("PRAGMA table_info(traces)")}
            for name in set(_COLUMNS) - there:
                database.execute(f"ALTER TABLE traces ADD COLUMN {name} TEXT NOT NULL DEFAULT '{{}}'")
        self._current = True

    def _create(self) -> None:
        """Make the database aside: two processes that switch one file to WAL at once lock each other out."""
        with self._locks.held("traces"):
            if self.path.exists():
                return
            with (
                replacing(self.path) as temporary,
                contextlib.closing(sqlite3.connect(temporary)) as database,
            ):
                database.execute("PRAGMA journal_mode=WAL")
                database.executescript(_SCHEMA)


def _values(trace: Trace) -> list[Any]:
    """What goes into the columns; SQLite has no lists."""
    row = asdict(trace)
    return [json.dumps(row[name], ensure_ascii=False) if name in _JSON else row[name] for name in _COLUMNS]


def _row(values: tuple[Any, ...]) -> dict[str, Any]:
    row = dict(zip(_COLUMNS, values, strict=True))
    return row | {"declined": bool(row["declined"])}
