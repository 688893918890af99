"""The server as a process: one for each home, listening before it loads, gone after its last answer."""

import contextlib
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import uvicorn
from fastapi import FastAPI

from llm_twin_assets.retrieval.search import build_searcher
from llm_twin_assets.serving.answering import Answerer
from llm_twin_assets.serving.app import create_app
from llm_twin_assets.serving.pages import Sources
from llm_twin_assets.serving.service import Service
from llm_twin_assets.serving.state import Serving
from resources.endpoint import ALREADY_RUNNING, SERVER_LOCK, fingerprint
from resources.files import write_json
from resources.locks import Locks
from resources.models import ModelStore
from resources.releases import Releases
from resources.settings import Settings
from resources.store import Store
from resources.traces import TraceStore

log = logging.getLogger(__name__)

# How long running answers may still take once the server is asked to stop.
GRACE_SECONDS: Final = 30
# Somebody who only looks at the lock holds it for an instant.
CLAIM_SECONDS: Final = 2.0


def main() -> int:
    """Serve until SIGTERM; returns the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signal again once it has finished; what is left to do comes after that.
        signal.signal(number, lambda *_: sys.exit(0))
    settings = Settings()
    os.environ.setdefault("OMP_NUM_THREADS", str(settings.threads))
    locks = Locks(settings.home / "locks")
    with _claimed(locks) as mine:
        if not mine:
            holder = locks.holder(SERVER_LOCK)
            log.error("%s has a server already: process %s; `llm-twin stop` ends it", settings.home, holder)
            return ALREADY_RUNNING
        _serve(settings)
    return 0


@contextlib.contextmanager
def _claimed(locks: Locks) -> Iterator[bool]:
    deadline = time.monotonic() + CLAIM_SECONDS
    while True:
        with locks.tried(SERVER_LOCK) as mine:
            if mine or time.monotonic() > deadline:
                yield mine
                return
        time.sleep(0.05)


def _serve(settings: Settings) -> None:
    searcher = build_searcher(settings)
    serving = Serving(Releases(settings.home), ModelStore(settings.home), searcher)
    service = Service(serving, Answerer(searcher), TraceStore(settings.home))
    app = create_app(service, Sources(Store(settings.home)))
    follower = threading.Thread(target=serving.follow, name="follow", daemon=True)
    follower.start()
    try:
        listen(settings, app)
    finally:
        serving.stop()
        follower.join(timeout=GRACE_SECONDS)
        searcher.vectors.close()


def listen(settings: Settings, app: FastAPI) -> None:
    """Serve the application on the settings' address until SIGTERM, and say where in server.json."""
    listener = bound(settings.host, settings.port)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, timeout_graceful_shutdown=GRACE_SECONDS
    )
    told = settings.home / "serving" / "server.json"
    try:
        _Announcing(config, told, _about(settings, listener)).run(sockets=[listener])
    finally:
        told.unlink(missing_ok=True)


class _Announcing(uvicorn.Server):
    """Writes a file once it accepts connections."""

    def __init__(self, config: uvicorn.Config, told: Any, about: dict[str, Any]) -> None:
        super().__init__(config)
        self._told, self._about = told, about

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        write_json(self._told, self._about)
        log.info("listening at %s", self._about["url"])


def _about(settings: Settings, listener: socket.socket) -> dict[str, Any]:
    port = listener.getsockname()[1]
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return {
        "pid": os.getpid(),
        "port": port,
        "url": f"http://{host}:{port}",
        "fingerprint": fingerprint(settings),
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def bound(host: str, port: int) -> socket.socket:
    """A socket bound to the port, or to a free one where that is taken."""
    family, kind, protocol, _, _ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    for wanted in (port, 0):
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, wanted))
            return listener
        except OSError as error:
            listener.close()
            if wanted == 0:
                raise
            log.warning("port %s is taken (%s): another one is used", port, error)
    raise AssertionError("unreachable")
