"""What a canary and its control arm were asked: the requests that the two are compared by."""

from typing import Any

from resources.releases import Canary
from resources.traces import TraceStore

ARMS = ("canary", "control")


def requests_of(traces: TraceStore, twin: str, canary: Canary) -> dict[str, list[dict[str, Any]]]:
    """The requests of each arm since the canary started, in the order they were recorded."""
    found: dict[str, list[dict[str, Any]]] = {arm: [] for arm in ARMS}
    for row in traces.since(twin, canary.after):
        if row["arm"] in found and row["created_at"] >= canary.since:
            found[row["arm"]].append(row)
    return found


def counted(rows: list[dict[str, Any]]) -> tuple[int, int]:
    """How many conversations an arm's requests are, and how many of the requests failed."""
    conversations = {row["thread_id"] or row["trace_id"] for row in rows}
    return len(conversations), sum(row["error"] is not None for row in rows)
