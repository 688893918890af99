"""The local server as a process: started once, replaced when it must be, stopped without hurting others."""

import os
import re
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from resources import endpoint as module
from resources.endpoint import ALREADY_RUNNING, Endpoint, EndpointError, fingerprint
from resources.files import read_json, write_json
from resources.locks import Locks
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
    assert set(told) == {"pid", "port", "url", "fingerprint", "started_at"}
    assert told["fingerprint"] == fingerprint(settings)
    second = subprocess.run(
        [sys.executable, "-m", module.MODULE],
        env=module._environment(settings),
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


def test_a_server_with_other_settings_is_replaced_and_a_busy_port_avoided(endpoint, settings):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        first = endpoint.ensure_running()
        other = settings.model_copy(update={"threads": 2, "port": busy.getsockname()[1]})
        pid = endpoint.status()["pid"]
        second = Endpoint(other).ensure_running()
        assert Endpoint(other).status()["pid"] != pid
        assert health(second) == 200
        assert second != f"http://127.0.0.1:{other.port}"
    with pytest.raises(httpx.ConnectError):
        health(first)


def test_its_state_and_its_death_are_told(endpoint, settings):
    endpoint.ensure_running()
    state = endpoint.status()
    assert (state["running"], state["ready"], state["twins"]) == (True, False, {})
    with pytest.raises(EndpointError, match=r"did not serve release 0000 in 1 s; .*no index is live"):
        endpoint.wait_until_serving("ada", "0000", 1)
    with pytest.raises(EndpointError, match="there is no twin 'ada' in service"):
        endpoint.ask("ada", "Why?")
    os.kill(state["pid"], signal.SIGKILL)
    wait_until(lambda: not endpoint.status()["running"])
    with pytest.raises(EndpointError, match=r"has ended; its log says:\n(.|\n)*listening at http"):
        endpoint.wait_until_serving("ada", "0000", 5)


def test_a_server_that_cannot_start_is_told_with_its_log(settings):
    wrong = settings.model_copy(update={"threads": "many"})
    with pytest.raises(EndpointError, match=r"did not start; its log says:\n(.|\n)*threads\n.*valid integer"):
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
        env=module._environment(settings),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout.readline() == b"held\n"
    endpoint = Endpoint(quick)
    assert endpoint._announced() is None
    assert holder.poll() is None
    assert endpoint.stop() is True
    assert holder.wait(10) == -signal.SIGTERM
    holder.stdin.close()
    holder.stdout.close()


def test_the_fingerprint_is_that_of_what_the_server_depends_on(settings):
    def changed(**fields):
        return fingerprint(settings.model_copy(update=fields)) != fingerprint(settings)

    assert changed(embedding_model="other")
    assert changed(qdrant_url="http://127.0.0.1:6333")
    assert changed(home=settings.home / "other")
    assert not changed(pretrain_tokens=5000)
    assert not changed(automation="off")
    assert re.fullmatch("[0-9a-f]{64}", fingerprint(settings))


def test_the_server_reads_the_settings_it_was_started_with(settings, monkeypatch):
    monkeypatch.setenv("QDRANT_URL", "http://from.the.environment")
    monkeypatch.setenv("LLM_TWIN_PORT", "9999")
    carried = module._environment(settings)
    assert carried["LLM_TWIN_HOME"] == str(settings.home)
    assert carried["LLM_TWIN_PORT"] == "0"
    assert "QDRANT_URL" not in carried
    for name in list(os.environ):
        if name.startswith(("LLM_TWIN_", "QDRANT_")):
            monkeypatch.delenv(name)
    for name, value in carried.items():
        if name.startswith(("LLM_TWIN_", "QDRANT_")):
            monkeypatch.setenv(name, value)
    assert fingerprint(Settings()) == fingerprint(settings)
