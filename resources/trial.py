"""What a canary and its control arm were asked: the requests that the two are compared by."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from resources.releases import Canary
from resources.traces import COLUMNS, TraceStore

ARMS: Final = ("canary", "control")
# What counting needs of a record; its words and passages make up nearly all of it.
_COUNTED: Final = ("trace_id", "thread_id", "created_at", "arm", "error")


def requests_of(
    traces: TraceStore, twin: str, canary: Canary, columns: Sequence[str] = COLUMNS
) -> dict[str, list[dict[str, Any]]]:
    """The requests of each arm since the canary started, in the order they were recorded.

    columns: what is read of each; all, or some with `arm` and `created_at` among them.
    """
    found: dict[str, list[dict[str, Any]]] = {arm: [] for arm in ARMS}
    for row in traces.since(twin, canary.after, columns):
        if row["arm"] in found and row["created_at"] >= canary.since:
            found[row["arm"]].append(row)
    return found


def counts_of(traces: TraceStore, twin: str, canary: Canary) -> dict[str, tuple[int, int]]:
    """Of each arm its conversations and its failed requests since the canary started; no word is read."""
    requests = requests_of(traces, twin, canary, _COUNTED)
    return {arm: counted(rows) for arm, rows in requests.items()}


def counted(rows: Iterable[Mapping[str, Any]]) -> tuple[int, int]:
    """How many conversations an arm's requests are, and how many of the requests failed."""
    rows = list(rows)
    conversations = {row["thread_id"] or row["trace_id"] for row in rows}
    return len(conversations), sum(row["error"] is not None for row in rows)
