"""Leases: one holder among machines, seen to be dead when it stops, and refused when it was too late."""

import json
import subprocess
import sys
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resources import s3
from resources.files import replacing, settle, working, write_json
from resources.leases import LeaseLost, Leases, _now, check_held, locks_of
from resources.locks import Locks
from tests.waiting import wait_until

SHORT = 3.0
HOLD = """
import sys; from pathlib import Path
from resources.leases import Leases
from resources.places import place
with Leases(place(sys.argv[1], Path(sys.argv[2])), seconds=float(sys.argv[3])).held("thing"):
    print("held", flush=True); sys.stdin.read()
"""


@pytest.fixture
def machines(machine):
    """The leases of one home, as seen from a machine of this name."""
    return lambda name, seconds=SHORT, tell=print: Leases(machine(name), tell, seconds)


@pytest.fixture
def holder(s3_home, tmp_path):
    """A process that holds the lease "thing", on a machine of this name."""
    started = []

    def start(name, seconds=SHORT):
        command = [sys.executable, "-c", HOLD, str(s3_home), str(tmp_path / name), str(seconds)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline().strip() == "held"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait(60)


def _is_refused():
    try:
        check_held()
    except LeaseLost:
        return True
    return False


def _lost(s3_home):
    """Take the lease away from whoever holds it, as a machine does that found it expired."""
    path = s3_home / "locks" / "thing.json"
    about = {"holder": "other", "machine": "other", "host": "elsewhere", "pid": 7, "seconds": 60, "beats": 1}
    s3.put(path, json.dumps(about).encode())
    wait_until(_is_refused)


def test_a_folder_has_file_locks_and_an_address_has_leases(s3_home, tmp_path):
    assert type(locks_of(tmp_path)) is Locks
    assert type(locks_of(s3_home)) is Leases


def test_another_machine_waits_says_for_whom_and_gets_it_when_it_is_given_back(machines, holder):
    process, told = holder("first"), []

    def tell(message):
        told.append(message)
        process.stdin.close()

    with machines("second", tell=tell).held("thing"):
        assert process.wait(60) == 0
    assert len(told) == 1
    assert f"process {process.pid} on " in told[0]


def test_a_living_holder_keeps_it_for_longer_than_a_lease_lasts(machines, holder):
    holder("first", seconds=2.0)
    second = machines("second")
    for _ in range(5):
        threading.Event().wait(1.0)
        assert not second.is_free("thing")
        with second.tried("thing") as mine:
            assert not mine


def test_what_a_killed_holder_had_is_free_when_it_has_expired_and_not_before(machines, holder):
    process = holder("first")
    process.kill()
    process.wait(60)
    second = machines("second")
    assert second.holder("thing") == process.pid
    wait_until(lambda: second.is_free("thing"))
    with second.tried("thing") as mine:
        assert mine


def test_on_its_own_machine_a_killed_holder_is_seen_at_once(machines, holder):
    process = holder("first", seconds=3600.0)
    process.kill()
    process.wait(60)
    assert not machines("second").is_free("thing")
    first = machines("first")
    assert first.is_free("thing")
    assert first.holder("thing") is None
    with first.tried("thing") as mine:
        assert mine


def test_whoever_lost_a_lease_writes_nothing_more_and_hears_of_it(machines, s3_home, tmp_path):
    leases, path = machines("first"), s3_home / "a.json"
    write_json(path, "before")
    with pytest.raises(LeaseLost, match="run it again"), leases.held("thing"):
        _lost(s3_home)
        with pytest.raises(LeaseLost):
            write_json(path, "after")
        with pytest.raises(LeaseLost), replacing(path) as temporary:
            temporary.write_text("after")
        with pytest.raises(LeaseLost), working(s3_home / "folder") as folder:
            settle(folder, s3_home / "folder")
    assert json.loads(s3.get(path).body) == "before"
    assert s3.get(s3_home / "folder" / "folder.tar.gz") is None
    assert leases.holder("thing") == 7, "a lease that was lost is left to whoever has it now"
    write_json(path, "outside of any lease")


def test_a_holder_that_stood_still_for_too_long_does_not_write(machines, s3_home, monkeypatch):
    leases = machines("first", seconds=60.0)
    with pytest.raises(LeaseLost), leases.held("thing"):
        later = _now() + 55
        monkeypatch.setattr("resources.leases._now", lambda: later)
        write_json(s3_home / "a.json", "late")
    assert s3.get(s3_home / "a.json") is None


def test_a_renewal_whose_answer_got_lost_is_none_that_failed(machines, s3_home):
    leases, path = machines("first"), s3_home / "locks" / "thing.json"
    with leases.held("thing"):
        found = s3.get(path)
        # The same holder wrote it, and never heard under which ETag.
        s3.put(path, json.dumps(json.loads(found.body) | {"beats": 99}).encode())
        wait_until(lambda: json.loads(s3.get(path).body)["beats"] != 99)
        write_json(s3_home / "a.json", "written")
    assert s3.get(path) is None


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["first", "second", "third"]), min_size=2, max_size=5))
def test_however_many_machines_ask_at_once_one_is_inside(machines, names):
    inside, most, lock = [], [], threading.Lock()
    begin = threading.Barrier(len(names))

    def work(name):
        leases = machines(name, seconds=60.0, tell=lambda _: None)
        begin.wait()
        with leases.held("thing"):
            with lock:
                inside.append(name)
                most.append(len(inside))
            threading.Event().wait(0.01)
            with lock:
                inside.remove(name)

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert most == [1] * len(names)
