"""What a process tells Dagster through Pipes, each message read once its line is whole.

Dagster's own reader takes what a file has so far for a line; when half of one was written, it dies, and the
run with it.
"""

import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Event
from typing import Any, Final

import dagster as dg
from dagster._core.pipes.context import PipesMessageHandler

PAUSE_SECONDS: Final = 0.01


class WholeMessages(dg.PipesMessageReader):
    """Reads messages from a temporary file of its own."""

    @contextlib.contextmanager
    def read_messages(self, handler: PipesMessageHandler) -> Iterator[Mapping[str, Any]]:
        """Give each message to the handler; yields what tells the process where to write."""
        with tempfile.TemporaryDirectory() as folder:
            reader = _File(str(Path(folder) / "messages"))
            with reader.read_messages(handler) as parameters:
                yield parameters

    def no_messages_debug_text(self) -> str:
        """What to look at where nothing came."""
        return "Attempted to read messages from a local temporary file."


class _File(dg.PipesFileMessageReader):
    def _reader_thread(self, handler: PipesMessageHandler, is_resource_complete: Event) -> None:
        try:
            for line in lines(self._path, is_resource_complete):
                handler.handle_message(json.loads(line))
        except Exception:
            handler.report_pipes_framework_exception("The reader of messages", sys.exc_info())
            raise


def lines(path: str, is_complete: Event) -> Iterator[str]:
    """The lines of a file that is being written, each once it is whole, until no more can come."""
    with Path(path).open(encoding="utf-8") as file:
        line = ""
        while True:
            ended = is_complete.is_set()
            piece = file.readline()
            line += piece
            if line.endswith("\n"):
                yield line
                line = ""
            elif not piece and ended:
                return
            elif not piece:
                time.sleep(PAUSE_SECONDS)
