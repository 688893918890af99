"""Sends what the trace store holds to Opik: in batches, acknowledged, read back, each record once."""

import contextlib
import json
import math
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from resources import opik_outbox as box
from resources.locks import Locks
from resources.opik_client import (
    REQUEST_SECONDS,
    OpikConflict,
    OpikMissing,
    OpikRefused,
    OpikRejected,
    OpikUnavailable,
    connected,
    greeted,
    insist,
)
from resources.opik_library import is_seen, send
from resources.opik_outbox import Entry, Outbox
from resources.opik_records import THUMBS, Redact, Score, Written, said_scores, written
from resources.opik_settings import OpikPlace
from resources.traces import TraceStore

if TYPE_CHECKING:
    from opik.rest_api.client import OpikApi

BATCH: Final = 50
# Opik takes this many items in one body.
MOST_ITEMS: Final = 1000
SAMPLED: Final = 0.05
# What Opik took is sent again when it cannot be read there after so many seconds, so many times in all.
VISIBLE_SECONDS: Final = 600.0
MOST_SENDINGS: Final = 3
# A whole batch of at least so many that is refused one by one says something about the place, not of them.
TELLING: Final = 10
LOCK: Final = "opik"
DAY: Final = 86_400
# What is wrong with one work alone: Opik will not have it, or an earlier version noted it in another form.
FAULTY: Final = (OpikRejected, OpikMissing, OpikConflict, LookupError, TypeError, ValueError)
# What was said of each answer, in order.
_Said = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Exported:
    """How many records of a place are in each state now, and why the export ended early, if it did."""

    pending: int
    acknowledged: int
    verified: int
    rejected: int
    stopped: str | None = None


@dataclass(frozen=True)
class _Built:
    """A record and what is sent for it: a trace with spans, or scores; `taken_back`: a thumb to remove."""

    entry: Entry
    trace: Written | None = None
    scores: Sequence[Score] = ()
    taken_back: bool = False


def export(
    traces: TraceStore,
    place: OpikPlace,
    twins: Iterable[str],
    redact: Redact,
    keep_days: int | None = None,
    within: float = 300.0,
    silence: float = REQUEST_SECONDS,
    clock: Callable[[], float] = time.time,
) -> Exported:
    """Send what is not there yet of these twins' requests and feedback, and all else that was noted.

    Begins no batch after `within` seconds; `silence` is how long one request may take. A server that is
    away costs seconds: then nothing is tried until the pause that the outbox keeps is over, and `stopped`
    says so. Another export is waited for. What was settled before `keep_days` and a day is forgotten, so
    never before the trace store forgets it. `clock`: seconds since 1970. Raises OpikRefused where key,
    workspace or address is wrong.
    """
    home = traces.path.parent
    outbox = Outbox(home, place.name)
    with Locks(home / "locks").held(LOCK):
        outbox.fill(traces, twins)
        if keep_days is not None:
            outbox.prune(clock() - (keep_days + 1) * DAY)
        if pause := outbox.open_seconds(clock()):
            return _exported(outbox, f"Opik did not answer; it is asked again in {math.ceil(pause)} s")
        try:
            with connected(place, silence) as api:
                greeted(api)
                _Export(api, place, traces, outbox, redact, clock, clock() + within).run()
        except OpikUnavailable as away:
            outbox.trip(clock(), away.pause)
            return _exported(outbox, str(away))
        outbox.close_circuit()
    return _exported(outbox)


def _exported(outbox: Outbox, stopped: str | None = None) -> Exported:
    return Exported(**outbox.counts(), stopped=stopped)


@dataclass(frozen=True)
class _Export:
    """One run over the outbox; the lock is held."""

    api: "OpikApi"
    place: OpikPlace
    traces: TraceStore
    outbox: Outbox
    redact: Redact
    clock: Callable[[], float]
    deadline: float

    def run(self) -> None:
        """Traces, then scores, then a look at what Opik shows of them; works last, which others wait for."""
        self._send_all((box.TRACE, box.EVENT))
        self.outbox.reject_orphans(self.clock())
        self._send_all((box.FEEDBACK, box.SCORE))
        self._verify_all()
        self._send_works()

    def _send_works(self) -> None:
        """Each work by itself; one that cannot be told or that Opik will not have costs no other."""
        while self.clock() < self.deadline and (entries := self.outbox.pending(box.WORKS, 1)):
            try:
                send(self.api, self.place, entries[0], self.redact)
                self.outbox.acknowledge(entries, self.clock())
            except FAULTY as fault:
                self.outbox.reject(entries[0], f"{type(fault).__name__}: {fault}", self.clock())
        self._verify_all()

    def _send_all(self, kinds: Sequence[str]) -> None:
        while self.clock() < self.deadline and (entries := self.outbox.pending(kinds, BATCH)):
            self._send(entries)

    def _send(self, entries: list[Entry]) -> None:
        """Send a batch; what is wrong with a record costs that record alone."""
        said, built = self._said(entries), []
        for entry in entries:
            try:
                built.append(_plain(self._made(entry, said)))
            except (ValueError, TypeError, LookupError) as error:
                self.outbox.reject(entry, f"it cannot be told: {error!r}", self.clock())
        faults = self._halving(built)
        if len(faults) == len(built) >= TELLING:
            raise OpikRefused(f"Opik refuses whatever it is sent, so nothing was given up: {faults[0][1]}")
        for entry, why in faults:
            self.outbox.reject(entry, why, self.clock())

    def _halving(self, built: list[_Built]) -> list[tuple[Entry, str]]:
        """Have Opik take these; what it will not take even alone, and why."""
        if not built:
            return []
        try:
            self._write(built)
        except OpikRejected as rejected:
            if len(built) == 1:
                return [(built[0].entry, str(rejected))]
            half = len(built) // 2
            return self._halving(built[:half]) + self._halving(built[half:])
        self.outbox.acknowledge([one.entry for one in built], self.clock())
        return []

    def _made(self, entry: Entry, said: _Said) -> _Built:
        if entry.kind == box.SCORE:
            given = json.loads(entry.payload or "")
            reason = self.redact(given["reason"]) if given["reason"] else None
            return _Built(entry, scores=[Score(entry.id, entry.name, given["value"], reason)])
        if entry.kind == box.EVENT:
            trace = json.loads(entry.payload or "") | {"project_name": self.place.project}
            return _Built(entry, Written(trace, []))
        if entry.kind == box.FEEDBACK:
            scores = said_scores(entry.id, said.get(entry.id, []), self.redact)
            given = [score for score in scores if score.name != THUMBS or score.value]
            return _Built(entry, scores=given, taken_back=len(given) < len(scores))
        row = self.traces.trace(entry.id)
        if row is None:
            raise LookupError("it was deleted before it was sent")
        return _Built(entry, written(row, self.place.project, self.redact))

    def _said(self, entries: Iterable[Entry]) -> _Said:
        """All that was said of the answers whose feedback is among these records, by trace."""
        said: _Said = {}
        for twin in {entry.twin for entry in entries if entry.kind == box.FEEDBACK}:
            for row in self.traces.feedback_since(twin):
                said.setdefault(row["trace_id"], []).append(row)
        return said

    def _write(self, built: Sequence[_Built]) -> None:
        """Raises OpikRejected, OpikUnavailable and OpikRefused."""
        from opik.rest_api.types.feedback_score_batch_item import FeedbackScoreBatchItem
        from opik.rest_api.types.span_write import SpanWrite
        from opik.rest_api.types.trace_write import TraceWrite

        told = [one.trace for one in built if one.trace]
        shown = [TraceWrite(**one.trace) for one in told]
        spans = [SpanWrite(**span) for one in told for span in one.spans]
        scores = [FeedbackScoreBatchItem(**self._scored(s)) for one in built for s in one.scores]
        for part in _parts(shown):
            insist(partial(self.api.traces.create_traces, traces=part))
        for part in _parts(spans):
            insist(partial(self.api.spans.create_spans, spans=part))
        for part in _parts(scores):
            insist(partial(self.api.traces.score_batch_of_traces, scores=part))
        for entry in (one.entry for one in built if one.taken_back):
            with contextlib.suppress(OpikMissing):
                insist(partial(self.api.traces.delete_trace_feedback_score, entry.id, name=THUMBS))

    def _scored(self, score: Score) -> dict[str, Any]:
        named = {"id": score.trace_id, "name": score.name, "value": score.value, "source": "sdk"}
        named["project_name"] = self.place.project
        return named | ({"reason": score.reason} if score.reason else {})

    def _verify_all(self) -> None:
        for batch, entries in self.outbox.unverified().items():
            if self.clock() < self.deadline:
                self._verify(batch, entries)

    def _verify(self, batch: str, entries: list[Entry]) -> None:
        """Look at a sample of a batch in Opik; what stays unseen for long is sent again, not for ever."""
        sample = random.sample(entries, max(1, math.ceil(len(entries) * SAMPLED)))
        if all(self._seen(entry) for entry in sample):
            self.outbox.verify(batch)
        elif self.clock() - (entries[0].changed or 0.0) >= VISIBLE_SECONDS:
            why = f"Opik took it {MOST_SENDINGS} times, and it could never be read there"
            for entry in entries:
                if entry.sent >= MOST_SENDINGS:
                    self.outbox.reject(entry, why, self.clock())
            self.outbox.again(batch)

    def _seen(self, entry: Entry) -> bool:
        """Whether Opik shows the record as it was sent; one that is no longer ours need only be there."""
        if entry.kind in box.WORKS:
            return is_seen(self.api, self.place, entry)
        try:
            shown = insist(partial(self.api.traces.get_trace_by_id, entry.id))
            made = self._made(entry, self._said([entry]))
        except OpikMissing:
            return False
        except LookupError:
            return True
        if made.trace is None:
            given = {score.name: score.value for score in shown.feedback_scores or []}
            gone = not (made.taken_back and THUMBS in given)
            return gone and all(given.get(score.name) == score.value for score in made.scores)
        return shown.input == made.trace.trace["input"] and self._spans_seen(entry, made.trace)

    def _spans_seen(self, entry: Entry, made: Written) -> bool:
        wanted = {span["id"] for span in made.spans}
        if not wanted:
            return True
        found = insist(partial(self._search_spans, entry.id, len(wanted)))
        return wanted <= {json.loads(line)["id"] for line in found.splitlines() if line.strip()}

    def _search_spans(self, trace_id: str, limit: int) -> bytes:
        project = self.place.project
        return b"".join(self.api.spans.search_spans(trace_id=trace_id, project_name=project, limit=limit))


def _plain(built: _Built) -> _Built:
    """The same; raises ValueError or TypeError where it is no JSON, which would fail the whole batch."""
    if built.trace:
        json.dumps([built.trace.trace, built.trace.spans], default=str, allow_nan=False)
    return built


def _parts(items: Sequence[Any]) -> list[Sequence[Any]]:
    return [items[start : start + MOST_ITEMS] for start in range(0, len(items), MOST_ITEMS)]
