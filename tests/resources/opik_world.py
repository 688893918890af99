"""A trace store with requests in it, and what Opik should show of them."""

import dataclasses
import json
import time
from datetime import UTC, datetime

from resources.opik_outbox import Outbox
from resources.opik_settings import opik_configured
from resources.traces import Trace, TraceStore, new_trace_id

TIMINGS = {
    "rewriting": 1.0,
    "self_query": 2.0,
    "expansion": 3.0,
    "embedding": 4.0,
    "retrieval": 5.0,
    "rerank": 6.0,
    "sentences": 7.0,
    "generation": 20.0,
    "total": 50.0,
}
SPANS = {*TIMINGS, "search"} - {"total"}
# What costs the SDK less time to write.
SHORT = {"timings_ms": {"retrieval": 5.0, "generation": 20.0, "total": 30.0}}
SHORT_SPANS = {"search", "retrieval", "generation"}


def plain(text):
    """A redaction that finds nothing."""
    return text


def trace(twin="ada", **fields):
    made = Trace(
        trace_id=new_trace_id(),
        twin=twin,
        created_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        release_id="r1",
        index_id="i1",
        question="Why bees?",
        answer="Because “so”.",
        retrieved=[{"chunk_id": "c1", "content_hash": "h", "scores": {"dense": 0.5}}],
        timings_ms=dict(TIMINGS),
        understood={"filters": {"year": 2024}, "wordings": ["Why bees?", "Reasons for bees"]},
        prompt_tokens=3,
        completion_tokens=5,
        thread_id="t1",
        first_token_ms=8.5,
        cost=0.02,
    )
    return dataclasses.replace(made, **fields)


def filled(home, number, twin="ada", **fields):
    """A store with so many requests, and their ids."""
    store = TraceStore(home)
    made = [trace(twin, question=f"Question {n}?", **fields) for n in range(number)]
    store.append_all(made)
    return store, [one.trace_id for one in made]


def waiting(home, kind, url="http://192.0.2.1/api"):
    """What an asset has left for Opik there, where nobody answers: (twin, content) of each record."""
    outbox = Outbox(home, opik_configured({"OPIK_URL_OVERRIDE": url}).name)
    return [(one.twin, json.loads(one.payload)) for one in outbox.pending([kind], 50)]


class Clock:
    """The time, and as much later as one likes."""

    def __init__(self):
        self.ahead = 0.0

    def __call__(self):
        return time.time() + self.ahead
