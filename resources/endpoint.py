"""Endpoint: the local server seen from outside: start it if need be, wait for a release, ask, stop."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from resources.files import read_json
from resources.locks import Locks
from resources.settings import Settings

MODULE: Final = "llm_twin_assets.serving.app"
SERVER_LOCK: Final = "server"
# The exit status of a server that found another one in its place.
ALREADY_RUNNING: Final = 3
# The settings a running server depends on, and the variable that carries each to it.
CARRIED: Final = {
    "home": "LLM_TWIN_HOME",
    "config": "LLM_TWIN_CONFIG",
    "embedding_model": "LLM_TWIN_EMBEDDING_MODEL",
    "reranker": "LLM_TWIN_RERANKER",
    "wordings": "LLM_TWIN_WORDINGS",
    "teacher_url": "LLM_TWIN_TEACHER_URL",
    "teacher_model": "LLM_TWIN_TEACHER_MODEL",
    "teacher_api_key": "LLM_TWIN_TEACHER_API_KEY",
    "threads": "LLM_TWIN_THREADS",
    "host": "LLM_TWIN_HOST",
    "port": "LLM_TWIN_PORT",
    "qdrant_url": "QDRANT_URL",
    "qdrant_api_key": "QDRANT_API_KEY",
}
POLL_SECONDS: Final = 0.1
# The server gives running answers half a minute; then it is killed.
STOP_SECONDS: Final = 40.0
ASK_SECONDS: Final = 120.0
READY_SECONDS: Final = 10.0
LOG_TAIL_LINES: Final = 20


class EndpointError(RuntimeError):
    """The server cannot do what was asked of it; the message says why, from its log or its state."""


def fingerprint(settings: Settings) -> str:
    """A hash of the settings that a server depends on, and of the code it runs."""
    values = {name: _plain(getattr(settings, name)) for name in CARRIED}
    return hashlib.sha256(f"{sorted(values.items())}{_code()}".encode()).hexdigest()


class Endpoint:
    """The one server of a home folder. Constructing starts nothing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._locks = Locks(settings.home / "locks")
        self._folder = settings.home / "serving"
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
            if self._holder() is None:
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
        running = self._running()
        if running is None:
            raise EndpointError("no server is running: `llm-twin run` or `llm-twin serve` starts it")
        question_of = {"query": question, "twin": twin}
        status, answer = _fetch(f"{running['url']}/rag", ASK_SECONDS, question_of)
        if status != 200:
            raise EndpointError(f"the server did not answer: {answer['error']['message']}")
        return answer

    def stop(self) -> bool:
        """End the server after its running answers, and say whether there was one.

        Only ever signals the process that holds the server's lock.
        """
        pid = self._holder()
        if pid is None:
            return False
        self._signal(pid, signal.SIGTERM)
        if not self._gone(pid, STOP_SECONDS):
            self._signal(pid, signal.SIGKILL)
            if not self._gone(pid, STOP_SECONDS):
                raise EndpointError(f"the server, process {pid}, cannot be ended")
        return True

    def _start(self) -> str:
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                [sys.executable, "-m", MODULE],
                env=_environment(self._settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + self._settings.server_start_seconds
        while time.monotonic() < deadline:
            running = self._running()
            if running is not None and running["pid"] == self._child.pid:
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
        running = self._running()
        if running is None:
            return None
        try:
            return _fetch(f"{running['url']}/readyz", READY_SECONDS)[1]
        except EndpointError:
            return None

    def _holder(self) -> int | None:
        if self._child is not None:
            self._child.poll()  # a dead child would otherwise stay in the process table
        return self._locks.holder(SERVER_LOCK)

    def _signal(self, pid: int, number: signal.Signals) -> None:
        if self._holder() == pid:
            os.kill(pid, number)

    def _gone(self, pid: int, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self._holder() == pid and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        return self._holder() != pid

    @property
    def _log(self) -> Path:
        return self._folder / "server.log"

    def _log_tail(self) -> str:
        if not self._log.exists():
            return "(nothing)"
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-LOG_TAIL_LINES:]) or "(nothing)"


def _environment(settings: Settings) -> dict[str, str]:
    """This process's variables with the settings over them, so that the server reads the same ones."""
    environment = dict(os.environ)
    for name, variable in CARRIED.items():
        value = _plain(getattr(settings, name))
        environment.pop(variable, None)
        if value is not None:
            environment[variable] = value
    code = str(Path(__file__).resolve().parents[1])
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [code, environment.get("PYTHONPATH")]))
    return environment


def _plain(value: Any) -> str | None:
    if value is None:
        return None
    return str(value.get_secret_value() if hasattr(value, "get_secret_value") else value)


def _code() -> str:
    """A hash of the sources of the packages, so that a server of an older version is replaced."""
    root, total = Path(__file__).resolve().parents[1], hashlib.sha256()
    for package in ("llm_twin_assets", "resources"):
        for file in sorted((root / package).rglob("*")):
            if file.suffix in (".py", ".html"):
                total.update(file.relative_to(root).as_posix().encode() + file.read_bytes())
    return total.hexdigest()


def _fetch(url: str, seconds: float, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
    """Status and JSON body of a request to the server; raises EndpointError where there is none."""
    import httpx

    method = "GET" if body is None else "POST"
    try:
        # No proxy of the environment, and no certificates: this machine talks to itself.
        response = httpx.request(method, url, json=body, timeout=seconds, trust_env=False, verify=False)
        return response.status_code, response.json()
    except (httpx.HTTPError, ValueError) as error:
        raise EndpointError(f"{url} did not answer: {type(error).__name__}: {error}") from error
