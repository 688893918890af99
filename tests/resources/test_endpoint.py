"""The local server as a process: started once, replaced when it must be, stopped without hurting others."""

import json
import os
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from resources import endpoint as module
from resources.api_keys import ApiKeys
from resources.endpoint import ALREADY_RUNNING, Endpoint, EndpointError
from resources.files import read_json, write_json
from resources.locks import Locks
from resources.server_settings import environment, fingerprint
from resources.settings import Settings
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("endpoint")]


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home", port=0, threads=1, server_start_seconds=60)


@pytest.fixture
def endpoint(settings):
    made = Endpoint(settings)
    yield made
    made.stop()


def health(url):
    return httpx.get(f"{url}/healthz", trust_env=False).status_code


def test_it_is_started_once_and_found_again(endpoint, settings):
    assert endpoint.status() == {"running": False, "url": None, "pid": None, "ready": False, "twins": {}}
    url = endpoint.ensure_running()
    assert health(url) == 200
    pid = endpoint.status()["pid"]
    assert pid != os.getpid()
    assert Endpoint(settings).ensure_running() == url
    assert Endpoint(settings).status()["pid"] == pid
    told = read_json(settings.home / "serving" / "server.json")
    assert set(told) == {"pid", "supervisor", "port", "url", "fingerprint", "started_at"}
    assert told["supervisor"] == Locks(settings.home / "locks").holder("supervisor")
    assert told["fingerprint"] == fingerprint(settings)
    second = subprocess.run(
        [sys.executable, "-m", module.SERVER],
        env=environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == ALREADY_RUNNING
    assert f"has a server already: process {pid}" in second.stderr
    assert health(url) == 200
    assert endpoint.stop() is True
    assert endpoint.stop() is False
    assert not (settings.home / "serving" / "server.json").exists()
    with pytest.raises(EndpointError, match="no server is running"):
        endpoint.ask("ada", "Why?")


def test_a_server_with_other_settings_is_replaced(endpoint, settings):
    first = endpoint.ensure_running()
    other = settings.model_copy(update={"threads": 2})
    pid = endpoint.status()["pid"]
    second = Endpoint(other).ensure_running()
    assert Endpoint(other).status()["pid"] != pid
    assert health(second) == 200
    with pytest.raises(httpx.ConnectError):
        health(first)


def test_a_chosen_port_that_is_taken_is_an_error_that_names_it(settings):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        chosen = Endpoint(settings.model_copy(update={"port": port}))
        with pytest.raises(EndpointError, match=rf"did not start; .*\n.*error: .* port {port} is taken"):
            chosen.ensure_running()
    assert chosen.status()["running"] is False
    assert chosen.stop() is False


def test_its_state_and_its_death_are_told(endpoint, settings):
    endpoint.ensure_running()
    state = endpoint.status()
    assert (state["running"], state["ready"], state["twins"]) == (True, False, {})
    with pytest.raises(EndpointError, match=r"did not serve release 0000 in 1 s; .*no index is live"):
        endpoint.wait_until_serving("ada", "0000", 1)
    with pytest.raises(EndpointError, match="there is no twin 'ada' in service"):
        endpoint.ask("ada", "Why?")
    os.kill(state["pid"], signal.SIGKILL)
    with pytest.raises(EndpointError, match=r"did not serve release 0000 in 1 s"):
        endpoint.wait_until_serving("ada", "0000", 1)
    again = wait_until(lambda: another(endpoint, state["pid"]))
    assert again["url"] == state["url"]
    os.kill(read_json(settings.home / "serving" / "server.json")["supervisor"], signal.SIGKILL)
    wait_until(lambda: not endpoint.status()["running"])
    with pytest.raises(EndpointError, match=r"has ended; its log says:\n(.|\n)*listening at http"):
        endpoint.wait_until_serving("ada", "0000", 5)


def another(endpoint, pid):
    """The state of a server that is not process `pid`, once there is one."""
    state = endpoint.status()
    return state if state["running"] and state["pid"] != pid else None


def test_a_server_that_is_dead_for_the_moment_is_replaced_or_stopped_as_one_that_lives(endpoint):
    endpoint.ensure_running()
    dead = endpoint.status()["pid"]
    os.kill(dead, signal.SIGKILL)
    wait_until(lambda: endpoint.status()["pid"] != dead)
    assert health(endpoint.ensure_running()) == 200
    lives = endpoint.status()["pid"]
    assert lives != dead
    os.kill(lives, signal.SIGKILL)
    wait_until(lambda: not endpoint.status()["running"])
    assert endpoint.stop() is True
    assert not endpoint._is_kept()


def test_it_has_its_own_way_in_where_keys_are_asked_for(endpoint, settings):
    ApiKeys(settings.home).create("somebody")
    url = endpoint.ensure_running()
    assert httpx.get(f"{url}/v1/models", trust_env=False).status_code == 401
    with pytest.raises(EndpointError, match="there is no twin 'ada' in service"):
        endpoint.ask("ada", "Why?")


def test_the_end_of_the_log_is_told_as_text(settings):
    endpoint = Endpoint(settings)
    assert endpoint._log_tail() == "(nothing)"
    error = {"exc_type": "OSError", "exc_value": "no disk", "frames": []}
    lines = [
        "Segmentation fault",
        json.dumps({"level": "error", "message": "it failed", "exception": [error]}),
        json.dumps({"level": "info", "message": "listening"}),
        json.dumps(["no", "line", "of", "ours"]),
    ]
    endpoint._folder.mkdir(parents=True)
    endpoint._log.write_text("\n".join(["too old"] * 20 + lines) + "\n")
    told = endpoint._log_tail().splitlines()
    said = ["Segmentation fault", "error: it failed", "  OSError: no disk", "info: listening"]
    assert told[-5:] == [*said, '["no", "line", "of", "ours"]']
    assert told.count("too old") == module.LOG_TAIL_LINES - len(lines)


def test_a_server_that_cannot_start_is_told_with_its_log(settings):
    wrong = settings.model_copy(update={"threads": "many"})
    with pytest.raises(
        EndpointError, match=r"did not start; its log says:\nerror: setting threads: .*integer"
    ):
        Endpoint(wrong).ensure_running()


def test_what_does_not_listen_to_sigterm_is_killed(endpoint, monkeypatch):
    monkeypatch.setattr(module, "STOP_SECONDS", 1.0)
    endpoint.ensure_running()
    os.kill(endpoint.status()["pid"], signal.SIGSTOP)
    assert endpoint.stop() is True
    assert endpoint.status()["running"] is False


@pytest.fixture
def stranger():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()
    process.stdin.close()


def test_a_stranger_with_the_pid_of_a_dead_server_is_never_touched(settings, stranger):
    write_json(settings.home / "serving" / "server.json", {"pid": stranger.pid, "url": "http://127.0.0.1:9"})
    locks = Locks(settings.home / "locks")
    locks.folder.mkdir(parents=True)
    (locks.folder / "server.lock").write_text(str(stranger.pid))
    endpoint = Endpoint(settings)
    assert endpoint.status()["running"] is False
    assert endpoint.stop() is False
    assert stranger.poll() is None


def test_whoever_holds_the_lock_without_being_announced_is_waited_for(settings, monkeypatch):
    quick = settings.model_copy(update={"server_start_seconds": 1})
    sleeper = "import sys, time; from pathlib import Path; from resources.locks import Locks\n"
    sleeper += "with Locks(Path(sys.argv[1])).held('server'): print('held', flush=True); input()"
    holder = subprocess.Popen(
        [sys.executable, "-c", sleeper, str(settings.home / "locks")],
        env=environment(settings),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout.readline() == b"held\n"
    endpoint = Endpoint(quick)
    assert endpoint._announced() is None
    assert holder.poll() is None
    assert endpoint.stop() is True
    assert holder.wait(60) == -signal.SIGTERM
    holder.stdin.close()
    holder.stdout.close()
