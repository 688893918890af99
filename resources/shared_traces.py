"""SharedTraces: the trace store of a home in S3, of which every machine's database is a copy.

What is recorded here waits in a file of its own until `ship` puts it into the log. What is in the log comes
into the copy with `pull`, in the log's order, so all copies hold the same requests at the same positions.
"""

import contextlib
import json
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from resources.leases import locks_of
from resources.places import Place, is_remote, scratch_of
from resources.trace_log import FEEDBACK, FORGET, TRACE, Record, TraceLog
from resources.traces import (
    BUSY_SECONDS,
    COLUMNS,
    SAID,
    Feedback,
    Trace,
    TraceStore,
    UnknownTrace,
    as_told,
    forget,
    in_utc,
    row_of,
)

if TYPE_CHECKING:
    from cloudpathlib import S3Path

# Some 30 MB of records before they are packed.
BATCH: Final = 1000
# So many batches are more work than one snapshot.
MANY: Final = 100
LEASE: Final = "traces"
_WAITING: Final = """
CREATE TABLE IF NOT EXISTS waiting (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  trace_id TEXT NOT NULL, kind TEXT NOT NULL, content TEXT NOT NULL
)
"""
_TAKEN: Final = (
    "CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY CHECK (id = 1), taken INTEGER NOT NULL)"
)


class SharedTraces(TraceStore):
    """`traces.db` in this machine's folder for a home in S3, and beside it what is not shipped yet."""

    def __init__(self, home: "S3Path") -> None:
        super().__init__(scratch_of(home))
        self._log = TraceLog(home)
        self._leases = locks_of(home)

    def append(self, trace: Trace) -> None:
        """Record a request: it stands on this machine's disk, and is read once it was shipped."""
        self.append_all([trace])

    def append_all(self, traces: Sequence[Trace]) -> None:
        """Record requests, all or none. One that is recorded twice is read once."""
        self._wait(Record(TRACE, dict(zip(COLUMNS, row_of(trace), strict=True))) for trace in traces)

    def give_feedback(self, feedback: Feedback) -> None:
        """Append what was said of an answer, whichever machine gave it. Raises UnknownTrace."""
        known = self.trace(feedback.trace_id)
        if known is None:
            raise UnknownTrace(f"there is no trace {feedback.trace_id!r}")
        self._wait([Record(FEEDBACK, {"twin": known["twin"], **asdict(feedback)})])

    def since(
        self, twin: str, trace_id: str | None = None, columns: Sequence[str] = COLUMNS
    ) -> list[dict[str, Any]]:
        """As in every trace store, of all machines."""
        self._catch_up()
        return super().since(twin, trace_id, columns)

    def newest(self, twin: str) -> str | None:
        """As in every trace store, of all machines."""
        self._catch_up()
        return super().newest(twin)

    def feedback_since(self, twin: str, position: int = 0) -> list[dict[str, Any]]:
        """As in every trace store, of all machines."""
        self._catch_up()
        return super().feedback_since(twin, position)

    def trace(self, trace_id: str) -> dict[str, Any] | None:
        """As in every trace store; what this machine does not know is looked for in the log."""
        found = super().trace(trace_id) or self._waiting_trace(trace_id)
        if found is None:
            self.pull()
            found = super().trace(trace_id)
        return found

    def forget_before(self, moment: str) -> int:
        """As in every trace store, on every machine: each forgets the same when it pulls next."""
        before = in_utc(moment)
        self._catch_up()
        old = "SELECT count(*) FROM traces WHERE julianday(created_at) < julianday(?)"
        count = sum(int(row[0]) for row in self._read(old, before))
        if count:
            with self._leases.held(LEASE):
                self._log.append([Record(FORGET, {"before": before})], self._taken())
                self.pull()
                self._keep()
        return count

    def ship(self) -> int:
        """Put what waits here into the log; returns how many records. A crash may put some twice."""
        shipped = 0
        while waiting := self._next():
            # A number that is far behind may have been given and removed.
            self.pull()
            self._log.append([record for _, record in waiting], self._taken())
            # What waits no more is to be found in the copy.
            self.pull()
            with self._queue() as database:
                database.execute("DELETE FROM waiting WHERE position <= ?", (waiting[-1][0],))
            shipped += len(waiting)
        return shipped

    def pull(self) -> int:
        """Take in what was shipped, and a snapshot for batches that are gone; returns how many batches.

        Raises LookupError where the log lacks a batch.
        """
        came = 0
        while numbers := self._log.numbers(taken := self._taken()):
            if numbers[0] != taken + 1 or (not taken and len(numbers) > MANY):
                self._take_snapshot()
            came += sum(self._take_in(number) for number in numbers)
            if self._taken() == taken:
                raise LookupError(f"the log of traces lacks batch {taken + 1}")
        return came

    def _catch_up(self) -> None:
        """Have what all machines shipped, and what waits on this one; leave a snapshot after much work."""
        came = self.pull()
        self.ship()
        if came >= MANY:
            with self._leases.tried(LEASE) as mine:
                if mine:
                    self._keep()

    def _keep(self) -> None:
        """Put a snapshot of the copy."""
        with _folder_beside(self.path) as folder:
            with self._written() as database:
                database.execute("VACUUM INTO ?", (str(folder / "snapshot.db"),))
            with contextlib.closing(sqlite3.connect(folder / "snapshot.db")) as snapshot:
                number = _taken(snapshot)
            self._log.put_snapshot(folder / "snapshot.db", number)

    def _take_snapshot(self) -> None:
        """Let the copy be the snapshot, where that is further."""
        with _folder_beside(self.path) as folder:
            if not self._log.fetch_snapshot(folder / "snapshot.db"):
                return
            with contextlib.closing(sqlite3.connect(folder / "snapshot.db")) as snapshot:
                # An earlier version may have made it.
                self._extend(snapshot)
                with self._written() as database:
                    if _taken(snapshot) > _taken(database):
                        snapshot.backup(database)
                        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _take_in(self, number: int) -> bool:
        """Take in the batch that is next, and let another be. Returns whether it was taken in here."""
        if self._taken() != number - 1:
            return False
        records = self._log.read(number)
        with self._written() as database:
            taken = _take_batch(database, number, records)
            database.commit()
            if any(record.kind == FORGET for record in records):
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return taken

    def _taken(self) -> int:
        with self._written() as database:
            return _taken(database)

    def _extend(self, database: sqlite3.Connection) -> None:
        super()._extend(database)
        database.execute(_TAKEN)

    def _wait(self, records: Iterable[Record]) -> None:
        rows = [
            (one.content["trace_id"], one.kind, json.dumps(one.content, ensure_ascii=False))
            for one in records
        ]
        with self._queue() as database:
            database.executemany("INSERT INTO waiting (trace_id, kind, content) VALUES (?, ?, ?)", rows)

    def _next(self) -> list[tuple[int, Record]]:
        """What waits longest, with its positions."""
        with self._queue() as database:
            query = "SELECT position, kind, content FROM waiting ORDER BY position LIMIT ?"
            return [
                (at, Record(kind, json.loads(told))) for at, kind, told in database.execute(query, (BATCH,))
            ]

    def _waiting_trace(self, trace_id: str) -> dict[str, Any] | None:
        with self._queue() as database:
            query = "SELECT content FROM waiting WHERE trace_id = ? AND kind = ?"
            found = database.execute(query, (trace_id, TRACE)).fetchone()
        return as_told([json.loads(found[0])[name] for name in COLUMNS]) if found else None

    @contextlib.contextmanager
    def _queue(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        path = self.path.with_name("traces_waiting.db")
        with contextlib.closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as database, database:
            database.execute("PRAGMA secure_delete = ON")
            database.execute(_WAITING)
            yield database


def trace_store(home: Place) -> TraceStore:
    """The trace store of a home, shared where the home is."""
    return SharedTraces(home) if is_remote(home) else TraceStore(home)


@contextlib.contextmanager
def _folder_beside(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as name:
        yield Path(name)


def _taken(database: sqlite3.Connection) -> int:
    """The number of the last batch that a database has."""
    found = database.execute("SELECT taken FROM log").fetchone()
    return int(found[0]) if found else 0


def _take_batch(database: sqlite3.Connection, number: int, records: Iterable[Record]) -> bool:
    """Take in a batch, unless it is not the next: another process of this machine may have been quicker."""
    database.execute("BEGIN IMMEDIATE")
    if _taken(database) != number - 1:
        return False
    for record in records:
        _TAKE_IN[record.kind](database, record.content)
    database.execute("INSERT OR REPLACE INTO log VALUES (1, ?)", (number,))
    return True


def _take_trace(database: sqlite3.Connection, content: dict[str, Any]) -> None:
    # What a later version records besides is left out.
    names = [name for name in COLUMNS if name in content]
    marks = ", ".join(f":{name}" for name in names)
    database.execute(
        f"INSERT INTO traces ({', '.join(names)}) VALUES ({marks}) ON CONFLICT (trace_id) DO NOTHING", content
    )


def _take_feedback(database: sqlite3.Connection, content: dict[str, Any]) -> None:
    """Feedback has no id: what says the same of the same answer at the same moment is the same."""
    marks = ", ".join(f":{name}" for name in SAID)
    same = " AND ".join(f"{name} IS :{name}" for name in SAID)
    database.execute(
        f"INSERT INTO feedback ({', '.join(SAID)}) SELECT {marks}"
        " WHERE EXISTS (SELECT 1 FROM traces WHERE trace_id = :trace_id)"
        f" AND NOT EXISTS (SELECT 1 FROM feedback WHERE {same})",
        content,
    )


def _take_forget(database: sqlite3.Connection, content: dict[str, Any]) -> None:
    forget(database, content["before"])


_TAKE_IN: Final = {TRACE: _take_trace, FEEDBACK: _take_feedback, FORGET: _take_forget}
