"""From recorded requests to a table, and to the numbers that say how a twin does."""

import json
import math
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from llm_twin_assets.contracts import ONLINE_SCORES, TRACES, shaped
from llm_twin_assets.monitoring.online_scores import means_table
from llm_twin_assets.sources.preview import table
from resources.opik_outbox import DATABASE, Outbox
from resources.opik_records import Score
from resources.opik_settings import OpikPlace, opik_place
from resources.settings import Settings
from resources.shared_database import shared
from resources.store import Table
from resources.traces import TraceStore
from resources.twins import Twins

Row = Mapping[str, Any]

PREVIEWED = 10
LONGEST_CELL = 80


def forget(traces: TraceStore, keep_days: int | None) -> str | None:
    """Forget what was asked more than so many days ago; returns the moment before which all is forgotten.

    That moment is a midnight, UTC, so it moves once a day. None where everything is kept.
    """
    if keep_days is None:
        return None
    day = datetime.now(UTC).date() - timedelta(days=keep_days)
    before = datetime(day.year, day.month, day.day, tzinfo=UTC).isoformat()
    traces.forget_before(before)
    return before


def extended(
    known: pd.DataFrame,
    traces: TraceStore,
    twin: str,
    score: Callable[[Sequence[Row]], Sequence[Mapping[str, float]]],
    before: str | None = None,
) -> Table:
    """The table with what was recorded since its last row, which alone is read, and scored.

    What was asked before a moment is left out. Where the trace store was replaced, everything in it is read
    and what is known stays.
    """
    last, seen = (str(known["trace_id"].iloc[-1]) if len(known) else None), set(known["trace_id"])
    new = [row for row in traces.since(twin, last) if row["trace_id"] not in seen]
    scored = [{**row, **scores} for row, scores in zip(new, score(new), strict=True)]
    fresh = shaped(pd.DataFrame(scored, columns=list(TRACES.columns)), TRACES)
    rows = pd.concat([known, fresh], ignore_index=True) if new else known
    kept = rows if before is None else rows[~_older(rows, before)].reset_index(drop=True)
    return Table(kept, metadata={"new_requests": len(new), "forgotten": len(rows) - len(kept)})


def note_scores(home: Path, twin: str, rows: pd.DataFrame, place: OpikPlace) -> None:
    """Note the scores of these requests, so that the next export sends them too. Raises sqlite3.Error."""
    scores = [
        Score(row["trace_id"], name, row[name])
        for row in rows.to_dict("records")
        for name in ONLINE_SCORES
        if math.isfinite(row[name])
    ]
    Outbox(home, place.name).add_scores(twin, scores)


def exported(traces: TraceStore, twin: str, settings: Settings, twins: Twins) -> dict[str, Any]:
    """Send a twin's requests to Opik where it is configured, and say how far that went; else say nothing.

    What Opik or the outbox refuses is said, not raised: the table does not depend on it.
    """
    from resources.opik_client import OpikRefused
    from resources.opik_export import export

    try:
        if (place := opik_place()) is None:
            return {}
        with shared(settings.home, DATABASE):
            done = export(traces, place, [twin], redacting(settings, twins), settings.trace_days)
    except (OpikRefused, ValueError, sqlite3.Error) as error:
        return {"opik/stopped": str(error)}
    return {f"opik/{name}": value for name, value in asdict(done).items() if value is not None}


def redacting(settings: Settings, twins: Twins) -> Callable[[str], str]:
    """Takes personal data and secrets out of a text, as the settings say."""
    from llm_twin_assets.documents.redaction import redact
    from llm_twin_assets.documents.rules import rules_of

    more = rules_of(settings, twins).more
    return lambda text: redact(text, more=more).text


def shown(
    rows: pd.DataFrame, clean: Callable[[str], str], keep_days: int | None = None
) -> tuple[dict[str, float | int], dict[str, str]]:
    """What a run shows of the table: numbers, and texts in Markdown, redacted by `clean`.

    Where requests are kept for some days only, none is shown: what a run shows is kept for good.
    """
    texts = {"scores": means_table(rows)} | ({} if keep_days else {"preview": preview(rows, clean)})
    return summary(rows), texts


def _older(rows: pd.DataFrame, moment: str) -> "pd.Series[bool]":
    """Which rows are older than a moment; one without a readable moment is not, as in the trace store."""
    asked = pd.to_datetime(rows["created_at"], utc=True, format="ISO8601", errors="coerce")
    return asked < pd.Timestamp(moment)


def summary(rows: pd.DataFrame) -> dict[str, float | int]:
    """Requests, failures, the share that was declined, percentiles of the answers' times, and the cost.

    Shares and percentiles are over answered requests; they are absent where there is none. The first
    token's is over those that tell it.
    """
    answered = rows[rows["error"].isna()]
    numbers: dict[str, float | int] = {"requests": len(rows), "failed": len(rows) - len(answered)}
    numbers["cost"] = round(float(rows["cost"].sum()), 6)
    if answered.empty:
        return numbers
    milliseconds = answered["timings_ms"].map(lambda spans: float(json.loads(spans)["total"]))
    first = answered["first_token_ms"].dropna()
    if len(first):
        numbers["first_token_p50_ms"] = round(float(first.quantile(0.5)), 1)
    return numbers | {
        "declined_share": round(float(answered["declined"].mean()), 4),
        "latency_p50_ms": round(float(milliseconds.quantile(0.5)), 1),
        "latency_p95_ms": round(float(milliseconds.quantile(0.95)), 1),
        "completion_tokens": int(answered["completion_tokens"].sum()),
    }


def preview(rows: pd.DataFrame, clean: Callable[[str], str]) -> str:
    """The newest requests as a markdown table; `clean` redacts their texts."""
    newest = rows.tail(PREVIEWED).iloc[::-1].to_dict("records")
    said = [row["answer"] if pd.isna(row["error"]) else f"failed: {row['error']}" for row in newest]
    cells = [
        [row["created_at"], _cell(clean(row["question"])), _cell(clean(answer))]
        for row, answer in zip(newest, said, strict=True)
    ]
    return table(["asked at", "question", "answer"], cells)


def _cell(text: object) -> str:
    line = " ".join(str(text).split()).replace("|", "\\|")
    return line if len(line) <= LONGEST_CELL else f"{line[:LONGEST_CELL]}…"
