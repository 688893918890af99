"""What is no request and yet to be seen in Opik's charts and alerts, as a trace with feedback scores."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from resources.opik_outbox import EVENT, Outbox
from resources.opik_records import Score, dated_id
from resources.opik_settings import OpikPlace


@dataclass(frozen=True)
class Event:
    """Something that happened to a twin at a moment (with its zone); `key` names it among all events.

    kind: the trace's name, and the beginning of its thread's. output: JSON. scores: finite or not; those
    that are not are left out. reasons: words that go with some of the scores.
    """

    kind: str
    twin: str
    at: datetime
    key: str
    output: Mapping[str, Any] = field(default_factory=dict)
    tags: Sequence[str] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)


def note_event(home: Path, place: OpikPlace, event: Event) -> str:
    """Have the next export send an event; returns its trace's id. The same event noted twice is sent once.

    Raises ValueError.
    """
    if event.at.tzinfo is None:
        raise ValueError(f"at is {event.at}: give its zone")
    trace_id = dated_id(int(event.at.timestamp() * 1000), event.key)
    scores = [
        Score(trace_id, name, float(value), event.reasons.get(name))
        for name, value in event.scores.items()
        if math.isfinite(value)
    ]
    outbox = Outbox(home, place.name)
    outbox.add(EVENT, event.twin, trace_id, _trace(trace_id, event))
    outbox.add_scores(event.twin, scores)
    return trace_id


def _trace(trace_id: str, event: Event) -> dict[str, Any]:
    return {
        "id": trace_id,
        "name": event.kind,
        "start_time": event.at.isoformat(),
        "end_time": (event.at + timedelta(milliseconds=1)).isoformat(),
        "input": {"twin": event.twin},
        "output": dict(event.output),
        "metadata": {"twin": event.twin},
        "tags": [event.kind, *event.tags, f"twin:{event.twin}"],
        "thread_id": f"{event.kind}-{event.twin}",
        "source": "sdk",
    }
