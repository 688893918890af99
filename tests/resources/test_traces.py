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
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources import traces as module
from resources.traces import Feedback, Trace, TraceStore, UnknownTrace, Uuid7, new_trace_id


@pytest.fixture
def traces(tmp_path):
    return TraceStore(tmp_path / "home")


# The table as the first version of this software made it.
FIRST_SCHEMA = """
CREATE TABLE traces (
  position INTEGER PRIMARY KEY AUTOINCREMENT, trace_id TEXT NOT NULL UNIQUE, thread_id TEXT,
  twin TEXT NOT NULL, created_at TEXT NOT NULL, release_id TEXT NOT NULL, index_id TEXT NOT NULL,
  question TEXT NOT NULL, answer TEXT NOT NULL, declined INTEGER NOT NULL, retrieved TEXT NOT NULL,
  timings_ms TEXT NOT NULL, prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, error TEXT
);
CREATE INDEX traces_of_twin ON traces (twin, position);
"""
FIRST_ROW = "(7, 'old', NULL, 'ada', '2025-01-01', 'r', 'i', 'Why?', 'So.', 0, '[]', '{}', 1, 2, NULL)"


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
        "citations": "[]",
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


@pytest.fixture
def old(tmp_path):
    """A home with the database of the first version, which has one record."""
    home = tmp_path / "home"
    home.mkdir()
    with contextlib.closing(sqlite3.connect(home / "traces.db")) as database, database:
        database.execute("PRAGMA journal_mode=WAL")
        database.executescript(f"{FIRST_SCHEMA} INSERT INTO traces VALUES {FIRST_ROW}")
    return home


def test_a_database_of_an_earlier_version_gets_what_it_lacks(old):
    store = TraceStore(old)
    [row] = store.since("ada")
    kept = Trace("old", "ada", "2025-01-01", "r", "i", "Why?", "So.", prompt_tokens=1, completion_tokens=2)
    written = {"retrieved": "[]", "timings_ms": "{}", "understood": "{}", "citations": "[]"}
    assert row == dataclasses.asdict(kept) | written
    store.append(trace(arm="canary", cost=0.25))
    store.give_feedback(Feedback("old", "2026-01-01", 1))
    assert [(row["arm"], row["cost"]) for row in store.since("ada", "old")] == [("canary", 0.25)]
    assert [row["trace_id"] for row in store.feedback_since("ada")] == ["old"]


def test_processes_that_find_an_earlier_database_at_once_extend_it_once(old):
    program = (
        "import sys; from pathlib import Path; from resources.traces import *\n"
        "store = TraceStore(Path(sys.argv[1]))\n"
        "store.append(Trace(new_trace_id(), 'ada', 't', 'r', 'i', 'q', arm='control'))"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(old)]) for _ in range(4)]
    assert [writer.wait() for writer in writers] == [0] * 4
    assert [row["arm"] for row in TraceStore(old).since("ada")] == ["", *["control"] * 4]


def test_a_server_of_the_earlier_version_may_still_write(old):
    TraceStore(old).since("ada")
    with contextlib.closing(sqlite3.connect(old / "traces.db")) as database, database:
        names = "position, trace_id, thread_id, twin, created_at, release_id, index_id, question, answer, "
        names += "declined, retrieved, timings_ms, prompt_tokens, completion_tokens, error"
        row = FIRST_ROW.replace("7, 'old'", "8, 'new'")
        database.execute(f"INSERT INTO traces ({names}) VALUES {row}")
    assert [row["arm"] for row in TraceStore(old).since("ada")] == ["", ""]


def test_what_is_known_of_an_answer_comes_back(traces):
    citation = {"uri": "u", "start": 1, "end": 4, "document_id": "d", "chunk_id": "c", "quote_hash": "h"}
    known = {"arm": "control", "standalone": "Why bees?", "key_id": "k1", "first_token_ms": 8.5, "cost": 0.01}
    one = trace(citations=[citation], **known)
    traces.append(one)
    row = traces.trace(one.trace_id)
    assert {name: row[name] for name in known} == known
    assert json.loads(row["citations"]) == [citation]
    assert [row] == traces.since("ada")
    assert traces.trace(new_trace_id()) is None


def test_many_are_recorded_together_and_none_twice(traces):
    first, second, third = trace(), trace(), trace()
    traces.append_all([first, second])
    traces.append_all([dataclasses.replace(second, answer="another"), third])
    rows = traces.since("ada")
    assert [row["trace_id"] for row in rows] == [one.trace_id for one in (first, second, third)]
    assert rows[1]["answer"] == second.answer


def test_all_are_recorded_or_none(traces):
    with pytest.raises(TypeError):
        traces.append_all([trace(), trace(retrieved=[object()])])
    with pytest.raises(sqlite3.IntegrityError):
        traces.append_all([trace(), trace(question=None)])
    assert traces.since("ada") == []


def said(traces, twin="ada", position=0):
    return [(row["trace_id"], row["value"]) for row in traces.feedback_since(twin, position)]


def test_feedback_is_appended_and_read_once(traces):
    one, other, bens = trace(), trace(), trace("ben")
    traces.append_all([one, other, bens])
    whole = Feedback(one.trace_id, "2026-01-02", -1, "no", "Because of “bees”.", "k1")
    for feedback in (
        whole,
        Feedback(bens.trace_id, "2026-01-02", 1),
        Feedback(one.trace_id, "2026-01-03", 0),
    ):
        traces.give_feedback(feedback)
    rows = traces.feedback_since("ada")
    assert rows[0] == {**dataclasses.asdict(whole), "twin": "ada", "position": rows[0]["position"]}
    assert said(traces) == [(one.trace_id, -1), (one.trace_id, 0)]
    assert said(traces, "ben") == [(bens.trace_id, 1)]
    assert said(traces, position=rows[-1]["position"]) == []
    traces.give_feedback(Feedback(other.trace_id, "2026-01-04", comment="hm"))
    assert said(traces, position=rows[-1]["position"]) == [(other.trace_id, None)]


def test_feedback_on_nothing_is_refused(traces):
    with pytest.raises(UnknownTrace, match="no trace 'x'"):
        traces.give_feedback(Feedback("x", "2026-01-01", 1))
    traces.append(trace())
    with pytest.raises(UnknownTrace):
        traces.give_feedback(Feedback("x", "2026-01-01", 1))
    assert traces.feedback_since("ada") == []


@settings(max_examples=25, deadline=None)
@given(
    given=st.lists(
        st.tuples(st.integers(0, 3), st.none() | st.sampled_from([-1, 0, 1]), st.none() | st.text()),
        max_size=12,
    ),
    cut=st.integers(0, 12),
)
def test_feedback_read_in_two_parts_is_all_of_it_in_order(tmp_path_factory, given, cut):
    store = TraceStore(tmp_path_factory.mktemp("home"))
    made = [trace("ada" if n % 2 else "ben") for n in range(4)]
    store.append_all(made)
    for which, value, comment in given:
        store.give_feedback(Feedback(made[which].trace_id, "2026-01-01", value, comment))
    rows = store.feedback_since("ada")
    expected = [(made[w].trace_id, value, comment) for w, value, comment in given if made[w].twin == "ada"]
    assert [(row["trace_id"], row["value"], row["comment"]) for row in rows] == expected
    reached = rows[min(cut, len(rows)) - 1]["position"] if rows and cut else 0
    assert [row for row in rows if row["position"] > reached] == store.feedback_since("ada", reached)


def test_feedback_of_several_processes_is_all_there(traces):
    one = trace()
    traces.append(one)
    program = (
        "import sys; from pathlib import Path; from resources.traces import *\n"
        "store = TraceStore(Path(sys.argv[1]))\n"
        "for n in range(20): store.give_feedback(Feedback(sys.argv[2], 't', 1, str(n)))"
    )
    command = [sys.executable, "-c", program, str(traces.path.parent), one.trace_id]
    givers = [subprocess.Popen(command) for _ in range(3)]
    assert [giver.wait() for giver in givers] == [0] * 3
    assert sorted(row["comment"] for row in traces.feedback_since("ada")) == sorted(
        [str(n) for n in range(20)] * 3
    )


def aged(days, **fields):
    moment = datetime(2026, 6, 1, tzinfo=UTC) - timedelta(days=days)
    return trace(created_at=moment.isoformat(timespec="milliseconds"), **fields)


def test_what_is_older_is_forgotten_with_what_was_said_of_it(traces):
    old, limit, young = aged(31), aged(30), aged(1)
    traces.append_all([young, old, limit])
    for one in (old, young):
        traces.give_feedback(Feedback(one.trace_id, "2026-06-01", 1))
    last = traces.feedback_since("ada")[-1]["position"]
    assert traces.forget_before("2026-05-02T00:00:00+00:00") == 1
    assert [row["trace_id"] for row in traces.since("ada")] == [young.trace_id, limit.trace_id]
    assert said(traces) == [(young.trace_id, 1)]
    assert traces.forget_before("2026-05-02T00:00:00+00:00") == 0
    with pytest.raises(UnknownTrace):
        traces.give_feedback(Feedback(old.trace_id, "2026-06-01", 1))
    traces.give_feedback(Feedback(young.trace_id, "2026-06-01", -1))
    assert said(traces, position=last) == [(young.trace_id, -1)]


@settings(max_examples=25, deadline=None)
@given(
    made=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
    hours=st.integers(-12, 12),
    milliseconds=st.sampled_from([-(10**8), -1000, -1, 1, 1000, 10**8]),
)
def test_a_moment_may_be_given_in_any_zone(tmp_path_factory, made, hours, milliseconds):
    store = TraceStore(tmp_path_factory.mktemp("home"))
    made = made.replace(microsecond=made.microsecond // 1000 * 1000, tzinfo=UTC)
    store.append(trace(created_at=made.isoformat(timespec="milliseconds")))
    limit = (made + timedelta(milliseconds=milliseconds)).astimezone(timezone(timedelta(hours=hours)))
    assert store.forget_before(limit.isoformat()) == (1 if milliseconds > 0 else 0)


@pytest.mark.parametrize("moment", ["yesterday", "", "30"])
def test_what_is_no_moment_deletes_nothing(traces, moment):
    traces.append(aged(1000))
    with pytest.raises(ValueError, match="isoformat"):
        traces.forget_before(moment)
    assert len(traces.since("ada")) == 1
    assert TraceStore(traces.path.parent / "none").forget_before("2026-01-01") == 0


def test_forgotten_words_are_nowhere_in_the_files(traces):
    """Although another connection holds the database open, so that its log stays."""
    secret = "the-words-of-somebody " * 500
    gone = aged(90, question=secret)
    traces.append_all([gone, aged(1)])
    traces.give_feedback(Feedback(gone.trace_id, "2026-01-01", comment=secret))
    with contextlib.closing(sqlite3.connect(traces.path)) as reader:
        reader.execute("SELECT count(*) FROM traces").fetchone()
        files = [path for path in traces.path.parent.iterdir() if path.is_file()]
        assert any(b"the-words-of-somebody" in path.read_bytes() for path in files)
        assert traces.forget_before("2026-05-01") == 1
        assert not any(b"the-words-of-somebody" in path.read_bytes() for path in files)


def test_forgetting_beside_writers_loses_no_younger_record(traces):
    young = [aged(1) for _ in range(40)]
    traces.append_all([aged(90) for _ in range(200)])
    with ThreadPoolExecutor(4) as threads:
        written = [threads.submit(traces.append, one) for one in young]
        counts = [threads.submit(traces.forget_before, "2026-05-01") for _ in range(3)]
    assert [one.result() for one in written] == [None] * 40
    assert sum(count.result() for count in counts) == 200
    assert {row["trace_id"] for row in traces.since("ada")} == {one.trace_id for one in young}
