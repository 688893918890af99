"""TraceStore: a record of every request a twin was asked, and what people said of the answers, in SQLite."""

import contextlib
import json
import secrets
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from resources.files import replacing
from resources.locks import Locks

# 74 bits of a uuid7 are random; the step between two ids of one millisecond is random too.
_RANDOM_BITS: Final = 74
_STEP_BITS: Final = 32
BUSY_SECONDS: Final = 30.0
# Every column of a record; what the database of an earlier version lacks is added as it stands here.
_DECLARED: Final = {
    "trace_id": "TEXT NOT NULL UNIQUE",
    "thread_id": "TEXT",
    "twin": "TEXT NOT NULL",
    "created_at": "TEXT NOT NULL",
    "release_id": "TEXT NOT NULL",
    "index_id": "TEXT NOT NULL",
    "question": "TEXT NOT NULL",
    "answer": "TEXT NOT NULL",
    "declined": "INTEGER NOT NULL",
    "retrieved": "TEXT NOT NULL",
    "timings_ms": "TEXT NOT NULL",
    "prompt_tokens": "INTEGER NOT NULL",
    "completion_tokens": "INTEGER NOT NULL",
    "error": "TEXT",
    "understood": "TEXT NOT NULL DEFAULT '{}'",
    "arm": "TEXT NOT NULL DEFAULT ''",
    "standalone": "TEXT NOT NULL DEFAULT ''",
    "citations": "TEXT NOT NULL DEFAULT '[]'",
    "key_id": "TEXT",
    "first_token_ms": "REAL",
    "cost": "REAL NOT NULL DEFAULT 0",
}
_TRACES: Final = f"""
CREATE TABLE traces (
  position INTEGER PRIMARY KEY AUTOINCREMENT, {", ".join(" ".join(column) for column in _DECLARED.items())}
);
CREATE INDEX traces_of_twin ON traces (twin, position);
"""
_FEEDBACK: Final = """
CREATE TABLE IF NOT EXISTS feedback (
  position INTEGER PRIMARY KEY AUTOINCREMENT, trace_id TEXT NOT NULL, twin TEXT NOT NULL,
  created_at TEXT NOT NULL, value INTEGER, comment TEXT, correction TEXT, key_id TEXT
);
CREATE INDEX IF NOT EXISTS feedback_of_twin ON feedback (twin, position);
CREATE INDEX IF NOT EXISTS feedback_of_trace ON feedback (trace_id);
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
    span, `understood` how the question was read: its filters and wordings, `citations` the uri, start,
    end, document_id, chunk_id and hash of each quotation. `standalone` is the question as rewritten from
    the conversation, empty where it was not; `arm` is "", "canary" or "control"; `key_id` names the API
    key that asked. `first_token_ms` is None where nothing was said; `cost` is in the price's own money.
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
    arm: str = ""
    standalone: str = ""
    citations: list[dict[str, Any]] = field(default_factory=list)
    key_id: str | None = None
    first_token_ms: float | None = None
    cost: float = 0.0


@dataclass(frozen=True)
class Feedback:
    """What somebody said of an answer: a thumb (1, -1, 0 takes it back), words, the answer as it should be.

    None is what was not said. More of it on the same trace is a later row and changes no earlier one:
    of each field, what was said last stands.
    """

    trace_id: str
    created_at: str
    value: int | None = None
    comment: str | None = None
    correction: str | None = None
    key_id: str | None = None


COLUMNS: Final = tuple(column.name for column in fields(Trace))
_JSON: Final = ("retrieved", "timings_ms", "understood", "citations")
SAID: Final = ("twin", *(column.name for column in fields(Feedback)))
_INSERT: Final = f"INSERT INTO traces ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
_INSERT_FEEDBACK: Final = """
INSERT INTO feedback (trace_id, twin, created_at, value, comment, correction, key_id)
SELECT trace_id, twin, ?, ?, ?, ?, ? FROM traces WHERE trace_id = ?
"""


class UnknownTrace(LookupError):
    """A trace was named that is not recorded, or not any more."""


class TraceStore:
    """`traces.db` in a home folder; any number of processes may read while one writes."""

    def __init__(self, home: Path) -> None:
        self.path = home / "traces.db"
        self._locks = Locks(home / "locks")
        self._current = False

    def append(self, trace: Trace) -> None:
        """Record a request; the same trace id twice is an error of sqlite3."""
        with self._written() as database:
            database.execute(_INSERT, row_of(trace))

    def append_all(self, traces: Sequence[Trace]) -> None:
        """Record requests, all or none; one that is recorded already is left as it is."""
        with self._written() as database:
            statement = f"{_INSERT} ON CONFLICT (trace_id) DO NOTHING"
            database.executemany(statement, [row_of(trace) for trace in traces])

    def since(
        self, twin: str, trace_id: str | None = None, columns: Sequence[str] = COLUMNS
    ) -> list[dict[str, Any]]:
        """A twin's requests recorded after that of `trace_id`, in the order they were recorded.

        Order of recording, not of ids: a slow request is recorded after a quick one that began
        later. All of them without `trace_id`, or when it is not known (any more). columns: which fields of
        Trace are read.
        """
        after = "SELECT coalesce(max(position), 0) FROM traces WHERE trace_id = ?"
        query = f"{_select(columns)} twin = ? AND position > ({after}) ORDER BY position"
        return [as_told(values, columns) for values in self._read(query, twin, trace_id)]

    def newest(self, twin: str) -> str | None:
        """The id of the twin's request that was recorded last."""
        query = "SELECT trace_id FROM traces WHERE twin = ? ORDER BY position DESC LIMIT 1"
        found = self._read(query, twin)
        return str(found[0][0]) if found else None

    def trace(self, trace_id: str) -> dict[str, Any] | None:
        """The request with this id, as `since` gives it, or None."""
        found = self._read(f"{_select(COLUMNS)} trace_id = ?", trace_id)
        return as_told(found[0], COLUMNS) if found else None

    def give_feedback(self, feedback: Feedback) -> None:
        """Append what was said of an answer. Raises UnknownTrace."""
        said = (feedback.created_at, feedback.value, feedback.comment, feedback.correction, feedback.key_id)
        with self._written() as database:
            added = database.execute(_INSERT_FEEDBACK, (*said, feedback.trace_id)).rowcount
        if not added:
            raise UnknownTrace(f"there is no trace {feedback.trace_id!r}")

    def feedback_since(self, twin: str, position: int = 0) -> list[dict[str, Any]]:
        """What was said of a twin's answers after a position, in the order it was said.

        Rows have the fields of Feedback, `twin`, and the `position` to go on from.
        """
        names = ("position", *SAID)
        query = f"SELECT {', '.join(names)} FROM feedback WHERE twin = ? AND position > ? ORDER BY position"
        return [dict(zip(names, values, strict=True)) for values in self._read(query, twin, position)]

    def forget_before(self, moment: str) -> int:
        """Delete the requests that were made before an ISO moment, with all feedback; returns how many.

        UTC where the moment names no zone. Their words are overwritten in the file and its log. Raises
        ValueError where it is no moment.
        """
        before = in_utc(moment)
        if not self.path.exists():
            return 0
        with self._connected() as database:
            forgotten = forget(database, before)
            database.commit()
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return forgotten

    def _read(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a query; none, and nothing is made, where nothing was ever recorded."""
        if not self.path.exists():
            return []
        with self._connected() as database:
            return database.execute(query, values).fetchall()

    @contextlib.contextmanager
    def _written(self) -> Iterator[sqlite3.Connection]:
        if not self.path.exists():
            self._create()
        with self._connected() as database:
            yield database

    @contextlib.contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(sqlite3.connect(self.path, timeout=BUSY_SECONDS)) as database, database:
            if not self._current:
                self._extend(database)
            yield database

    def _extend(self, database: sqlite3.Connection) -> None:
        """Give a database that an earlier version made what it lacks."""
        with self._locks.held("traces"):
            there = {column[1] for column in database.execute("PRAGMA table_info(traces)")}
            for name in set(COLUMNS) - there:
                database.execute(f"ALTER TABLE traces ADD COLUMN {name} {_DECLARED[name]}")
            database.executescript(_FEEDBACK)
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
                database.executescript(_TRACES + _FEEDBACK)


def forget(database: sqlite3.Connection, before: str) -> int:
    """Delete what was asked before a moment, and what was said of it; returns how many requests that were."""
    old = "SELECT trace_id FROM traces WHERE julianday(created_at) < julianday(?)"
    database.execute("PRAGMA secure_delete = ON")
    database.execute(f"DELETE FROM feedback WHERE trace_id IN ({old})", (before,))
    return database.execute(f"DELETE FROM traces WHERE trace_id IN ({old})", (before,)).rowcount


def row_of(trace: Trace) -> list[Any]:
    """What goes into the columns; SQLite has no lists."""
    row = asdict(trace)
    return [json.dumps(row[name], ensure_ascii=False) if name in _JSON else row[name] for name in COLUMNS]


def _select(columns: Sequence[str]) -> str:
    return f"SELECT {', '.join(columns)} FROM traces WHERE"


def as_told(values: Sequence[Any], columns: Sequence[str] = COLUMNS) -> dict[str, Any]:
    """A request's columns by name; those that SQLite cannot hold are JSON."""
    row = dict(zip(columns, values, strict=True))
    return row | ({"declined": bool(row["declined"])} if "declined" in row else {})


def in_utc(moment: str) -> str:
    """A moment in the one way of writing it that SQLite reads as Python does; raises ValueError for none."""
    given = datetime.fromisoformat(moment)
    zoned = given if given.tzinfo else given.replace(tzinfo=UTC)
    return zoned.astimezone(UTC).isoformat(" ", "milliseconds")
