"""The server as a process: one for each home, listening before it loads, gone after its last answer."""

import contextlib
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError

from llm_twin_assets.retrieval.search import TEACHER_SECONDS, Searcher, build_searcher
from llm_twin_assets.serving import logs
from llm_twin_assets.serving.answering import Answerer
from llm_twin_assets.serving.app import AppParts, admission_of, create_app, metrics_of
from llm_twin_assets.serving.binding import bound
from llm_twin_assets.serving.engine import Engine
from llm_twin_assets.serving.engines import engine_opener
from llm_twin_assets.serving.local_engine import LocalEngine
from llm_twin_assets.serving.pages import Sources
from llm_twin_assets.serving.protection import Signer, check_binding
from llm_twin_assets.serving.releases_page import releases_report
from llm_twin_assets.serving.service import Service
from llm_twin_assets.serving.state import Serving
from llm_twin_assets.serving.worker_process import WorkerProcess
from llm_twin_assets.training.lifeline import die_with_parent
from resources.api_keys import ApiKeys, local_token
from resources.endpoint import ALREADY_RUNNING, MISCONFIGURED, SERVER_LOCK, claimed
from resources.files import read_json, write_json
from resources.locks import Locks
from resources.masking import secrets_of
from resources.models import ModelStore
from resources.releases import Releases
from resources.server_settings import fingerprint, insists_on_port
from resources.settings import Settings
from resources.shared_traces import SharedTraces, trace_store
from resources.store import Store
from resources.teacher import build_teacher
from resources.trace_shipping import TraceShipping
from resources.trace_writer import TraceWriter
from resources.traces import TraceStore
from resources.twins import load_twins

log = logging.getLogger(__name__)

# How long running answers may still take once the server is asked to stop.
GRACE_SECONDS: Final = 30


def main() -> int:
    """Serve until SIGTERM; returns the exit status. The one argument there may be is the supervisor's id."""
    logs.configure()
    # Every request to an engine or a teacher is in the trace that it belongs to.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signal again once it has finished; what is left to do comes after that.
        signal.signal(number, lambda *_: sys.exit(0))
    supervisor = int(sys.argv[1]) if len(sys.argv) > 1 else None
    if supervisor is not None:
        die_with_parent(supervisor)
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors()[0]
        log.error("setting %s: %s", ".".join(map(str, first["loc"])), first["msg"])
        return MISCONFIGURED
    logs.configure(hidden=secrets_of(settings))
    os.environ.setdefault("OMP_NUM_THREADS", str(settings.threads))
    return _only_server(settings, supervisor)


def _only_server(settings: Settings, supervisor: int | None) -> int:
    locks = Locks(settings.local / "locks")
    with claimed(locks, SERVER_LOCK) as mine:
        if not mine:
            holder = locks.holder(SERVER_LOCK)
            log.error("%s has a server already: process %s; `llm-twin stop` ends it", settings.home, holder)
            return ALREADY_RUNNING
        try:
            keys, engines = _checked(settings)
            listener = _listener(settings, supervisor)
        except ValueError as error:
            log.error("the server cannot start: %s", error)
            return MISCONFIGURED
        with listener:
            _serve(settings, keys, engines, _Listening(settings, listener, supervisor))
    return 0


def _listener(settings: Settings, supervisor: int | None) -> socket.socket:
    """Bound where the settings say; a server that is started again listens where it is looked for."""
    left = read_json(_told(settings)) or {}
    if supervisor is not None and left.get("supervisor") == supervisor:
        return bound(settings.host, left["port"], insists_on_port(settings) and settings.port != 0)
    return bound(settings.host, settings.port, insists_on_port(settings))


def _told(settings: Settings) -> Path:
    """Where a server says where it listens; one that was killed leaves it."""
    return settings.local / "serving" / "server.json"


def _checked(settings: Settings) -> "tuple[ApiKeys, _Engines]":
    """What the settings may forbid; raises ValueError, which names the setting and the mend."""
    keys = ApiKeys(settings.home)
    keys.all()
    check_binding(settings, keys)
    return keys, _Engines(settings)


class _Engines:
    """Opens engines, and knows how often their processes were started again, closed ones' included."""

    def __init__(self, settings: Settings) -> None:
        self._open = engine_opener(settings, ModelStore(settings.home))
        self._workers: list[WorkerProcess] = []

    def open(self, base: str, revision: str) -> Engine:
        engine = self._open(base, revision)
        if isinstance(engine, LocalEngine):
            self._workers.append(engine.worker)
        return engine

    def restarts(self) -> int:
        return sum(worker.restarts for worker in self._workers)


@dataclass(frozen=True)
class _Listening:
    """Where a server listens, and what is told of it in server.json while it does."""

    settings: Settings
    listener: socket.socket
    supervisor: int | None

    def run(self, app: FastAPI) -> None:
        """Serve the application until SIGTERM."""
        told = _told(self.settings)
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        try:
            _Announcing(config, told, self._about()).run(sockets=[self.listener])
        finally:
            told.unlink(missing_ok=True)

    def _about(self) -> dict[str, Any]:
        port, host = self.listener.getsockname()[1], self.settings.host
        return {
            "pid": os.getpid(),
            "supervisor": self.supervisor,
            "port": port,
            "url": f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}",
            "fingerprint": fingerprint(self.settings),
            "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }


class _Announcing(uvicorn.Server):
    """Writes a file once it accepts connections."""

    def __init__(self, config: uvicorn.Config, told: Path, about: dict[str, Any]) -> None:
        super().__init__(config)
        self._told, self._about = told, about

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        write_json(self._told, self._about)
        log.info("listening at %s", self._about["url"])


def _serve(settings: Settings, keys: ApiKeys, engines: _Engines, listening: _Listening) -> None:
    home, searcher = settings.home, build_searcher(settings)
    serving = Serving(Releases(home), ModelStore(home), searcher, engines.open)
    traces = trace_store(home)
    try:
        with _written(traces) as writer, _following(serving):
            listening.run(_app(settings, _Made(keys, engines, searcher, serving, traces, writer)))
    finally:
        searcher.vectors.close()


@contextlib.contextmanager
def _written(traces: TraceStore) -> Iterator[TraceWriter]:
    """Write requests beside the answers, and ship them where the store is shared; in the end all of them."""
    shipping = TraceShipping(traces) if isinstance(traces, SharedTraces) else None
    writer = TraceWriter(traces)
    try:
        yield writer
    finally:
        writer.close()
        if shipping:
            shipping.close()


@dataclass(frozen=True)
class _Made:
    """What one server has once."""

    keys: ApiKeys
    engines: _Engines
    searcher: Searcher
    serving: Serving
    traces: TraceStore
    writer: TraceWriter


def _app(settings: Settings, made: _Made) -> FastAPI:
    """The application with all of its parts."""
    home, serving, admission = settings.home, made.serving, admission_of(settings)
    store, metrics = Store(home), metrics_of(serving, admission, made.engines.restarts)

    def report() -> dict[str, Any]:
        # Read anew: a twin may have been declared since the server began.
        return releases_report(load_twins(settings.config), store, serving.releases, serving)

    parts = AppParts(
        settings=settings,
        keys=made.keys,
        local_token=local_token(settings.local),
        signer=Signer(home),
        admission=admission,
        traces=made.traces,
        flush=made.writer.flush,
        metrics=metrics,
        report=report,
    )
    answerer = Answerer(made.searcher, build_teacher(settings, TEACHER_SECONDS))
    service = Service(serving, answerer, made.writer, metrics.answered)
    return create_app(service, Sources(store), parts)


@contextlib.contextmanager
def _following(serving: Serving) -> Iterator[None]:
    """Let a thread of its own follow what should be served; afterwards every engine is closed."""
    follower = threading.Thread(target=serving.follow, name="follow", daemon=True)
    follower.start()
    try:
        yield
    finally:
        serving.stop()
        follower.join(timeout=GRACE_SECONDS)
        serving.close()
