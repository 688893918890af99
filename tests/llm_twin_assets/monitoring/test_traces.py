"""Traces as a table: read once each, counted rightly."""

import json

import pandas as pd
import pytest

from llm_twin_assets.contracts import SCHEMAS, conform
from llm_twin_assets.monitoring.traces import extended, preview, summary
from resources.traces import Trace, TraceStore, new_trace_id

TRACES = SCHEMAS["production_traces"]


@pytest.fixture
def traces(tmp_path):
    return TraceStore(tmp_path / "home")


def record(traces, question="Why?", total=10.0, twin="ada", **fields):
    one = Trace(
        new_trace_id(), twin, "2026-01-01", "r1", "i1", question, timings_ms={"total": total}, **fields
    )
    traces.append(one)
    return one


def table(known, traces):
    made = extended(known, traces, "ada")
    return conform(made.rows, TRACES), made.metadata["new_requests"]


def nothing():
    return conform(pd.DataFrame(columns=list(TRACES.columns)), TRACES)


def test_only_new_requests_are_added_in_the_order_they_were_recorded(traces):
    first = [record(traces, f"{n}") for n in range(3)]
    record(traces, "another twin's", twin="ben")
    rows, new = table(nothing(), traces)
    assert (list(rows["trace_id"]), new) == ([one.trace_id for one in first], 3)
    later = record(traces, "later")
    again, new = table(rows, traces)
    assert (list(again["trace_id"]), new) == ([*rows["trace_id"], later.trace_id], 1)
    unchanged, new = table(again, traces)
    assert new == 0
    pd.testing.assert_frame_equal(unchanged, again)


def test_without_any_request_there_is_an_empty_table(traces):
    rows, new = table(nothing(), traces)
    assert (len(rows), new) == (0, 0)
    assert summary(rows) == {"requests": 0, "failed": 0}
    assert preview(rows).count("\n") == 1


def test_a_replaced_trace_store_loses_nothing_and_repeats_nothing(traces):
    kept = record(traces)
    rows, _ = table(nothing(), traces)
    traces.path.unlink()
    fresh = record(traces)
    again, new = table(rows, traces)
    assert (list(again["trace_id"]), new) == ([kept.trace_id, fresh.trace_id], 1)


def test_a_trace_store_from_a_backup_repeats_nothing(traces):
    kept = record(traces)
    backup = traces.path.read_bytes()
    lost = record(traces)
    rows, _ = table(nothing(), traces)
    traces.path.write_bytes(backup)
    fresh = record(traces)
    again, new = table(rows, traces)
    assert (list(again["trace_id"]), new) == ([kept.trace_id, lost.trace_id, fresh.trace_id], 1)


def test_only_what_is_new_is_read(traces):
    class Watched(TraceStore):
        asked = None

        def since(self, twin, trace_id=None):
            self.asked = trace_id
            return super().since(twin, trace_id)

    last = record(traces)
    rows, _ = table(nothing(), traces)
    watched = Watched(traces.path.parent)
    table(rows, watched)
    assert watched.asked == last.trace_id


def test_the_numbers_are_those_of_the_answered_requests(traces):
    for total in (10.0, 20.0, 30.0, 40.0):
        record(traces, total=total, declined=total == 40.0, completion_tokens=5)
    record(traces, total=9999.0, error="OSError: x")
    rows, _ = table(nothing(), traces)
    assert summary(rows) == {
        "requests": 5,
        "failed": 1,
        "declined_share": 0.25,
        "latency_p50_ms": 25.0,
        "latency_p95_ms": pytest.approx(38.5),
        "completion_tokens": 20,
    }
    assert all(isinstance(json.loads(spans), dict) for spans in rows["timings_ms"])


def test_the_preview_shows_the_newest_first_and_stays_a_table(traces):
    for number in range(12):
        record(traces, f"question | {number}\nwith more " + "words " * 30, answer="fine")
    record(traces, "the last one", error="OSError: disk full")
    rows, _ = table(nothing(), traces)
    lines = preview(rows).splitlines()
    assert len(lines) == 12
    assert "the last one" in lines[2]
    assert "failed: OSError: disk full" in lines[2]
    assert "question \\| 11 with more" in lines[3]
    assert all(len(line) < 250 for line in lines)
