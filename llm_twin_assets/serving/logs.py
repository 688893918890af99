"""The server's log: one JSON object a line, whoever writes it, with the trace it is about and no secret."""

import contextlib
import json
import logging
import sys
import threading
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO

from structlog.contextvars import bound_contextvars, merge_contextvars
from structlog.processors import ExceptionRenderer, JSONRenderer, UnicodeDecoder
from structlog.stdlib import ProcessorFormatter
from structlog.tracebacks import ExceptionDictTransformer
from structlog.types import EventDict, Processor, WrappedLogger

from resources.masking import Secrets

log = logging.getLogger(__name__)


def configure(stream: TextIO = sys.stderr, hidden: Iterable[str] = ()) -> None:
    """Have all of this process's logging, its warnings and what nobody caught written to a stream.

    hidden: texts that are never written, as `masking.secrets_of` gives them. Once more replaces what was
    configured before.
    """
    handler = _Lines(stream)
    exceptions = ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
    steps: list[Processor] = [_first, merge_contextvars, exceptions, UnicodeDecoder(), _Masked(hidden)]
    handler.setFormatter(ProcessorFormatter(processors=[*steps, JSONRenderer()]))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def bound(trace_id: str) -> AbstractContextManager[None]:
    """Until it is left, every line of this context names the trace.

    That is this thread or task, and what is started with contextvars.copy_context in it.
    """
    return bound_contextvars(trace_id=trace_id)


class _Lines(logging.StreamHandler[TextIO]):
    """Says where a line that cannot be written comes from; as it is, it might tell a secret."""

    def handleError(self, record: logging.LogRecord) -> None:
        kind = getattr(sys.exc_info()[0], "__name__", "unknown")
        said = f"a line of {record.pathname}:{record.lineno} cannot be written: {kind}"
        with contextlib.suppress(OSError, ValueError):
            self.stream.write(json.dumps({"level": "error", "logger": record.name, "message": said}) + "\n")


def _first(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """What stands in every line, in the order in which people look for it."""
    record: logging.LogRecord = event.pop("_record")
    del event["_from_structlog"]
    return {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": event.pop("event"),
        **event,
    }


class _Masked:
    """Takes secrets out of every text in a line, however deep."""

    def __init__(self, hidden: Iterable[str]) -> None:
        self._secrets = Secrets(hidden)

    def __call__(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        return {name: self._masked(value) for name, value in event.items()}

    def _masked(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._masked(one) for name, one in value.items()}
        if isinstance(value, list | tuple):
            return [self._masked(one) for one in value]
        return self._secrets.masked(value) if isinstance(value, str) else value


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    log.critical("the process ends", exc_info=(kind, error, trace))


def _uncaught_in_thread(about: threading.ExceptHookArgs) -> None:
    name = about.thread.name if about.thread else "unknown"
    error = about.exc_value or about.exc_type()
    log.critical("thread %s ended", name, exc_info=(about.exc_type, error, about.exc_traceback))
