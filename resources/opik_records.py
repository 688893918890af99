"""A recorded request as Opik's trace and its nested spans, and what was said of it as feedback scores."""

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

Redact = Callable[[str], str]
PROVIDER: Final = "llm-twin"
THUMBS: Final = "thumbs"
# Opik's scores lie within this.
LARGEST_SCORE: Final = 1e9
# These steps together are the search; they follow each other.
_SEARCH: Final = ("self_query", "expansion", "embedding", "retrieval", "rerank")
_FIRST: Final = ("queue", "rewriting")
_TYPES: Final = {"generation": "llm", "retrieval": "tool", "search": "tool"}


@dataclass(frozen=True)
class Written:
    """A trace and its spans in the words of Opik's API: moments are datetimes, all else is JSON."""

    trace: dict[str, Any]
    spans: list[dict[str, Any]]


@dataclass(frozen=True)
class Score:
    """A number about a trace: `name` is the scale, `reason` words that go with it."""

    trace_id: str
    name: str
    value: float
    reason: str | None = None


def derived_id(trace_id: str, name: str) -> str:
    """The same uuid7 for the same trace and name: the trace's milliseconds, then a hash (RFC 9562, 5.7).

    Raises ValueError where the trace's id is no UUID.
    """
    return dated_id(uuid.UUID(trace_id).int >> 80, f"{trace_id} {name}")


def dated_id(milliseconds: int, name: str) -> str:
    """The same uuid7 for the same moment, in milliseconds since 1970, and name."""
    drawn = int.from_bytes(hashlib.sha256(name.encode()).digest()[:10], "big")
    high, low = drawn >> 68, drawn & ((1 << 62) - 1)
    return str(uuid.UUID(int=milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low))


def written(row: Mapping[str, Any], project: str, redact: Redact) -> Written:
    """A row of the trace store as Opik's trace with spans; every human word goes through `redact`.

    Raises ValueError where the row cannot be told: its id is no UUID, its time no moment.
    """
    spent: dict[str, float] = json.loads(row["timings_ms"])
    started = _moment(row["created_at"])
    ended = started + timedelta(milliseconds=max(spent.get("total", 0.0), _steps_total(spent)))
    shared: dict[str, Any] = {"project_name": project, "source": "sdk"}
    if row["error"]:
        shared |= {"error_info": _error(redact(row["error"]))}
    trace = shared | {
        "id": str(uuid.UUID(row["trace_id"])),
        "name": "answer",
        "start_time": started,
        "end_time": ended,
        "input": _asked(row, redact),
        "output": _answered(row, redact),
        "metadata": _metadata(row, redact),
        "tags": _tags(row),
        "thread_id": _thread(row["thread_id"], redact),
        "ttft": row["first_token_ms"],
    }
    spans = _spans(row, spent, started, redact)
    return Written(_without_nothing(trace), [_without_nothing({"project_name": project} | s) for s in spans])


def said_scores(trace_id: str, said: Iterable[Mapping[str, Any]], redact: Redact) -> list[Score]:
    """What people said of an answer, in the order they said it, as scores; of each, the last stands.

    A thumb is 1 or -1, and 0 where it was taken back. Words and a corrected answer are the reasons of
    scores of their own, `commented` and `corrected`, so that they never move the thumbs' mean.
    """
    last: dict[str, Any] = {}
    for row in said:
        last |= {name: row[name] for name in ("value", "comment", "correction") if row[name] is not None}
    scores = [Score(trace_id, THUMBS, float(last["value"]))] if "value" in last else []
    for name, words in (("commented", last.get("comment")), ("corrected", last.get("correction"))):
        scores += [Score(trace_id, name, 1.0, redact(words))] if words else []
    return scores


def _asked(row: Mapping[str, Any], redact: Redact) -> dict[str, Any]:
    asked = {"question": redact(row["question"])}
    return asked | ({"standalone": redact(row["standalone"])} if row["standalone"] else {})


def _answered(row: Mapping[str, Any], redact: Redact) -> dict[str, Any]:
    # A citation is the address of a published document, with ids and hashes: nothing that anybody said.
    return {
        "answer": redact(row["answer"]),
        "declined": row["declined"],
        "citations": json.loads(row["citations"]),
    }


def _metadata(row: Mapping[str, Any], redact: Redact) -> dict[str, Any]:
    known = {name: row[name] for name in ("twin", "release_id", "index_id", "arm")}
    understood = redacted(json.loads(row["understood"]), redact)
    return known | {"understood": understood, "timings_ms": json.loads(row["timings_ms"])}


def _tags(row: Mapping[str, Any]) -> list[str]:
    tags = [f"twin:{row['twin']}", f"release:{row['release_id']}", f"index:{row['index_id']}"]
    tags += [f"arm:{row['arm']}"] if row["arm"] else []
    tags += ["declined"] if row["declined"] else []
    return tags + (["failed"] if row["error"] else [])


def _error(message: str) -> dict[str, str]:
    """Opik wants a traceback; the store keeps none, so the message stands there too."""
    kind, colon, rest = message.partition(": ")
    kind = kind if colon and kind.isidentifier() else "Error"
    return {"exception_type": kind, "message": rest or message, "traceback": message}


def _thread(thread_id: str | None, redact: Redact) -> str | None:
    """The conversation's id; clients choose it, so one that is personal data is replaced by its hash."""
    if not thread_id or redact(thread_id) == thread_id:
        return thread_id or None
    return f"thread-{hashlib.sha256(thread_id.encode()).hexdigest()[:32]}"


def _spans(
    row: Mapping[str, Any], spent: Mapping[str, float], started: datetime, redact: Redact
) -> list[dict[str, Any]]:
    """A span a step, one after the other as they ran; those of the search lie in one span of their own."""
    spans, reached = [], started
    for name in _ordered(spent):
        ended = reached + timedelta(milliseconds=spent[name])
        spans.append(_span(row["trace_id"], name, reached, ended))
        reached = ended
    inner = [span for span in spans if span["name"] in _SEARCH]
    if inner:
        outer = _span(row["trace_id"], "search", inner[0]["start_time"], inner[-1]["end_time"])
        inner_ids = {span["id"] for span in inner}
        spans = [s | {"parent_span_id": outer["id"]} if s["id"] in inner_ids else s for s in spans]
        spans.insert(0, outer)
    return [span | _told(span["name"], row, redact) for span in spans]


def _span(trace_id: str, name: str, started: datetime, ended: datetime) -> dict[str, Any]:
    return {
        "id": derived_id(trace_id, name),
        "trace_id": str(uuid.UUID(trace_id)),
        "name": name,
        "type": _TYPES.get(name, "general"),
        "start_time": started,
        "end_time": ended,
        "source": "sdk",
    }


def _told(name: str, row: Mapping[str, Any], redact: Redact) -> dict[str, Any]:
    """What a step was given and what it made, where the record tells."""
    question = redact(row["standalone"] or row["question"])
    if name == "rewriting":
        return {"input": {"question": redact(row["question"])}, "output": {"standalone": question}}
    if name in ("self_query", "expansion"):
        return {"input": {"question": question}, "output": redacted(json.loads(row["understood"]), redact)}
    if name == "search":
        return {"input": {"question": question}, "output": {"passages": json.loads(row["retrieved"])}}
    if name != "generation":
        return {}
    usage = {"prompt_tokens": row["prompt_tokens"], "completion_tokens": row["completion_tokens"]}
    return {
        "input": {"question": question},
        "output": {"answer": redact(row["answer"])},
        "model": row["release_id"],
        "provider": PROVIDER,
        "usage": usage | {"total_tokens": sum(usage.values())},
        "total_estimated_cost": row["cost"],
        "ttft": row["first_token_ms"],
    }


def _ordered(spent: Mapping[str, float]) -> list[str]:
    """The steps as they run; the record holds them in the order in which they ended, so search together."""
    steps = [name for name in spent if name != "total"]
    ordered = [*(n for n in _FIRST if n in steps), *(n for n in _SEARCH if n in steps)]
    return ordered + [name for name in steps if name not in ordered]


def _steps_total(spent: Mapping[str, float]) -> float:
    return sum(milliseconds for name, milliseconds in spent.items() if name != "total")


def redacted(value: Any, redact: Redact) -> Any:
    """A JSON value, every text in it redacted."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [redacted(one, redact) for one in value]
    if isinstance(value, dict):
        return {name: redacted(one, redact) for name, one in value.items()}
    return value


def _moment(written_at: str) -> datetime:
    moment = datetime.fromisoformat(written_at)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _without_nothing(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
