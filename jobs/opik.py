"""What Opik's alerts ask for: a look at the twins that they are about, one run a twin however many came.

An alert names a twin by one of its traces, by a tag, by a project, or by its own name; one that names none is
about all. What cannot be asked for now waits in the cursor, so that no alert is lost.
"""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import dagster as dg

from jobs.triggers import TRIGGER, in_flight, tags
from resources.locks import Locks
from resources.opik_inbox import DATABASE as INBOX
from resources.opik_inbox import Inbox, Received
from resources.opik_outbox import DATABASE as OUTBOX
from resources.opik_outbox import twins_of
from resources.places import Place, scratch_of
from resources.shared_database import newest, shared
from resources.twins import Twins

NAME: Final = "opik"
JOB: Final = "monitoring_job"
# Between two looks that Opik asked for; an alert that goes off meanwhile waits for the next.
PAUSE: Final = timedelta(minutes=10)


@dataclass
class Pending:
    """How far the inbox was read, and for each twin what waits: the last alert, and how many there were."""

    read: int = 0
    waiting: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, cursor: str | None) -> "Pending":
        """From a sensor's cursor."""
        return cls(**json.loads(cursor)) if cursor else cls()

    def written(self) -> str:
        """As the cursor keeps it."""
        return json.dumps(asdict(self))

    def take_in(self, home: Place, twins: Twins) -> None:
        """Read on in the inbox, and forget there what was read long ago."""
        outbox = newest(home, OUTBOX)
        with shared(home, INBOX) as folder:
            self._read_on(Inbox(folder), outbox, twins)

    def _read_on(self, inbox: Inbox, outbox: Path | None, twins: Twins) -> None:
        if inbox.newest() < self.read:
            # Another file has taken the place of the one that was read, and counts from one.
            self.read = 0
        while came := inbox.after(self.read):
            for one in came:
                for twin in _about(outbox, one, twins.names):
                    before = self.waiting.get(twin, {"alerts": 0})
                    told = {"alert": one.alert, "event": one.event, "key": one.key}
                    self.waiting[twin] = told | {"alerts": before["alerts"] + 1}
            self.read = came[-1].position
        inbox.prune(self.read)


def opik_requests(
    instance: dg.DagsterInstance, home: Place, twins: Twins, pending: Pending
) -> Iterator[dg.RunRequest]:
    """A request of monitoring_job, with its key, for each twin that waits and may be looked at now."""
    pending.take_in(home, twins)
    locks = Locks(scratch_of(home) / "locks")
    for twin in sorted(pending.waiting):
        if twin not in twins.names:
            del pending.waiting[twin]
        elif not (in_flight(instance, locks, JOB, twin) or _is_cooling(instance, twin)):
            yield _request(twin, pending.waiting.pop(twin))


def _request(twin: str, why: dict[str, Any]) -> dg.RunRequest:
    reason = f"Opik's alert {why['alert'] or '(unnamed)'} went off: {why['event']}"
    numbers = {"opik_alert": why["alert"], "opik_event": why["event"], "opik_alerts": why["alerts"]}
    # A tick that was asked for again after a crash asks for the same run.
    key = f"{NAME}/{twin}/{why['key'][:16]}"
    why_tags = tags(NAME, reason, numbers)
    return dg.RunRequest(run_key=key, job_name=JOB, partition_key=twin, tags=why_tags)


def _is_cooling(instance: dg.DagsterInstance, twin: str) -> bool:
    asked = {TRIGGER: NAME, "dagster/partition": twin}
    wanted = dg.RunsFilter(job_name=JOB, tags=asked, created_after=datetime.now(UTC) - PAUSE)
    return bool(instance.get_run_records(wanted, limit=1))


def _about(outbox: Path | None, alert: Received, names: Collection[str]) -> Collection[str]:
    """The twins that an alert is about; all of them where it does not tell."""
    text = "\n".join(alert.about)
    named = {name for name in names if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE)}
    return named | (twins_of(outbox, alert.about) & set(names)) or names
