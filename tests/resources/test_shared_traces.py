"""A trace store that several machines share over S3: each ends with the same requests in the same order."""

import sqlite3
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resources import shared_traces as module
from resources import trace_log
from resources.places import scratch_of
from resources.shared_traces import SharedTraces, trace_store
from resources.traces import Feedback, TraceStore, UnknownTrace
from tests.resources.test_traces import trace

NOW = "2026-02-01T00:00:00.000+00:00"


@pytest.fixture
def on(machine):
    """The store of one home on a machine of this name."""
    return lambda name: SharedTraces(machine(name))


def ids(store, twin="ada"):
    return [row["trace_id"] for row in store.since(twin)]


def said(store, twin="ada"):
    return [(row["position"], row["comment"]) for row in store.feedback_since(twin)]


def everything(store):
    store.pull()
    with sqlite3.connect(store.path) as database:
        traces = database.execute("SELECT * FROM traces ORDER BY position").fetchall()
        return traces, database.execute("SELECT * FROM feedback ORDER BY position").fetchall()


def test_a_home_in_s3_has_a_shared_store_and_a_folder_has_its_own(s3_home, tmp_path):
    assert isinstance(trace_store(s3_home), SharedTraces)
    assert trace_store(s3_home).path == scratch_of(s3_home) / "traces.db"
    assert type(trace_store(tmp_path)) is TraceStore


def test_what_two_servers_were_asked_is_read_everywhere_once_it_was_shipped(on):
    first, second, reader = on("first"), on("second"), on("reader")
    one, two, three = trace(), trace(question="And?", error="slow"), trace(twin="ben")
    first.append(one)
    assert ids(reader) == []
    assert first.ship() == 1
    second.append_all([two, three])
    assert second.ship() == 2
    assert ids(reader) == [one.trace_id, two.trace_id]
    assert reader.since("ada", one.trace_id) == second.since("ada", one.trace_id)
    assert reader.trace(two.trace_id)["error"] == "slow"
    assert reader.newest("ben") == three.trace_id
    assert first.ship() == second.ship() == reader.ship() == 0


def test_a_long_list_goes_in_several_batches(on, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 3)
    server, reader = on("server"), on("reader")
    made = [trace() for _ in range(7)]
    server.append_all(made)
    assert server.ship() == 7
    assert reader.pull() == 3
    assert ids(reader) == [one.trace_id for one in made]


def test_feedback_on_another_machine_s_answer_reaches_all(on):
    first, second, reader = on("first"), on("second"), on("reader")
    one = trace()
    first.append(one)
    first.ship()
    second.give_feedback(Feedback(one.trace_id, NOW, -1, "no"))
    second.ship()
    assert said(reader) == said(first) == [(1, "no")]
    with pytest.raises(UnknownTrace):
        second.give_feedback(Feedback("unknown", NOW, 1))


def test_what_was_shipped_by_a_server_killed_before_it_knew_is_there_once(on, monkeypatch):
    server, reader = on("server"), on("reader")
    one = trace()
    server.append(one)
    server.give_feedback(Feedback(one.trace_id, NOW, comment="no"))
    append = trace_log.TraceLog.append
    with monkeypatch.context() as patch:
        patch.setattr(trace_log.TraceLog, "append", lambda *what: append(*what) / 0)
        with pytest.raises(ZeroDivisionError):
            server.ship()
    assert on("server").ship() == 2
    for store in (server, reader):
        assert store.pull() == 2 * (store is reader)
        assert ids(store) == [one.trace_id]
        assert said(store) == [(1, "no")]


def test_an_answer_is_known_before_and_after_it_is_shipped(on):
    server = on("server")
    one = trace()
    server.append(one)
    waiting = server.trace(one.trace_id)
    server.ship()
    assert waiting == server.trace(one.trace_id) == on("reader").trace(one.trace_id)
    assert waiting["retrieved"] == '[{"chunk_id": "c1", "content_hash": "h", "score": 0.5}]'
    assert waiting["declined"] is False


def test_reading_ships_what_waits_on_the_same_machine(on):
    one = trace()
    on("server").append(one)
    assert on("server").newest("ada") == one.trace_id
    assert ids(on("reader")) == [one.trace_id]


def test_two_processes_of_one_machine_take_each_batch_once(on):
    server, one, other = on("server"), on("reader"), on("reader")
    server.append_all([trace() for _ in range(3)])
    server.ship()
    assert one.pull() == 1
    assert other.pull() == 0
    assert len(ids(other)) == 3


def test_forgetting_reaches_the_other_machines_and_the_objects(on, s3_home, monkeypatch):
    monkeypatch.setattr(trace_log, "REMOVED_AFTER", -timedelta(days=1))
    server, reader = on("server"), on("reader")
    old = trace(created_at="2025-01-01T00:00:00.000+00:00", question="the old question")
    new = trace(created_at=NOW, question="the new question")
    server.append_all([old, new])
    server.give_feedback(Feedback(old.trace_id, NOW, comment="an old word"))
    server.ship()
    assert len(ids(reader)) == 2
    assert reader.forget_before("2026-01-01") == 1
    assert reader.forget_before("2026-01-01") == 0
    for store in (reader, server, on("later")):
        assert ids(store) == [new.trace_id]
        assert said(store) == []
        files = b"".join(path.read_bytes() for path in store.path.parent.glob("traces.db*"))
        assert b"old question" not in files
        assert b"new question" in files
    # The batch with the old words is gone; what stands for it has only the new ones.
    assert trace_log.TraceLog(s3_home).numbers(0) == [2]
    snapshot = (s3_home / "traces" / "snapshot.db").read_bytes()
    assert b"old question" not in snapshot
    assert b"new question" in snapshot


def test_an_empty_disk_takes_the_snapshot_and_the_rest_and_has_the_same_positions(on, monkeypatch):
    monkeypatch.setattr(module, "MANY", 3)
    monkeypatch.setattr(trace_log, "REMOVED_AFTER", -timedelta(days=1))
    server, keeper = on("server"), on("keeper")
    made = [trace() for _ in range(6)]
    for one in made[:4]:
        server.append(one)
        server.give_feedback(Feedback(one.trace_id, NOW, comment=one.trace_id))
        server.ship()
    assert len(ids(keeper)) == 4
    for one in made[4:]:
        server.append(one)
        server.ship()
    late = on("late")
    assert ids(late) == [one.trace_id for one in made]
    assert late.feedback_since("ada", 2) == keeper.feedback_since("ada", 2)
    ids(keeper)
    assert everything(late) == everything(keeper)


def test_a_machine_that_is_far_behind_keeps_what_it_has_not_shipped(on, monkeypatch):
    monkeypatch.setattr(module, "MANY", 2)
    monkeypatch.setattr(trace_log, "REMOVED_AFTER", -timedelta(days=1))
    server, sleeper, keeper = on("server"), on("sleeper"), on("keeper")
    first, own = trace(), trace(question="mine")
    server.append(first)
    server.ship()
    sleeper.pull()
    sleeper.append(own)
    for _ in range(4):
        server.append(trace())
        server.ship()
    assert len(ids(keeper)) == 5
    assert sleeper.trace(own.trace_id)["question"] == "mine"
    assert sleeper.ship() == 1
    assert ids(keeper)[-1] == own.trace_id
    assert ids(sleeper) == ids(keeper)


def test_a_missing_batch_is_an_error_and_not_an_endless_search(on, s3_home):
    server = on("server")
    for _ in range(3):
        server.append(trace())
        server.ship()
    (s3_home / "traces" / "log" / f"{2:012d}.jsonl.gz").unlink()
    with pytest.raises(LookupError, match="lacks batch 2"):
        on("reader").pull()


STEPS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["ask", "say", "ship", "pull", "forget"])), max_size=25
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_whatever_happens_where_all_machines_agree_in_the_end(s3_server, s3_home, tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("world")
    home = s3_server.home(folder / "scratch")
    stores = [SharedTraces(s3_server.on(home, folder / str(number))) for number in range(3)]
    asked, forgotten = [], set()
    for number, step in steps:
        store = stores[number]
        if step == "ask":
            asked.append(trace(created_at=f"2026-01-{len(asked) + 1:02d}T00:00:00.000+00:00"))
            store.append(asked[-1])
        elif step == "say" and asked and store.trace(asked[0].trace_id):
            store.give_feedback(Feedback(asked[0].trace_id, NOW, comment=f"{number} {len(asked)}"))
        elif step == "forget":
            before = f"2026-01-{len(asked) // 2 + 1:02d}"
            gone = {row["trace_id"] for row in store.since("ada") if row["created_at"][:10] < before}
            assert store.forget_before(before) == len(gone)
            forgotten |= gone
        elif step in ("ship", "pull"):
            getattr(store, step)()
    for store in stores:
        store.ship()
    reader = SharedTraces(s3_server.on(home, folder / "reader"))
    copies = [everything(store) for store in (*stores, reader)]
    assert all(one == copies[0] for one in copies)
    assert set(ids(reader)) <= {one.trace_id for one in asked}
    assert forgotten or len(ids(reader)) == len(asked)
