"""Which answers were judged, by whom and how: the votes of each trace, counted once a voter.

A voter is the API key that gave the feedback; where there is none, the conversation; where there is none
either, everybody else together, so that nobody gains a voice by having no name. Names are kept as hashes.
"""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pandas as pd

from llm_twin_assets.contracts import digest
from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.reading import Refused

# What was said last must be this old, so that it could be taken back or contradicted.
YOUNGEST: Final = timedelta(hours=24)

Left = tuple[str, Reason, str]
Said = Mapping[str, Any]
Trace = dict[Hashable, Any]


@dataclass(frozen=True)
class Judged:
    """An answer and what was said of it.

    kind: as in contracts.FEEDBACK_KINDS. correction: "" but for that kind. said_at: when the last word was
    said, UTC. thread, voter: hashes; of several voters the first in order.
    """

    trace: Trace
    kind: str
    correction: str
    said_at: str
    thread: str
    voter: str

    @property
    def trace_id(self) -> str:
        """The id of the request."""
        return str(self.trace["trace_id"])


def eligible(
    traces: pd.DataFrame, feedback: Sequence[Said], now: datetime
) -> tuple[list[Judged], list[Left]]:
    """The answers that feedback is clear about, in the order of their ids, and why the others are not.

    traces: production_traces of a twin. feedback: its rows as TraceStore.feedback_since gives them, in any
    order; `position` orders them. Of one voter, each field's last value stands.
    """
    said = defaultdict(list)
    for row in sorted(feedback, key=lambda row: row["position"]):
        said[row["trace_id"]].append(row)
    known = {row["trace_id"]: row for row in traces.to_dict("records")}
    judged: list[Judged] = []
    left: list[Left] = []
    for trace_id, rows in sorted(said.items()):
        try:
            judged.append(_judged(known.get(trace_id), rows, now))
        except Refused as refused:
            left.append((trace_id, refused.reason, refused.detail))
    return judged, left


def text_of(value: Any) -> str:
    """A text that may be missing, "" where it is."""
    return "" if value is None or pd.isna(value) else str(value)


def _judged(trace: Trace | None, said: list[Said], now: datetime) -> Judged:
    if trace is None:
        raise Refused(Reason.UNKNOWN_TRACE, "production_traces does not hold the request (any more)")
    if text_of(trace["error"]) or trace["declined"]:
        raise Refused(Reason.NO_ANSWER, "the request failed, or the twin declined to answer")
    last = max(_moment(row["created_at"]) for row in said)
    if last > now - YOUNGEST:
        raise Refused(Reason.TOO_YOUNG, f"it has to be {YOUNGEST.total_seconds() / 3600:g} hours old")
    votes = _votes(trace, said)
    kind, correction = _verdict(votes.values())
    voters = sorted(voter for voter, vote in votes.items() if any(vote))
    thread = _hashed(text_of(trace["thread_id"]) or text_of(trace["key_id"]))
    return Judged(trace, kind, correction, last.isoformat(timespec="milliseconds"), thread, voters[0])


def _votes(trace: Trace, said: list[Said]) -> dict[str, tuple[int, str]]:
    """Of each voter the thumb (0 where there is none) and the correction ("" where there is none)."""
    votes: dict[str, tuple[int, str]] = {}
    for row in said:
        voter = _hashed(text_of(row["key_id"]) or text_of(trace["thread_id"]))
        value, correction = votes.get(voter, (0, ""))
        value = value if row["value"] is None else int(row["value"])
        votes[voter] = value, text_of(row["correction"]) or correction
    return votes


def _verdict(votes: Any) -> tuple[str, str]:
    """What all votes together say; raises Refused where that is nothing, or not one thing."""
    given = list(votes)
    values = {value for value, _ in given if value}
    corrections = {" ".join(correction.split()) for _, correction in given if correction}
    if len(values) > 1 or len(corrections) > 1 or (corrections and 1 in values):
        raise Refused(Reason.CONTRADICTORY, "the answer was both approved and not, or corrected in two ways")
    if corrections:
        return "correction", corrections.pop()
    if not values:
        raise Refused(Reason.NO_VERDICT, "there is no thumb, or it was taken back, and no correction")
    return ("approved" if values.pop() > 0 else "rejected"), ""


def _moment(written: str) -> datetime:
    given = datetime.fromisoformat(written)
    return (given if given.tzinfo else given.replace(tzinfo=UTC)).astimezone(UTC)


def _hashed(name: str) -> str:
    return digest("said by", name)[:16]
