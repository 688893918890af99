"""Opik away, silent, busy, broken, or gone in the middle: seconds are lost, and no record."""

import contextlib
import sqlite3
import time

import pytest

from resources.opik_client import PATIENCE_SECONDS, REQUEST_SECONDS
from resources.opik_export import BATCH, export
from resources.opik_outbox import FIRST_PAUSE, Outbox
from tests.resources.opik_exporter import Nursery
from tests.resources.opik_world import SHORT, SHORT_SPANS, Clock, filled, plain, trace
from tests.waiting import wait_until

# From its first request to its end a process may take ten seconds; the SDK would take minutes. A machine that
# is busy with other tests makes the first into more, and never into the second.
PROMISED, LIMIT = 10.0, 60.0
# More than one batch.
MORE = BATCH + 1
# How long most exporters here wait for an answer; one of them waits as long as they do in earnest.
SILENCE = 1.0


@pytest.fixture(scope="module")
def nursery():
    made = Nursery()
    yield made
    made.close()


@pytest.fixture
def begin(nursery, tmp_path, server):
    """Begins an exporter of this test's home."""
    return lambda url=None, silence=SILENCE: nursery.begin(tmp_path, url or server.url, silence)


def recovered(traces, server, ids):
    """What a later export makes of it, once the pause is over."""
    clock = Clock()
    clock.ahead = 3600.0
    server.behave()
    done = export(traces, server.place(), ["ada"], plain, clock=clock)
    assert (done.pending, done.verified, done.rejected) == (0, len(ids), 0)
    assert sorted(server.state.traces) == sorted(ids)
    assert len(server.state.spans) == len(ids) * len(SHORT_SPANS)


def test_what_waiting_adds_up_to_is_less_than_was_promised():
    """An attempt that begins at the last moment of the patience may still take its time."""
    assert PATIENCE_SECONDS + REQUEST_SECONDS < PROMISED


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "path"),
    [
        ("hang", "is-alive"),
        (429, "traces/batch"),
        (500, "traces/batch"),
        (503, "is-alive"),
        ("lose", "traces/batch"),
        ("half", "spans/batch"),
    ],
)
def test_the_process_ends_in_seconds_and_nothing_is_lost(tmp_path, server, begin, fault, path):
    traces, ids = filled(tmp_path, MORE, **SHORT)
    server.misbehave(fault, path=path, skip=0 if path == "is-alive" else 1)
    seconds, (_, _, stopped) = begin().ended()
    assert seconds < LIMIT
    assert stopped
    recovered(traces, server, ids)


@pytest.mark.slow
def test_a_black_hole_ends_as_soon_and_holds_up_no_request_meanwhile(tmp_path, server, begin):
    """With the patience that exporters have in earnest."""
    traces, ids = filled(tmp_path, MORE, **SHORT)
    server.misbehave("hang", path="spans/batch", skip=1)
    exporter = begin(silence=REQUEST_SECONDS)
    wait_until(lambda: server.hanging)
    # A request's trace is written at once: nobody holds its file, not for a moment.
    with contextlib.closing(sqlite3.connect(traces.path, timeout=0)) as database:
        database.execute("BEGIN IMMEDIATE")
    asked = trace(**SHORT)
    traces.append_all([asked])
    seconds, (pending, _, stopped) = exporter.ended()
    assert seconds < LIMIT
    assert pending and stopped
    recovered(traces, server, [*ids, asked.trace_id])


@pytest.mark.slow
def test_a_refused_connection_ends_in_seconds(tmp_path, server, begin):
    traces, ids = filled(tmp_path, 5, **SHORT)
    server.stop()
    seconds, (_, _, stopped) = begin().ended()
    server.start()
    assert seconds < LIMIT
    assert "ConnectError" in stopped
    recovered(traces, server, ids)


@pytest.mark.slow
def test_an_address_that_nobody_has_ends_in_seconds(tmp_path, begin):
    traces, ids = filled(tmp_path, 2)
    # RFC 5737: an address for documentation, which nothing answers.
    seconds, (pending, verified, _) = begin("http://192.0.2.1/api").ended()
    assert seconds < LIMIT
    assert (pending, verified) == (len(ids), 0)
    assert len(traces.since("ada")) == len(ids)


@pytest.mark.slow
@pytest.mark.parametrize("path", ["traces/batch", "spans/batch", "spans/search"])
def test_a_killed_exporter_loses_nothing_and_doubles_nothing(tmp_path, server, begin, path):
    traces, ids = filled(tmp_path, MORE, **SHORT)
    server.misbehave("hang", path=path, skip=0 if path == "spans/search" else 1)
    exporter = begin(silence=60.0)
    wait_until(lambda: server.hanging)
    exporter.kill()
    recovered(traces, server, ids)


@pytest.mark.slow
def test_killed_again_and_again_it_gets_there(tmp_path, server, begin):
    """Each time after the server took a batch and before the answer reached the exporter."""
    traces, ids = filled(tmp_path, 2 * MORE, **SHORT)
    for skip in range(3):
        server.misbehave("take", path="traces/batch", skip=min(skip, 1))
        exporter = begin(silence=60.0)
        wait_until(lambda: server.hanging)
        exporter.kill()
        server.behave()
        wait_until(lambda: not server.hanging)
    recovered(traces, server, ids)


@pytest.mark.slow
def test_two_processes_at_once_send_everything_once(tmp_path, server, begin):
    _, ids = filled(tmp_path, MORE, **SHORT)
    exporters = [begin() for _ in range(2)]
    assert [exporter.ended()[1] for exporter in exporters] == [[0, MORE, None]] * 2
    sent = [one["id"] for body in server.bodies("/v1/private/traces/batch") for one in body["traces"]]
    assert sorted(sent) == sorted(ids)


def test_a_lost_answer_is_asked_for_again_and_doubles_nothing(tmp_path, server):
    traces, ids = filled(tmp_path, MORE, **SHORT)
    server.misbehave("lose", times=1, path="traces/batch")
    done = export(traces, server.place(), ["ada"], plain)
    assert (done.verified, len(server.state.traces)) == (MORE, MORE)
    assert len(server.bodies("/v1/private/traces/batch")) == 3
    assert sorted(server.state.traces) == sorted(ids)


def test_a_server_that_is_away_is_left_alone_for_a_while(tmp_path, server):
    traces, _ = filled(tmp_path, 2)
    clock = Clock()
    server.misbehave(503)
    assert "503" in export(traces, server.place(), ["ada"], plain, clock=clock).stopped
    seen = len(server.headers)
    for _ in range(3):
        done = export(traces, server.place(), ["ada"], plain, clock=clock)
        assert "asked again in" in done.stopped
        assert done.pending == 2
    assert len(server.headers) == seen
    server.behave()
    clock.ahead = FIRST_PAUSE + 5
    assert export(traces, server.place(), ["ada"], plain, clock=clock).verified == 2
    assert Outbox(tmp_path, server.place().name).open_seconds(time.time()) == 0


def test_a_long_pause_that_is_asked_for_is_kept(tmp_path, server):
    traces, _ = filled(tmp_path, 2)
    server.misbehave(429, path="traces/batch", headers={"Retry-After": "300"})
    started = time.monotonic()
    export(traces, server.place(), ["ada"], plain)
    assert time.monotonic() - started < LIMIT
    assert 250 < Outbox(tmp_path, server.place().name).open_seconds(time.time()) <= 300
