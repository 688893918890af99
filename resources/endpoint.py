"""Endpoint: the local server seen from outside: start it if need be, wait for a release, ask, stop."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from resources.api_keys import local_token
from resources.files import read_json
from resources.locks import Locks
from resources.server_settings import environment, fingerprint
from resources.settings import Settings

SERVER: Final = "llm_twin_assets.serving.app"
SUPERVISOR: Final = "llm_twin_assets.serving.supervisor"
SERVER_LOCK: Final = "server"
SUPERVISOR_LOCK: Final = "supervisor"
# The exit statuses of a server whose settings cannot be used, and of one that found another in its place.
# 3 is uvicorn's: the application did not start.
MISCONFIGURED: Final = 2
ALREADY_RUNNING: Final = 4
POLL_SECONDS: Final = 0.1
# The server gives running answers half a minute; then it is killed.
STOP_SECONDS: Final = 40.0
ASK_SECONDS: Final = 120.0
READY_SECONDS: Final = 10.0
LOG_TAIL_LINES: Final = 20
# Somebody who only looks at a lock holds it for an instant.
CLAIM_SECONDS: Final = 2.0


class EndpointError(RuntimeError):
    """The server cannot do what was asked of it; the message says why, from its log or its state."""


@contextlib.contextmanager
def claimed(locks: Locks, name: str) -> Iterator[bool]:
    """Hold a lock that one process has for its whole life; yields False where another has it."""
    deadline = time.monotonic() + CLAIM_SECONDS
    while True:
        with locks.tried(name) as mine:
            if mine or time.monotonic() > deadline:
                yield mine
                return
        time.sleep(POLL_SECONDS)


class Endpoint:
    """The one server of a home folder. Constructing starts nothing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._locks = Locks(settings.local / "locks")
        self._folder = settings.local / "serving"
        self._child: subprocess.Popen[bytes] | None = None

    def ensure_running(self) -> str:
        """The address of a server with these settings and this code; raises EndpointError.

        Starts one where none runs, and replaces one that was started otherwise.
        """
        with self._locks.held("server-start"):
            running = self._announced()
            if running is not None and running["fingerprint"] == fingerprint(self._settings):
                return str(running["url"])
            self.stop()
            return self._start()

    def wait_until_serving(self, twin: str, release_id: str, seconds: float) -> None:
        """Return once the server answers as this release of the twin; raises EndpointError.

        The error quotes what the server says of the release, or the end of its log.
        """
        deadline = time.monotonic() + seconds
        said = "it has not answered yet"
        while time.monotonic() < deadline:
            if not self._is_kept():
                raise EndpointError(f"the server has ended; its log says:\n{self._log_tail()}")
            state = self._ready()
            stands = state["twins"].get(twin, {}) if state else {}
            if stands.get("release_id") == release_id:
                return
            if stands.get("error") and stands["desired"] == release_id:
                raise EndpointError(
                    f"release {release_id} of twin {twin} cannot be served: {stands['error']}"
                )
            said = str(state) if state else said
            time.sleep(POLL_SECONDS)
        raise EndpointError(
            f"twin {twin} did not serve release {release_id} in {seconds:.0f} s; the server says: {said}"
        )

    def status(self) -> dict[str, Any]:
        """Whether a server runs, its process and address, and how each twin stands."""
        running = self._running()
        if running is None:
            return {"running": False, "url": None, "pid": None, "ready": False, "twins": {}}
        state = self._ready() or {"ready": False, "twins": {}}
        return {
            "running": True,
            "url": running["url"],
            "pid": running["pid"],
            "ready": state["ready"],
            "twins": state["twins"],
        }

    def ask(self, twin: str, question: str) -> dict[str, Any]:
        """A twin's answer with its citations and ids, as `POST /rag` gives it; raises EndpointError."""
        status, answer = self._fetch("/rag", ASK_SECONDS, {"query": question, "twin": twin})
        if status != 200:
            raise EndpointError(f"the server did not answer: {answer['error']['message']}")
        return answer

    def stop(self) -> bool:
        """End the server after its running answers, and say whether there was one.

        Only ever signals the processes that hold its locks: its supervisor first, which would start it again.
        """
        (self._folder / "wanted").unlink(missing_ok=True)
        ended = [self._end(name) for name in (SUPERVISOR_LOCK, SERVER_LOCK)]
        return any(ended)

    def _end(self, lock: str) -> bool:
        pid = self._holder(lock)
        if pid is None:
            return False
        self._signal(lock, pid, signal.SIGTERM)
        if not self._gone(lock, pid):
            self._signal(lock, pid, signal.SIGKILL)
            if not self._gone(lock, pid):
                raise EndpointError(f"the {lock}, process {pid}, cannot be ended")
        return True

    def _start(self) -> str:
        self._folder.mkdir(parents=True, exist_ok=True)
        # Whoever watches the endpoint starts a server that is gone only while this says one is wanted.
        (self._folder / "wanted").touch()
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                [sys.executable, "-m", SUPERVISOR, str(self._settings.local)],
                env=environment(self._settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + self._settings.server_start_seconds
        while time.monotonic() < deadline:
            running = self._running()
            if running is not None and running["supervisor"] == self._child.pid:
                return str(running["url"])
            if self._child.poll() is not None:
                raise EndpointError(f"the server did not start; its log says:\n{self._log_tail()}")
            time.sleep(POLL_SECONDS)
        raise EndpointError(f"the server did not listen in time; its log says:\n{self._log_tail()}")

    def _running(self) -> dict[str, Any] | None:
        """What server.json says, where the process it names lives and holds the lock."""
        told: dict[str, Any] | None = read_json(self._folder / "server.json")
        return told if told is not None and told["pid"] == self._holder() else None

    def _announced(self) -> dict[str, Any] | None:
        """Like `_running`, but a server that is just starting is given its time."""
        deadline = time.monotonic() + self._settings.server_start_seconds
        while self._holder() is not None and time.monotonic() < deadline:
            running = self._running()
            if running is not None:
                return running
            time.sleep(POLL_SECONDS)
        return None

    def _ready(self) -> dict[str, Any] | None:
        try:
            return self._fetch("/readyz", READY_SECONDS)[1]
        except EndpointError:
            return None

    def _fetch(
        self, path: str, seconds: float, body: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Status and JSON body of a request to the server; raises EndpointError where there is none."""
        running = self._running()
        if running is None:
            raise EndpointError("no server is running: `llm-twin run` or `llm-twin serve` starts it")
        url, token = f"{running['url']}{path}", local_token(self._settings.local)
        return _fetched(url, seconds, {"Authorization": f"Bearer {token}"}, body)

    def _is_kept(self) -> bool:
        """Whether a server lives, or somebody is about to start it again."""
        return any(self._holder(name) is not None for name in (SUPERVISOR_LOCK, SERVER_LOCK))

    def _holder(self, lock: str = SERVER_LOCK) -> int | None:
        if self._child is not None:
            self._child.poll()  # a dead child would otherwise stay in the process table
        return self._locks.holder(lock)

    def _signal(self, lock: str, pid: int, number: signal.Signals) -> None:
        if self._holder(lock) == pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _gone(self, lock: str, pid: int) -> bool:
        deadline = time.monotonic() + STOP_SECONDS
        while self._holder(lock) == pid and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        return self._holder(lock) != pid

    @property
    def _log(self) -> Path:
        return self._folder / "server.log"

    def _log_tail(self) -> str:
        if not self._log.exists():
            return "(nothing)"
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join(map(_as_text, lines[-LOG_TAIL_LINES:])) or "(nothing)"


def _as_text(line: str) -> str:
    """What a line of the log says; one that is no JSON object stays as it is."""
    try:
        told = json.loads(line)
        said = f"{told['level']}: {told['message']}"
    except (ValueError, TypeError, KeyError):
        return line
    errors = [f"{one['exc_type']}: {one['exc_value']}" for one in told.get("exception", [])]
    return "\n  ".join([said, *errors])


def _fetched(
    url: str, seconds: float, headers: dict[str, str], body: dict[str, Any] | None
) -> tuple[int, dict[str, Any]]:
    import httpx

    # No proxy of the environment, and no certificates: this machine talks to itself.
    asked: dict[str, Any] = {"headers": headers, "timeout": seconds, "trust_env": False, "verify": False}
    try:
        response = httpx.request("GET" if body is None else "POST", url, json=body, **asked)
        return response.status_code, response.json()
    except (httpx.HTTPError, ValueError) as error:
        raise EndpointError(f"{url} did not answer: {type(error).__name__}: {error}") from error
