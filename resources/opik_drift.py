"""A look at drift as a trace with feedback scores, so that Opik's charts and alerts see it."""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from resources.opik_outbox import Outbox
from resources.opik_records import Score, dated_id
from resources.opik_settings import OpikPlace

VERDICTS = {"drift": 1.0, "ok": 0.0}


def publish_drift(
    home: Path, place: OpikPlace, twin: str, at: datetime, verdict: str, numbers: Mapping[str, float]
) -> str:
    """Note a look at a twin's traffic for the next export; returns the id of its trace.

    The score `drift` is 1 or 0, and absent where the look decided nothing ("insufficient", "error");
    each number is a score too, named drift_…. All looks at a twin are one thread. `at`: with its zone;
    the same look noted twice is sent once. Raises ValueError.
    """
    if at.tzinfo is None:
        raise ValueError(f"at is {at}: give its zone")
    known = {name: value for name, value in numbers.items() if math.isfinite(value)}
    trace_id = dated_id(int(at.timestamp() * 1000), f"drift {twin} {at.isoformat()}")
    trace = {
        "id": trace_id,
        "name": "drift",
        "start_time": at.isoformat(),
        "end_time": (at + timedelta(milliseconds=1)).isoformat(),
        "input": {"twin": twin},
        "output": {"verdict": verdict, **known},
        "metadata": {"twin": twin},
        "tags": ["drift", f"drift:{verdict}", f"twin:{twin}"],
        "thread_id": f"drift-{twin}",
        "source": "sdk",
    }
    scores = [Score(trace_id, f"drift_{name}", value) for name, value in known.items()]
    if verdict in VERDICTS:
        scores.append(Score(trace_id, "drift", VERDICTS[verdict], verdict))
    outbox = Outbox(home, place.name)
    outbox.add_event(twin, trace_id, trace)
    outbox.add_scores(twin, scores)
    return trace_id
