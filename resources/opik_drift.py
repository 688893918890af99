"""A look at drift as a trace with feedback scores, so that Opik's charts and alerts see it."""

import math
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from resources.opik_events import Event, note_event
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
    known = {name: value for name, value in numbers.items() if math.isfinite(value)}
    scores = {f"drift_{name}": value for name, value in known.items()}
    event = Event(
        kind="drift",
        twin=twin,
        at=at,
        key=f"drift {twin} {at.isoformat()}",
        output={"verdict": verdict, **known},
        tags=[f"drift:{verdict}"],
        scores=scores | ({"drift": VERDICTS[verdict]} if verdict in VERDICTS else {}),
        reasons={"drift": verdict},
    )
    return note_event(home, place, event)
