"""The generation process: `python -m llm_twin_assets.serving.generation_worker DESCRIPTOR BASE REVISION`.

It is told over the inherited socket what to load and to generate, says over it what came of that, and
ends with the process that started it. A process of its own, because one that is killed or runs out of
memory can be started again while the server goes on, and because it need not share a lock with it.
"""

import logging
import os
import sys
import threading
from multiprocessing.connection import Connection
from typing import Any, Final

from llm_twin_assets.serving import logs
from llm_twin_assets.serving.batch_rows import News
from llm_twin_assets.serving.continuous import Batches
from llm_twin_assets.serving.engine import BrokenModel

log = logging.getLogger(__name__)

# Loggers that write lines of their own form.
LIBRARIES: Final = ("transformers", "ContinuousBatchingLogger")


def main(descriptor: int, base: str, revision: str) -> None:
    """Serve until the other end of the socket is closed, or generation has failed."""
    logs.configure()
    _take_over(*LIBRARIES)
    _Worker(Connection(descriptor), base, revision).run()
    # The generation's thread is not to be waited for: nobody is left to hear of it.
    os._exit(0)


def _take_over(*names: str) -> None:
    """Have a library's lines written as all others are."""
    for name in names:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True


class _Worker:
    def __init__(self, connection: Connection, base: str, revision: str) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._batches = Batches(base, revision, self._tell, lambda: os._exit(1))

    def run(self) -> None:
        while True:
            try:
                self._obey(*self._connection.recv())
            except (EOFError, OSError):
                return

    def _obey(self, order: str, *about: Any) -> None:
        if order == "load":
            self._send("loaded", about[0], self._why_not(*about))
        elif order == "unload":
            self._batches.unload(*about)
        elif order == "begin":
            self._batches.begin(*about)
        elif order == "cancel":
            self._batches.cancel(*about)

    def _why_not(self, adapter: str, folder: str) -> tuple[bool, str] | None:
        """Whether the model is to blame, and why it cannot be loaded; None where it was."""
        try:
            self._batches.load(adapter, folder)
        except BrokenModel as error:
            return True, str(error)
        except Exception as error:
            log.warning("adapter %s cannot be loaded", adapter, exc_info=True)
            return False, f"{type(error).__name__}: {error}"
        return None

    def _tell(self, news: list[News]) -> None:
        self._send("news", news)

    def _send(self, *message: Any) -> None:
        with self._sending:
            try:
                self._connection.send(message)
            except OSError:
                os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
