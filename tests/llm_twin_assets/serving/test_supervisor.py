"""A server that dies is started again; one that should end does, and leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import threading

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.serving import supervisor as module
from llm_twin_assets.serving.supervisor import MOST_DEATHS, STEADY_SECONDS, Deaths, Supervisor
from resources.endpoint import ALREADY_RUNNING, MISCONFIGURED, SUPERVISOR
from resources.files import read_json
from resources.server_settings import environment
from resources.settings import Settings
from tests.waiting import wait_until

# Lives as its arguments say: a number is an exit status, "killed" a death by signal; one life each.
LIVES = """
import os, signal, sys
from pathlib import Path
lived = Path(sys.argv[1])
number = len(lived.read_text().split()) if lived.exists() else 0
with lived.open("a") as file:
    print(os.getpid(), file=file)
how = sys.argv[2 + min(number, len(sys.argv) - 3)]
if how == "waits":
    signal.pause()
if how == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    lived.with_suffix(".deaf").touch()
    while True:
        signal.pause()
if how == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
sys.exit(int(how))
"""


class Lives:
    """A supervisor over a command that lives as it is told."""

    def __init__(self, folder, *how, listened=True):
        self.file = folder / "lives"
        command = [sys.executable, "-c", LIVES, str(self.file), *how]
        self.supervisor = Supervisor(command, lambda pid: listened)

    @property
    def pids(self):
        return [int(pid) for pid in self.file.read_text().split()] if self.file.exists() else []

    def run(self):
        """In a thread, as a signal would find it; returns the thread and where its status will stand."""
        status = []
        thread = threading.Thread(target=lambda: status.append(self.supervisor.run()))
        thread.start()
        return thread, status


@pytest.fixture
def hurried(monkeypatch):
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.01)
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_waits_longer_after_each_death_and_gives_up_after_ten():
    deaths = Deaths()
    assert [deaths.pause(1.0) for _ in range(MOST_DEATHS)] == [1, 2, 4, 8, 16, 30, 30, 30, 30, None]


def test_a_long_life_begins_a_new_row():
    deaths = Deaths()
    assert [deaths.pause(lived) for lived in (1, 1, STEADY_SECONDS, 1)] == [1, 2, 1, 2]


@given(st.lists(st.floats(0, 2 * STEADY_SECONDS), max_size=40))
def test_it_never_gives_up_on_fewer_than_ten_short_lives(lives):
    deaths, row = Deaths(), 0
    for lived in lives:
        row = 1 if lived >= STEADY_SECONDS else row + 1
        pause = deaths.pause(lived)
        assert (pause is None) == (row >= MOST_DEATHS)
        assert pause is None or 1 <= pause <= 30


def test_a_server_that_dies_is_started_again_until_it_ends_by_itself(tmp_path, hurried, caplog):
    lives = Lives(tmp_path, "killed", "1", "killed", "0")
    assert lives.supervisor.run() == 0
    assert len(set(lives.pids)) == 4
    assert "the server died, killed by signal 9: it is started again" in caplog.text
    assert "the server died, with exit status 1: it is started again" in caplog.text


@pytest.mark.parametrize("status", [0, MISCONFIGURED, ALREADY_RUNNING])
def test_a_server_that_would_end_so_again_is_not_started_again(tmp_path, hurried, status):
    lives = Lives(tmp_path, str(status))
    assert lives.supervisor.run() == status
    assert len(lives.pids) == 1


def test_a_server_killed_right_after_it_listened_is_started_again(tmp_path, hurried):
    lives = Lives(tmp_path, "killed", "0")
    lives.supervisor = Supervisor(lives.supervisor._command, lambda pid: not is_alive(pid))
    assert lives.supervisor.run() == 0
    assert len(lives.pids) == 2


def test_a_server_that_never_listened_is_not_started_again(tmp_path, hurried):
    lives = Lives(tmp_path, "killed", listened=False)
    assert lives.supervisor.run() == -signal.SIGKILL
    assert len(lives.pids) == 1


def test_a_server_that_dies_without_end_is_given_up_and_the_log_says_so(tmp_path, hurried, caplog):
    lives = Lives(tmp_path, "7")
    assert lives.supervisor.run() == 7
    assert len(lives.pids) == MOST_DEATHS
    assert "the server died 10 times in a row and is not started again" in caplog.text


def test_when_it_is_asked_to_stop_the_server_ends_and_stays_so(tmp_path):
    lives = Lives(tmp_path, "waits")
    thread, status = lives.run()
    wait_until(lambda: lives.pids)
    lives.supervisor.stop()
    thread.join(60)
    assert status == [-signal.SIGTERM]
    assert len(lives.pids) == 1
    assert not is_alive(lives.pids[0])


def test_it_stops_at_once_while_it_waits_to_start_the_server_again(tmp_path, monkeypatch):
    rests = threading.Event()
    monkeypatch.setattr(Deaths, "pause", lambda self, lived: rests.set() or 3600.0)
    lives = Lives(tmp_path, "killed")
    thread, status = lives.run()
    assert rests.wait(60)
    lives.supervisor.stop()
    thread.join(60)
    assert status == [0]
    assert len(lives.pids) == 1


def test_a_server_that_does_not_listen_to_sigterm_is_killed(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(module, "DRAIN_SECONDS", 0.2)
    lives = Lives(tmp_path, "deaf")
    thread, status = lives.run()
    wait_until((tmp_path / "lives.deaf").exists)
    lives.supervisor.stop()
    thread.join(60)
    assert status == [-signal.SIGKILL]
    assert "did not end in 0.2 s and is killed" in caplog.text


class Real:
    """A supervisor process over a real server of a home without any twin."""

    def __init__(self, settings):
        self.settings = settings
        self.log = settings.home / "log"
        self.process = self.start()

    def start(self):
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", SUPERVISOR, str(self.settings.home)],
                env=environment(self.settings),
                stdout=log,
                stderr=log,
            )

    def told(self):
        return read_json(self.settings.home / "serving" / "server.json") or {}

    def answers(self, but=None):
        """What is told of a server that answers and is not process `but`; None while there is none."""
        told = self.told()
        try:
            healthy = told and httpx.get(f"{told['url']}/healthz", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return None
        return told if healthy and told["pid"] != but else None

    def lines(self):
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture
def real(tmp_path):
    made = Real(Settings(home=tmp_path / "home", port=0, threads=1))
    yield made
    made.process.terminate()
    made.process.wait(60)


@pytest.mark.slow
def test_a_killed_server_answers_again_where_it_did(real):
    first = wait_until(real.answers)
    assert first["supervisor"] == real.process.pid
    os.kill(first["pid"], signal.SIGKILL)
    second = wait_until(lambda: real.answers(but=first["pid"]))
    assert second["url"] == first["url"]
    assert second["supervisor"] == first["supervisor"]
    other = real.start()
    assert other.wait(30) == ALREADY_RUNNING
    assert real.answers()["pid"] == second["pid"]
    real.process.send_signal(signal.SIGTERM)
    assert real.process.wait(60) == 0
    assert not is_alive(second["pid"])
    assert real.told() == {}
    said = [line["message"] for line in real.lines()]
    assert "the server died, killed by signal 9: it is started again in 1 s" in said
    assert f"the server of {real.settings.home} has a supervisor already" in said


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has PR_SET_PDEATHSIG")
def test_the_server_dies_with_its_supervisor(real):
    server = wait_until(real.answers)["pid"]
    real.process.kill()
    real.process.wait()
    wait_until(lambda: not is_alive(server))


@pytest.mark.slow
def test_a_server_that_is_ended_by_hand_ends_its_supervisor(real):
    os.kill(wait_until(real.answers)["pid"], signal.SIGTERM)
    assert real.process.wait(60) == 0
