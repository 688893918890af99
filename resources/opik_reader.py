"""Reads traces and their scores back from Opik: whole, every one, and each once."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from resources.opik_client import READING_SECONDS, OpikMissing, connected, insist
from resources.opik_settings import OpikPlace

if TYPE_CHECKING:
    from opik.rest_api.client import OpikApi

STEP: Final = timedelta(days=1)
# Neighbouring windows share so much, for what two clocks call the same moment.
OVERLAP: Final = timedelta(minutes=5)
MOST_RESULTS: Final = 20_000
PAGE: Final = 500
# Scores that somebody or something gave in Opik; "sdk" marks those that came from programs, ours too.
GIVEN_THERE: Final = ("ui", "online_scoring")


@dataclass(frozen=True)
class OpikScore:
    """A score of a trace as Opik has it; `source` is "ui", "sdk" or "online_scoring"."""

    trace_id: str
    name: str
    value: float
    reason: str | None
    source: str


def read_traces(
    place: OpikPlace, since: datetime, until: datetime, most: int = MOST_RESULTS
) -> list[dict[str, Any]]:
    """Every trace of the place that began within [since, until), not truncated, oldest id first.

    Scores come after a trace and need not change its time: look far enough back. Raises ValueError
    where a window holds `most` traces or more, LookupError where Opik has no such project, and what
    `insist` raises.
    """
    found: dict[str, dict[str, Any]] = {}
    with connected(place, READING_SECONDS) as api:
        for begun, ended in _windows(since.astimezone(UTC), until.astimezone(UTC)):
            try:
                read = _window(api, place, begun, ended, most)
            except OpikMissing as missing:
                message = f"Opik has no project {place.project!r}: look at OPIK_PROJECT_NAME"
                raise LookupError(message) from missing
            found |= {trace["id"]: trace for trace in read}
    return [found[trace_id] for trace_id in sorted(found)]


def read_scores(
    place: OpikPlace, since: datetime, until: datetime, sources: Collection[str] = GIVEN_THERE
) -> list[OpikScore]:
    """The scores, from these sources, of the traces that `read_traces` finds; it raises the same."""
    return [
        OpikScore(trace["id"], one["name"], float(one["value"]), one.get("reason"), one["source"])
        for trace in read_traces(place, since, until)
        for one in trace.get("feedback_scores") or []
        if one["source"] in sources
    ]


def _windows(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    while since < until:
        ended = min(since + STEP, until)
        yield since, ended
        since = ended - OVERLAP if ended < until else ended


def _window(
    api: "OpikApi", place: OpikPlace, begun: datetime, ended: datetime, most: int
) -> list[dict[str, Any]]:
    """What Opik has of a window, page by page; a record that is no JSON is an error and never skipped."""
    from opik.rest_api.types.trace_filter_public import TraceFilterPublic

    filters = [
        TraceFilterPublic(field="start_time", operator=operator, value=_written(moment))
        for operator, moment in ((">=", begun), ("<", ended))
    ]
    read: list[dict[str, Any]] = []
    while len(read) < most:
        last = read[-1]["id"] if read else None
        limit = min(PAGE, most - len(read))
        page = insist(partial(_page, api, place, filters, last, limit))
        read += page
        if len(page) < limit:
            return read
    raise ValueError(f"Opik has {most} traces or more from {begun} to {ended}: read a shorter time")


def _page(
    api: "OpikApi", place: OpikPlace, filters: Any, last: str | None, limit: int
) -> list[dict[str, Any]]:
    position = {"last_retrieved_id": last} if last else {}
    asked = {"project_name": place.project, "filters": filters, "limit": limit, "truncate": False}
    lines = b"".join(api.traces.search_traces(**asked, **position))
    return [json.loads(line) for line in lines.splitlines() if line.strip()]


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
