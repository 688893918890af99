"""Letting time pass in a replay's trace store: what readers said becomes older than it is."""

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta

from resources.traces import BUSY_SECONDS, TraceStore


def age(traces: TraceStore, hours: int) -> int:
    """Move the moments of all feedback so many hours back; returns how much there was.

    Feedback counts once it is a day old (monitoring.eligibility). Only ever done to a replay's own store.
    """
    if not traces.path.exists():
        return 0
    with closing(sqlite3.connect(traces.path, timeout=BUSY_SECONDS)) as connection, connection:
        rows = connection.execute("SELECT position, created_at FROM feedback").fetchall()
        moved = [(_earlier(str(at), hours), position) for position, at in rows]
        connection.executemany("UPDATE feedback SET created_at = ? WHERE position = ?", moved)
    return len(moved)


def _earlier(moment: str, hours: int) -> str:
    return (datetime.fromisoformat(moment) - timedelta(hours=hours)).isoformat(timespec="milliseconds")
