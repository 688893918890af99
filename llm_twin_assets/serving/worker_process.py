"""The generation process seen from the server: started, spoken to, and started again when it dies.

An answer that was being generated when the process died goes on in the next one from the tokens it has:
whoever waits for it only notices the pause.
"""

import itertools
import logging
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from typing import Any, Final

from llm_twin_assets.serving.engine import BrokenModel, EngineDown
from llm_twin_assets.serving.generation import Job

log = logging.getLogger(__name__)

MODULE: Final = "llm_twin_assets.serving.generation_worker"
# A job during which the process has died this often is given up: it may be what kills it.
MOST_DEATHS: Final = 3
# Between two starts, so that a process that dies at once is not started without end.
RESTART_SECONDS: Final = 1.0
STOP_SECONDS: Final = 5.0


@dataclass
class _Running:
    """A job, the tokens it has so far, and where they are waited for."""

    job: Job
    heard: queue.SimpleQueue[int | Exception | None] = field(default_factory=queue.SimpleQueue)
    said: list[int] = field(default_factory=list)
    deaths: int = 0


class WorkerProcess:
    """One generation process with its adapters; it starts with the first adapter. Any thread may ask."""

    def __init__(self, base: str, revision: str) -> None:
        self._base, self._revision = base, revision
        self._lock = threading.RLock()
        self._adapters: dict[str, str] = {}
        self._loading: dict[str, Future[None]] = {}
        self._running: dict[str, _Running] = {}
        self._numbers = itertools.count(1)
        self._connection: Connection | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: threading.Thread | None = None
        self._started = threading.Event()
        self._closed = False
        self.restarts = 0

    @property
    def adapters(self) -> set[str]:
        """The adapters that are loaded, also across a restart."""
        with self._lock:
            return set(self._adapters)

    @property
    def pid(self) -> int | None:
        """The process that generates now."""
        return self._process.pid if self._process else None

    def load(self, adapter: str, folder: str) -> None:
        """Put an adapter beside those there are; raises BrokenModel, RuntimeError with the reason."""
        self._start_once()
        with self._lock:
            if adapter in self._adapters:
                return
            waited = self._loading.setdefault(adapter, Future())
            self._send("load", adapter, folder)
        waited.result()
        with self._lock:
            self._adapters[adapter] = folder

    def unload(self, adapter: str) -> None:
        """Forget an adapter that nobody uses any more."""
        with self._lock:
            if self._adapters.pop(adapter, None) is not None:
                self._send("unload", adapter)

    def tokens(self, job: Job) -> Generator[int, None, None]:
        """The tokens of an answer as they come, the end token too; raises EngineDown, BrokenModel.

        Leaving the iteration early cancels the job.
        """
        if len(job.said) >= job.limit:
            return
        running = self._begun(job)
        try:
            while (token := running.heard.get()) is not None:
                if isinstance(token, Exception):
                    raise token
                yield token
        finally:
            self._forget(running.job.job_id)

    def close(self) -> None:
        """End the process; what is being generated ends with EngineDown."""
        with self._lock:
            self._closed = True
            connection = self._connection
            if connection is not None:
                _shut(connection)
        if self._keeper is not None and self._keeper is not threading.current_thread():
            self._keeper.join(2 * STOP_SECONDS)

    def _begun(self, job: Job) -> _Running:
        with self._lock:
            if self._closed:
                raise EngineDown("the engine was closed")
            running = _Running(replace(job, job_id=f"{next(self._numbers)}"))
            self._running[running.job.job_id] = running
            self._send("begin", running.job)
            return running

    def _forget(self, job_id: str) -> None:
        with self._lock:
            if self._running.pop(job_id, None) is not None:
                self._send("cancel", job_id)

    def _send(self, *order: Any) -> None:
        """Tell the process; one that is dead hears everything again when it is started anew."""
        if self._connection is None:
            return
        try:
            self._connection.send(order)
        except OSError:
            log.debug("the generation process is gone before %s", order[0])

    def _start_once(self) -> None:
        with self._lock:
            if self._closed:
                raise EngineDown("the engine was closed")
            if self._keeper is None:
                # One thread starts every process and listens to it, for the engine's whole life.
                self._keeper = threading.Thread(target=self._keep, name="engine", daemon=True)
                self._keeper.start()
        self._started.wait()

    def _keep(self) -> None:
        while not self._closed:
            connection = self._start()
            self._started.set()
            begun = time.monotonic()
            self._listen(connection)
            self._bury()
            if not self._closed:
                self.restarts += 1
                log.warning("the generation process ended and is started again")
                time.sleep(max(0.0, RESTART_SECONDS - (time.monotonic() - begun)))
        self._fail_all(EngineDown("the engine was closed"))

    def _start(self) -> Connection:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", MODULE, str(theirs.fileno()), self._base, self._revision]
            # In a group of its own: a Ctrl-C is for the server, which lets it finish what it is saying.
            self._process = subprocess.Popen(
                command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, process_group=0
            )
        connection = Connection(ours.detach())
        with self._lock:
            self._connection = connection
            # An adapter whose loading killed the process is not among them: it is not tried again by itself.
            for adapter, folder in self._adapters.items():
                self._send("load", adapter, folder)
            for running in self._running.values():
                self._send("begin", replace(running.job, said=(*running.job.said, *running.said)))
        return connection

    def _listen(self, connection: Connection) -> None:
        while True:
            try:
                kind, *about = connection.recv()
            except (EOFError, OSError):
                return
            if kind == "loaded":
                self._loaded(*about)
            else:
                with self._lock:
                    for one in about[0]:
                        self._hear(*one)

    def _loaded(self, adapter: str, failed: tuple[bool, str] | None) -> None:
        with self._lock:
            waited = self._loading.pop(adapter, None)
        if waited is None:
            return
        if failed is None:
            waited.set_result(None)
        else:
            broken, why = failed
            waited.set_exception(BrokenModel(why) if broken else RuntimeError(why))

    def _hear(self, job_id: str, tokens: list[int], finished: bool, error: str | None) -> None:
        running = self._running.get(job_id)
        if running is None:
            return
        running.said.extend(tokens)
        for token in tokens:
            running.heard.put(token)
        if finished:
            del self._running[job_id]
            running.heard.put(BrokenModel(error) if error else None)

    def _bury(self) -> None:
        """Note the death of the process, and give up what has now died with it too often."""
        assert self._process is not None
        _ended(self._process)
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            for waited in self._loading.values():
                waited.set_exception(EngineDown("the generation process ended while it loaded the adapter"))
            self._loading.clear()
            for job_id, running in list(self._running.items()):
                running.deaths += 1
                if running.deaths >= MOST_DEATHS:
                    del self._running[job_id]
                    running.heard.put(EngineDown("the generation process ended again and again"))

    def _fail_all(self, error: Exception) -> None:
        with self._lock:
            for running in self._running.values():
                running.heard.put(error)
            self._running.clear()


def _shut(connection: Connection) -> None:
    """End the conversation at once, also for a thread that listens to it: the process then ends."""
    shut = socket.socket(fileno=os.dup(connection.fileno()))
    with shut:
        shut.shutdown(socket.SHUT_RDWR)


def _ended(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
