"""Opik away, silent, busy, broken, or gone in the middle: seconds are lost, and no record."""

import signal
import subprocess
import sys
import time

import pytest

from resources.opik_export import export
from resources.opik_outbox import FIRST_PAUSE, Outbox
from tests.resources.opik_server import OpikServer
from tests.resources.opik_world import SPANS, Clock, filled, plain
from tests.waiting import wait_until

# From the first request to the end of the process, as it must be; importing the SDK comes before.
LIMIT = 10.0
PROGRAM = """
import json, sys, time
from pathlib import Path
from resources.opik_client import connected
from resources.opik_export import export
from resources.opik_settings import OpikPlace
from resources.traces import TraceStore
place = OpikPlace(sys.argv[2], project="twins")
with connected(place): pass
print("ready", time.time(), flush=True)
done = export(TraceStore(Path(sys.argv[1])), place, ["ada"], str)
print(json.dumps([done.pending, done.verified, done.stopped]), flush=True)
"""


@pytest.fixture
def server():
    made = OpikServer()
    yield made
    made.stop()
    assert made.violations == []


def exporter(home, server):
    command = [sys.executable, "-c", PROGRAM, str(home), server.url]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def seconds_of(process):
    """From when the SDK was imported until the process was gone; and what it said."""
    ready = float(process.stdout.readline().split()[1])
    told = process.stdout.read()
    assert process.wait() == 0
    return time.time() - ready, told


def recovered(traces, server, ids):
    """What a later export makes of it, once the pause is over."""
    clock = Clock()
    clock.ahead = 3600.0
    server.behave()
    done = export(traces, server.place(), ["ada"], plain, clock=clock)
    assert (done.pending, done.verified, done.rejected) == (0, len(ids), 0)
    assert sorted(server.state.traces) == sorted(ids)
    assert len(server.state.spans) == len(ids) * len(SPANS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "path"),
    [
        ("hang", "is-alive"),
        ("hang", "spans/batch"),
        (429, "traces/batch"),
        (500, "traces/batch"),
        (503, "is-alive"),
        ("lose", "traces/batch"),
        ("half", "spans/batch"),
    ],
)
def test_the_process_ends_in_seconds_and_nothing_is_lost(tmp_path, server, fault, path):
    traces, ids = filled(tmp_path, 60)
    server.misbehave(fault, path=path, skip=0 if path == "is-alive" else 1)
    seconds, told = seconds_of(exporter(tmp_path, server))
    assert seconds < LIMIT
    assert "null" not in told
    recovered(traces, server, ids)


@pytest.mark.slow
def test_a_refused_connection_ends_in_seconds(tmp_path, server):
    traces, ids = filled(tmp_path, 5)
    server.stop()
    seconds, told = seconds_of(exporter(tmp_path, server))
    server.start()
    assert seconds < LIMIT
    assert "ConnectError" in told
    recovered(traces, server, ids)


@pytest.mark.slow
def test_an_address_that_nobody_has_ends_in_seconds(tmp_path):
    traces, ids = filled(tmp_path, 2)
    # RFC 5737: an address for documentation, which nothing answers.
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), "http://192.0.2.1/api"]
    seconds, told = seconds_of(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
    assert seconds < LIMIT
    assert told.startswith(f"[{len(ids)}, 0")
    assert len(traces.since("ada")) == len(ids)


@pytest.mark.slow
@pytest.mark.parametrize("path", ["traces/batch", "spans/batch", "spans/search"])
def test_a_killed_exporter_loses_nothing_and_doubles_nothing(tmp_path, server, path):
    traces, ids = filled(tmp_path, 120)
    server.misbehave("hang", path=path, skip=0 if path == "spans/search" else 1)
    process = exporter(tmp_path, server)
    assert process.stdout.readline().startswith("ready")
    wait_until(lambda: server.hanging)
    process.send_signal(signal.SIGKILL)
    process.wait()
    recovered(traces, server, ids)


@pytest.mark.slow
def test_killed_again_and_again_it_gets_there(tmp_path, server):
    """Each time after the server took a batch and before the answer reached the exporter."""
    traces, ids = filled(tmp_path, 150)
    for skip in range(3):
        server.misbehave("take", path="traces/batch", skip=min(skip, 1))
        process = exporter(tmp_path, server)
        assert process.stdout.readline().startswith("ready")
        wait_until(lambda: server.hanging)
        process.send_signal(signal.SIGKILL)
        process.wait()
        server.behave()
    recovered(traces, server, ids)


@pytest.mark.slow
def test_two_processes_at_once_send_everything_once(tmp_path, server):
    _, ids = filled(tmp_path, 60)
    processes = [exporter(tmp_path, server) for _ in range(2)]
    told = [seconds_of(process)[1] for process in processes]
    assert all(one.startswith("[0, 60") for one in told)
    sent = [one["id"] for body in server.bodies("/v1/private/traces/batch") for one in body["traces"]]
    assert sorted(sent) == sorted(ids)


def test_a_lost_answer_is_asked_for_again_and_doubles_nothing(tmp_path, server):
    traces, ids = filled(tmp_path, 60)
    server.misbehave("lose", times=1, path="traces/batch")
    done = export(traces, server.place(), ["ada"], plain)
    assert (done.verified, len(server.state.traces)) == (60, 60)
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
