"""What is to reach Opik, and how far each record has come, in SQLite beside the trace store."""

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from resources.opik_records import LARGEST_SCORE, Score
from resources.places import Place
from resources.shared_database import shared
from resources.traces import BUSY_SECONDS, TraceStore

DATABASE: Final = "opik.db"
# A record of the first two kinds is a trace of Opik's, one of the next two is scores of a trace.
TRACE, EVENT, FEEDBACK, SCORE = "trace", "event", "feedback", "score"
# What takes many requests, and is sent by itself.
EXPERIMENT, PROMPT = "experiment", "prompt"
WORKS: Final = (EXPERIMENT, PROMPT)
PENDING, ACKNOWLEDGED, VERIFIED, REJECTED = "pending", "acknowledged", "verified", "rejected"
# A circuit stays open this long after one failure, twice as long after two, and so on.
FIRST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 900.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS records (
  position INTEGER PRIMARY KEY, place TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
  name TEXT NOT NULL DEFAULT '', twin TEXT NOT NULL, payload TEXT, state TEXT NOT NULL, why TEXT,
  batch TEXT, changed REAL, sent INTEGER NOT NULL DEFAULT 0, UNIQUE (place, kind, id, name)
);
CREATE INDEX IF NOT EXISTS records_in_state ON records (place, state, kind, position);
CREATE TABLE IF NOT EXISTS cursors (
  place TEXT, twin TEXT, kind TEXT, reached TEXT, PRIMARY KEY (place, twin, kind)
);
CREATE TABLE IF NOT EXISTS circuits (place TEXT PRIMARY KEY, failures INTEGER, open_until REAL);
"""
_ADD: Final = f"""
INSERT INTO records (place, kind, id, name, twin, payload, state) VALUES (?, ?, ?, ?, ?, ?, '{PENDING}')
ON CONFLICT DO UPDATE SET payload = excluded.payload, state = '{PENDING}', why = NULL, sent = 0
WHERE payload IS NOT excluded.payload
"""
_ENTRY: Final = "position, kind, id, name, twin, payload, batch, changed, sent"


@dataclass(frozen=True)
class Entry:
    """A record on its way; `payload` is JSON where no other table holds what is to be sent."""

    position: int
    kind: str
    id: str
    name: str
    twin: str
    payload: str | None
    batch: str | None
    changed: float | None
    sent: int


class Outbox:
    """`opik.db` in a home folder, as seen by one place; a record goes only once it is settled, by `prune`."""

    def __init__(self, home: Path, place: str) -> None:
        self.path = home / DATABASE
        self.place = place

    def fill(self, traces: TraceStore, twins: Iterable[str]) -> None:
        """Note every request and all feedback that was recorded since the last time; call under a lock."""
        for twin in twins:
            reached = self._reached(twin, TRACE)
            ids = [row["trace_id"] for row in traces.since(twin, reached)]
            if ids:
                self._note([(TRACE, one, "", twin, None) for one in ids], twin, TRACE, ids[-1])
            said = traces.feedback_since(twin, int(self._reached(twin, FEEDBACK) or 0))
            if said:
                # The position makes newer feedback on the same answer a change of its record.
                rows = [(FEEDBACK, row["trace_id"], "", twin, str(row["position"])) for row in said]
                self._note(rows, twin, FEEDBACK, str(said[-1]["position"]))

    def add_scores(self, twin: str, scores: Iterable[Score]) -> None:
        """Note scores to be sent; one that was noted with the same value and reason is left as it is.

        Raises ValueError for a value that Opik does not take.
        """
        rows = []
        for score in scores:
            if not abs(score.value) <= LARGEST_SCORE:
                raise ValueError(f"the score {score.name} of {score.trace_id} is {score.value}: no number")
            payload = json.dumps({"value": score.value, "reason": score.reason}, ensure_ascii=False)
            rows.append((SCORE, score.trace_id, score.name, twin, payload))
        self._note(rows)

    def add(self, kind: str, twin: str, record_id: str, content: Mapping[str, Any]) -> None:
        """Note an event, which is a trace of no request, or a work; `content` is JSON.

        One that was noted with the same content is left as it is. Raises ValueError where it is no JSON.
        """
        payload = json.dumps(content, ensure_ascii=False, sort_keys=True, allow_nan=False)
        self._note([(kind, record_id, "", twin, payload)])

    def pending(self, kinds: Sequence[str], limit: int) -> list[Entry]:
        """The next records to send, in the order in which they were noted.

        Scores wait until their trace has been sent.
        """
        trace_waits = f"""
          SELECT 1 FROM records AS t WHERE t.place = records.place AND t.id = records.id
          AND t.kind IN ('{TRACE}', '{EVENT}') AND t.state = '{PENDING}'"""
        return self._entries(
            f"state = '{PENDING}' AND kind IN ({_marks(kinds)}) AND (kind IN ('{TRACE}', '{EVENT}')"
            f" OR NOT EXISTS ({trace_waits})) ORDER BY position LIMIT ?",
            *kinds,
            limit,
        )

    def unverified(self) -> dict[str, list[Entry]]:
        """The batches that Opik took and that nobody has seen there yet."""
        batches: dict[str, list[Entry]] = {}
        for entry in self._entries(f"state = '{ACKNOWLEDGED}' ORDER BY position"):
            batches.setdefault(entry.batch or "", []).append(entry)
        return batches

    def acknowledge(self, entries: Sequence[Entry], moment: float) -> None:
        """Opik took these, in one batch; one that was changed meanwhile stays pending."""
        batch = f"{entries[0].position} {moment}"
        self._write(
            f"UPDATE records SET state = '{ACKNOWLEDGED}', batch = ?, changed = ?, sent = sent + 1"
            " WHERE position = ? AND payload IS ?",
            [(batch, moment, entry.position, entry.payload) for entry in entries],
        )

    def reject(self, entry: Entry, why: str, moment: float) -> None:
        """Opik will not take this one; it stays here with the reason."""
        self._write(
            f"UPDATE records SET state = '{REJECTED}', why = ?, changed = ? WHERE position = ?"
            " AND payload IS ?",
            [(why, moment, entry.position, entry.payload)],
        )

    def reject_orphans(self, moment: float) -> None:
        """Scores of a trace that was rejected go the same way."""
        self._write(
            f"UPDATE records SET state = '{REJECTED}', why = 'its trace was rejected', changed = ?"
            " WHERE place = ?"
            f" AND state = '{PENDING}' AND kind IN ('{FEEDBACK}', '{SCORE}') AND id IN"
            f" (SELECT id FROM records WHERE place = ? AND state = '{REJECTED}'"
            f" AND kind IN ('{TRACE}', '{EVENT}'))",
            [(moment, self.place, self.place)],
        )

    def prune(self, before: float) -> None:
        """Forget what was settled before a moment, of every place: read back there, or refused.

        What is on its way stays, however old. Cursors stay too, so no request is noted again.
        """
        settled = f"DELETE FROM records WHERE state IN ('{VERIFIED}', '{REJECTED}') AND changed < ?"
        self._write(settled, [(before,)])

    def verify(self, batch: str) -> None:
        """A sample of the batch was read back."""
        self._move(batch, VERIFIED)

    def again(self, batch: str) -> None:
        """A batch that Opik took cannot be read there: it is to be sent once more."""
        self._move(batch, PENDING)

    def counts(self) -> dict[str, int]:
        """How many records are in each state."""
        with self._connected() as database:
            query = "SELECT state, count(*) FROM records WHERE place = ? GROUP BY state"
            found = dict(database.execute(query, (self.place,)))
        return {state: found.get(state, 0) for state in (PENDING, ACKNOWLEDGED, VERIFIED, REJECTED)}

    def rejected(self) -> list[tuple[Entry, str]]:
        """What Opik would not take, and why."""
        entries = self._entries(f"state = '{REJECTED}' ORDER BY position")
        with self._connected() as database:
            query = "SELECT position, why FROM records WHERE place = ?"
            reasons = dict(database.execute(query, (self.place,)))
        return [(entry, reasons[entry.position]) for entry in entries]

    def open_seconds(self, moment: float) -> float:
        """For how long the place is to be left alone; 0 where it may be asked."""
        with self._connected() as database:
            query = "SELECT open_until FROM circuits WHERE place = ?"
            found = database.execute(query, (self.place,)).fetchone()
        return max(0.0, found[0] - moment) if found else 0.0

    def trip(self, moment: float, asked: float) -> None:
        """Leave the place alone: twice as long as the last time, or as long as it asked, if longer."""
        with self._connected() as database:
            query = "SELECT failures FROM circuits WHERE place = ?"
            found = database.execute(query, (self.place,)).fetchone()
            failures = found[0] + 1 if found else 1
            pause = max(asked, min(FIRST_PAUSE * 2 ** min(failures - 1, 20), LONGEST_PAUSE))
            row = (self.place, failures, moment + pause)
            database.execute("INSERT OR REPLACE INTO circuits VALUES (?, ?, ?)", row)

    def close_circuit(self) -> None:
        """The place answers."""
        self._write("DELETE FROM circuits WHERE place = ?", [(self.place,)])

    def _reached(self, twin: str, kind: str) -> str | None:
        with self._connected() as database:
            query = "SELECT reached FROM cursors WHERE place = ? AND twin = ? AND kind = ?"
            found = database.execute(query, (self.place, twin, kind)).fetchone()
        return str(found[0]) if found else None

    def _note(self, rows: Iterable[tuple[Any, ...]], *cursor: str) -> None:
        """Note records, and how far the source was read, together."""
        with self._connected() as database:
            database.executemany(_ADD, [(self.place, *row) for row in rows])
            if cursor:
                database.execute("INSERT OR REPLACE INTO cursors VALUES (?, ?, ?, ?)", (self.place, *cursor))

    def _move(self, batch: str, state: str) -> None:
        query = "UPDATE records SET state = ? WHERE place = ? AND batch = ? AND state = ?"
        self._write(query, [(state, self.place, batch, ACKNOWLEDGED)])

    def _write(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        with self._connected() as database:
            database.executemany(statement, list(rows))

    def _entries(self, condition: str, *values: object) -> list[Entry]:
        with self._connected() as database:
            query = f"SELECT {_ENTRY} FROM records WHERE place = ? AND {condition}"
            return [Entry(*row) for row in database.execute(query, (self.place, *values))]

    @contextlib.contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(self.path, timeout=BUSY_SECONDS)) as database, database:
            database.executescript(_SCHEMA)
            yield database


def twins_of(outbox: Path | None, ids: Sequence[str]) -> set[str]:
    """The twins whose traces have these ids, as far as a database has them noted; of none there is none."""
    if outbox is None:
        return set()
    with contextlib.closing(sqlite3.connect(outbox, timeout=BUSY_SECONDS)) as database:
        found = database.execute(f"SELECT DISTINCT twin FROM records WHERE id IN ({_marks(ids)})", list(ids))
        return {twin for (twin,) in found}


def drop_experiments(home: Place) -> None:
    """Drop the evaluations on their way to every place, which hold words of documents."""
    with shared(home, DATABASE) as folder:
        if not (folder / DATABASE).exists():
            return
        connected = sqlite3.connect(folder / DATABASE, timeout=BUSY_SECONDS)
        with contextlib.closing(connected) as database, database:
            database.execute("PRAGMA secure_delete = ON")
            database.execute("DELETE FROM records WHERE kind = ?", (EXPERIMENT,))


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
