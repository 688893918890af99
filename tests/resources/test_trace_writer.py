"""Records on their way to the store: none waited for, none lost at a clean stop, few at a kill."""

import contextlib
import logging
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from resources import trace_writer as module
from resources.trace_writer import TraceWriter
from resources.traces import Trace, TraceStore, new_trace_id
from tests.waiting import wait_until


@pytest.fixture
def store(tmp_path):
    return TraceStore(tmp_path / "home")


@pytest.fixture
def writer(store):
    with contextlib.closing(TraceWriter(store)) as writer:
        yield writer


def trace(**fields):
    return Trace(new_trace_id(), "ada", "2026-01-01", "r", "i", "Why?", **fields)


def ids(store):
    return [row["trace_id"] for row in store.since("ada")]


@contextlib.contextmanager
def locked(store):
    """Nobody else can write meanwhile."""
    with contextlib.closing(sqlite3.connect(store.path, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        yield
        database.execute("ROLLBACK")


@contextlib.contextmanager
def broken(store):
    """The database cannot be opened meanwhile. It comes and goes at once: no new one is made in between."""
    kept, folder = store.path.with_suffix(".kept"), store.path.with_suffix(".folder")
    for ending in ("-wal", "-shm"):
        store.path.with_name(store.path.name + ending).unlink(missing_ok=True)
    kept.hardlink_to(store.path)
    folder.symlink_to(store.path.parent)
    folder.replace(store.path)
    yield
    kept.replace(store.path)


def test_what_is_put_is_soon_in_the_store_in_its_order(writer, store):
    made = [trace() for _ in range(50)]
    for one in made:
        writer.put(one)
    wait_until(lambda: ids(store) == [one.trace_id for one in made])


def test_a_flush_waits_for_what_was_put_before(writer, store):
    for _ in range(20):
        one = trace()
        writer.put(one)
        assert writer.flush()
        assert ids(store)[-1] == one.trace_id
    assert writer.flush(0)


def test_nothing_is_lost_at_a_clean_stop(store):
    writer = TraceWriter(store)
    made = [trace() for _ in range(300)]
    for one in made:
        writer.put(one)
    writer.close()
    assert ids(store) == [one.trace_id for one in made]
    writer.close()


def test_what_is_put_after_the_stop_is_written_all_the_same(store):
    writer = TraceWriter(store)
    writer.close()
    late = trace()
    writer.put(late)
    assert ids(store) == [late.trace_id]


def test_many_threads_put_and_each_record_is_there_once(writer, store):
    made = [[trace() for _ in range(50)] for _ in range(8)]
    threads = [threading.Thread(target=lambda part=part: [writer.put(one) for one in part]) for part in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert writer.flush()
    assert sorted(ids(store)) == sorted(one.trace_id for part in made for one in part)


def test_nobody_waits_for_a_store_that_is_busy(writer, store):
    writer.put(trace())
    assert writer.flush()
    with locked(store):
        started = time.perf_counter()
        for _ in range(100):
            writer.put(trace())
        assert time.perf_counter() - started < 0.5
        assert not writer.flush(0.05)
    assert writer.flush()
    assert len(ids(store)) == 101


def test_what_waits_is_written_in_one_transaction(writer, store, monkeypatch):
    writer.put(trace())
    assert writer.flush()
    batches, append_all = [], store.append_all
    monkeypatch.setattr(store, "append_all", lambda traces: (batches.append(len(traces)), append_all(traces)))
    with locked(store):
        writer.put(trace())
        wait_until(lambda: batches)
        for _ in range(30):
            writer.put(trace())
    assert writer.flush()
    assert batches == [1, 30]


def test_a_full_queue_is_written_by_who_is_asking(store):
    store.append(trace())
    with contextlib.closing(TraceWriter(store, waiting=2)) as writer:
        with locked(store):
            writer.put(trace())
            writer.put(trace())
            third = threading.Thread(target=writer.put, args=(last := trace(),))
            third.start()
            assert last.trace_id not in ids(store)
        third.join()
        assert last.trace_id in ids(store)
        assert writer.flush()
    assert len(ids(store)) == 4


def test_a_failing_disk_is_said_once_and_tried_again(writer, store, monkeypatch, caplog):
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    tries, append_all = [], store.append_all
    monkeypatch.setattr(store, "append_all", lambda traces: (tries.append(1), append_all(traces)))
    store.append(trace())
    with broken(store):
        for _ in range(10):
            writer.put(trace())
        wait_until(lambda: len(tries) > 5)
        complaints = [one for one in caplog.records if one.levelno == logging.ERROR]
        assert [one.message.partition(": ")[2].split(", ")[1] for one in complaints] == ["0 are lost so far"]
        assert complaints[0].exc_info[0] is sqlite3.OperationalError
    assert writer.flush()
    assert len(ids(store)) == 11


def test_a_failure_is_said_again_a_minute_later(writer, store, monkeypatch, caplog):
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(module, "COMPLAINT_SECONDS", 0.05)
    store.append(trace())
    with broken(store):
        writer.put(trace())
        wait_until(lambda: len(caplog.records) >= 3)
    assert writer.flush()


def test_what_is_lost_to_a_full_queue_and_a_failing_disk_is_counted(store, monkeypatch, caplog):
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(module, "COMPLAINT_SECONDS", 0.0)
    store.append(trace())
    with contextlib.closing(TraceWriter(store, waiting=3)) as writer:
        with broken(store):
            for _ in range(5):
                writer.put(trace())
            wait_until(lambda: "3 requests wait, 2 are lost so far" in caplog.text)
        assert writer.flush()
    assert len(ids(store)) == 4


def test_a_stop_gives_a_failing_disk_up_and_says_what_is_lost(store, monkeypatch, caplog):
    monkeypatch.setattr(module, "CLOSE_SECONDS", 0.2)
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.05)
    store.append(trace())
    writer = TraceWriter(store)
    with broken(store):
        writer.put(trace())
        writer.put(trace())
        started = time.perf_counter()
        writer.close()
        assert time.perf_counter() - started < 2
        assert "2 requests are not in" in caplog.text
        wait_until(lambda: "traces" not in {thread.name for thread in threading.enumerate()})


@pytest.mark.parametrize("fault", [{"retrieved": [object()]}, {"answer": None}, {"answer": "\ud800"}])
def test_a_record_that_cannot_be_written_holds_up_no_other(writer, store, caplog, fault):
    store.append(trace())
    with locked(store):
        writer.put(trace())
        bad = trace(**fault)
        for one in (trace(), bad, trace()):
            writer.put(one)
    assert writer.flush()
    assert len(ids(store)) == 4
    said = [one.message for one in caplog.records if one.levelno == logging.ERROR]
    assert said == [f"request {bad.trace_id} cannot be recorded"]


PROGRAM = """
import contextlib, signal, sys
from pathlib import Path
from resources.trace_writer import TraceWriter
from resources.traces import *
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with contextlib.closing(TraceWriter(TraceStore(Path(sys.argv[1])))) as writer:
    for n in range(100000):
        writer.put(Trace(new_trace_id(), 'ada', 't', 'r', 'i', str(n)))
        if n == 200:
            writer.flush()
            print('flushed', flush=True)
        if n > 200:
            signal.sigtimedwait([], 0.001)
            print(n, flush=True)
"""


@pytest.mark.parametrize(
    ("ended", "kept"), [(signal.SIGTERM, "everything"), (signal.SIGKILL, "what was flushed")]
)
def test_a_process_that_ends(store, ended, kept):
    command = [sys.executable, "-c", PROGRAM, str(store.path.parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "flushed\n"
        for _ in range(20):
            process.stdout.readline()
        process.send_signal(ended)
        last = int([220, *process.stdout.read().split()][-1])
    questions = [int(row["question"]) for row in store.since("ada")]
    assert questions == list(range(len(questions)))
    assert len(questions) > (last if kept == "everything" else 200)
    if kept != "everything":
        assert last - len(questions) < module.WAITING
