"""The record of every request: ids that grow, rows that are read once, several processes at once."""

import contextlib
import dataclasses
import json
import sqlite3
import subprocess
import sys
import threading
import time
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources import traces as module
from resources.traces import Trace, TraceStore, Uuid7, new_trace_id


@pytest.fixture
def traces(tmp_path):
    return TraceStore(tmp_path / "home")


def trace(twin="ada", **fields):
    made = Trace(
        trace_id=new_trace_id(),
        twin=twin,
        created_at="2026-01-01T00:00:00.000+00:00",
        release_id="r1",
        index_id="i1",
        question="Why?",
        answer="Because “so”.",
        retrieved=[{"chunk_id": "c1", "content_hash": "h", "score": 0.5}],
        timings_ms={"total": 12.5},
        prompt_tokens=3,
        completion_tokens=5,
    )
    return dataclasses.replace(made, **fields)


@given(st.lists(st.integers(0, 2**41), min_size=1, max_size=30))
def test_ids_grow_whatever_the_clock_does(clock):
    ids = Uuid7()
    ticks = iter(clock)
    original = time.time_ns
    module.time.time_ns = lambda: next(ticks) * 1_000_000
    try:
        made = [ids.next() for _ in clock]
    finally:
        module.time.time_ns = original
    assert made == sorted(set(made))
    for one in made:
        parsed = uuid.UUID(one)
        assert parsed.version == 7
        assert parsed.variant == uuid.RFC_4122
        assert str(parsed) == one


def test_an_id_tells_its_milliseconds():
    before = time.time_ns() // 1_000_000
    made = uuid.UUID(Uuid7().next()).int >> 80
    assert before <= made <= time.time_ns() // 1_000_000


def test_ids_of_many_threads_are_all_different(monkeypatch):
    """Even where neither clock nor chance tells them apart."""
    monkeypatch.setattr(module.time, "time_ns", lambda: 1_000_000)
    monkeypatch.setattr(module.secrets, "randbits", lambda bits: time.sleep(0) or 0)
    ids, made = Uuid7(), []
    threads = [threading.Thread(target=lambda: made.extend(ids.next() for _ in range(500))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 2000


def test_a_record_comes_back_as_it_was_written(traces):
    one = trace(thread_id="t1")
    other = trace(answer="", declined=True, error="OSError: x", retrieved=[], timings_ms={})
    traces.append(one)
    traces.append(other)
    first, second = traces.since("ada")
    assert first == {
        **dataclasses.asdict(one),
        "retrieved": json.dumps(one.retrieved),
        "timings_ms": '{"total": 12.5}',
        "understood": "{}",
    }
    assert (second["declined"], second["error"], second["retrieved"]) == (True, "OSError: x", "[]")


def test_only_what_came_after_a_trace_is_read_and_only_the_twins(traces):
    made = [trace("ada"), trace("ben"), trace("ada"), trace("ada")]
    for one in made:
        traces.append(one)
    assert [row["trace_id"] for row in traces.since("ada", made[0].trace_id)] == [
        made[2].trace_id,
        made[3].trace_id,
    ]
    assert traces.since("ada", made[3].trace_id) == []
    assert [row["trace_id"] for row in traces.since("ben")] == [made[1].trace_id]
    assert traces.newest("ada") == made[3].trace_id
    assert traces.newest("nobody") is None


def test_a_slow_request_with_an_earlier_id_is_not_missed(traces):
    slow, quick = trace(), trace()
    assert slow.trace_id < quick.trace_id
    traces.append(quick)
    read = traces.since("ada")
    traces.append(slow)
    assert [row["trace_id"] for row in traces.since("ada", read[-1]["trace_id"])] == [slow.trace_id]


def test_after_an_unknown_trace_everything_is_read(traces):
    traces.append(trace())
    assert len(traces.since("ada", new_trace_id())) == 1


def test_the_same_id_is_not_recorded_twice(traces):
    one = trace()
    traces.append(one)
    with pytest.raises(sqlite3.IntegrityError):
        traces.append(one)
    assert len(traces.since("ada")) == 1


def test_reading_where_nothing_was_recorded_creates_nothing(traces):
    assert traces.since("ada") == []
    assert traces.newest("ada") is None
    assert not traces.path.exists()


def test_processes_and_threads_write_and_read_at_once(traces, tmp_path):
    program = (
        "import sys; from pathlib import Path; from resources.traces import *\n"
        "store = TraceStore(Path(sys.argv[1]))\n"
        "for n in range(40): store.append(Trace(new_trace_id(), 'ada', 't', 'r', 'i', f'{n}'))"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(traces.path.parent)]) for _ in range(3)]
    seen, last = [], None
    while any(writer.poll() is None for writer in writers):
        new = traces.since("ada", last)
        seen += [row["trace_id"] for row in new]
        last = seen[-1] if seen else None
    seen += [row["trace_id"] for row in traces.since("ada", last)]
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert len(seen) == len(set(seen)) == 120
    database = sqlite3.connect(traces.path)
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()


def test_a_database_of_an_earlier_version_gets_the_columns_it_lacks(tmp_path):
    store = TraceStore(tmp_path)
    store.append(trace())
    with contextlib.closing(sqlite3.connect(store.path)) as database, database:
        database.execute("ALTER TABLE traces DROP COLUMN understood")
    later = TraceStore(tmp_path)
    assert [row["understood"] for row in later.since("ada")] == ["{}"]
    later.append(trace(understood={"widened": False}))
    assert json.loads(later.since("ada")[-1]["understood"]) == {"widened": False}
