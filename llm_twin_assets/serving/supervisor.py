"""Keeps a background server alive: `python -m llm_twin_assets.serving.supervisor HOME`.

It starts the server, starts it again when it dies unasked, and ends with it when it is asked to. The server
dies with its supervisor, so whoever kills this process leaves nothing behind.
"""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from llm_twin_assets.serving import logs
from resources.endpoint import ALREADY_RUNNING, MISCONFIGURED, SERVER, SUPERVISOR_LOCK, claimed
from resources.files import read_json
from resources.locks import Locks

# This module is the process's main one, whose name would say nothing.
log = logging.getLogger("llm_twin_assets.serving.supervisor")

# A server that ends like this was asked to, or would end so again.
FINAL: Final = frozenset({0, MISCONFIGURED, ALREADY_RUNNING})
LONGEST_PAUSE: Final = 30.0
STEADY_SECONDS: Final = 300.0
MOST_DEATHS: Final = 10
# The server gives running answers half a minute.
DRAIN_SECONDS: Final = 35.0
POLL_SECONDS: Final = 0.1


@dataclass
class Deaths:
    """How often in a row a server died; one that lived for long begins a new row."""

    in_a_row: int = 0

    def pause(self, lived: float) -> float | None:
        """Seconds to wait after one more death: 1, 2, 4 and so on; None where it was one too many."""
        self.in_a_row = 1 if lived >= STEADY_SECONDS else self.in_a_row + 1
        if self.in_a_row >= MOST_DEATHS:
            return None
        return min(LONGEST_PAUSE, 2.0 ** (self.in_a_row - 1))


class Supervisor:
    """Runs a server's command; `listens` says whether the process of an id answers requests."""

    def __init__(self, command: Sequence[str], listens: Callable[[int], bool]) -> None:
        self._command = command
        self._listens = listens
        self._listened = False
        self._asked = False

    def stop(self) -> None:
        """End the server after its running answers; only notes it down, so a signal's handler may call it."""
        self._asked = True

    def run(self) -> int:
        """Keep the server alive until it ends as it should, or cannot be kept; returns its exit status.

        A server that never listened is not started again: whoever started it waits to hear why.
        """
        deaths = Deaths()
        while True:
            began = time.monotonic()
            status = self._one_life()
            if self._asked or status in FINAL or not self._listened:
                return status
            pause = deaths.pause(time.monotonic() - began)
            if pause is None:
                log.critical("the server died %s times in a row and is not started again", deaths.in_a_row)
                return status
            log.error("the server died, %s: it is started again in %g s", _how(status), pause)
            if self._asked_within(pause):
                return 0

    def _one_life(self) -> int:
        server = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)
        while True:
            ended = server.poll()
            # Asked also after its end: it may have listened and died between two looks.
            self._listened = self._listened or self._listens(server.pid)
            if ended is not None:
                return ended
            if self._asked:
                return _drained(server)
            time.sleep(POLL_SECONDS)

    def _asked_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not self._asked and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        return self._asked


def _drained(server: subprocess.Popen[bytes]) -> int:
    """Ask a server to end after its running answers, for so long as it may take; returns its exit status."""
    server.terminate()
    try:
        return server.wait(DRAIN_SECONDS)
    except subprocess.TimeoutExpired:
        log.error("the server, process %s, did not end in %g s and is killed", server.pid, DRAIN_SECONDS)
        server.kill()
        return server.wait()


def _how(status: int) -> str:
    return f"killed by signal {-status}" if status < 0 else f"with exit status {status}"


def main(home: Path) -> int:
    """Keep the server of a home folder alive; returns the exit status."""
    logs.configure()
    told = home / "serving" / "server.json"

    def listens(pid: int) -> bool:
        about = read_json(told)
        return about is not None and about["pid"] == pid

    with claimed(Locks(home / "locks"), SUPERVISOR_LOCK) as mine:
        if not mine:
            log.error("the server of %s has a supervisor already", home)
            return ALREADY_RUNNING
        supervisor = Supervisor([sys.executable, "-m", SERVER, str(os.getpid())], listens)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: supervisor.stop())
        return abs(supervisor.run())


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
