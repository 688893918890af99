"""From recorded requests to a table, and to the numbers that say how a twin does."""

import json

import pandas as pd

from llm_twin_assets.sources.preview import table
from resources.store import Table
from resources.traces import TraceStore

PREVIEWED = 10
LONGEST_CELL = 80


def extended(known: pd.DataFrame, traces: TraceStore, twin: str) -> Table:
    """The table with what was recorded since its last row; only that is read.

    Where the trace store was replaced, everything in it is read and what is known stays.
    """
    last = str(known["trace_id"].iloc[-1]) if len(known) else None
    new = pd.DataFrame(traces.since(twin, last), columns=list(known.columns))
    new = new[~new["trace_id"].isin(known["trace_id"])]
    rows = pd.concat([known, new], ignore_index=True) if len(new) else known
    return Table(rows, metadata={"new_requests": len(new)})


def summary(rows: pd.DataFrame) -> dict[str, float | int]:
    """Requests, failures, the share that was declined, and percentiles of the whole answer's time.

    Shares and percentiles are over answered requests; they are absent where there is none.
    """
    answered = rows[rows["error"].isna()]
    numbers: dict[str, float | int] = {"requests": len(rows), "failed": len(rows) - len(answered)}
    if answered.empty:
        return numbers
    milliseconds = answered["timings_ms"].map(lambda spans: float(json.loads(spans)["total"]))
    return numbers | {
        "declined_share": round(float(answered["declined"].mean()), 4),
        "latency_p50_ms": round(float(milliseconds.quantile(0.5)), 1),
        "latency_p95_ms": round(float(milliseconds.quantile(0.95)), 1),
        "completion_tokens": int(answered["completion_tokens"].sum()),
    }


def preview(rows: pd.DataFrame) -> str:
    """The newest requests as a markdown table."""
    newest = rows.tail(PREVIEWED).iloc[::-1].to_dict("records")
    said = [row["answer"] if pd.isna(row["error"]) else f"failed: {row['error']}" for row in newest]
    cells = [
        [row["created_at"], _cell(row["question"]), _cell(answer)]
        for row, answer in zip(newest, said, strict=True)
    ]
    return table(["asked at", "question", "answer"], cells)


def _cell(text: object) -> str:
    line = " ".join(str(text).split()).replace("|", "\\|")
    return line if len(line) <= LONGEST_CELL else f"{line[:LONGEST_CELL]}…"
