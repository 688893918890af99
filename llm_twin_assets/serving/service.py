"""One question from arrival to record: borrow the twin, answer, write the trace."""

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from llm_twin_assets.serving.answering import Answer, Answerer
from llm_twin_assets.serving.state import NotServed, Serving
from resources.traces import Trace, TraceStore, new_trace_id

log = logging.getLogger(__name__)


class ClientGone(Exception):
    """Nobody is listening to this answer any more."""


@dataclass(frozen=True)
class Question:
    """A question to a twin; its id names the trace, and everything that is said about it outside."""

    twin: str
    text: str
    thread_id: str | None = None
    trace_id: str = field(default_factory=new_trace_id)
    asked_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))


@dataclass(frozen=True)
class Reply:
    """An answer and what gave it."""

    trace_id: str
    twin: str
    release_id: str
    answer: Answer

    def about(self) -> dict[str, Any]:
        """The fields that every kind of response carries beside the text."""
        return {
            "citations": [asdict(citation) for citation in self.answer.citations],
            "release_id": self.release_id,
            "index_id": self.answer.index_id,
            "trace_id": self.trace_id,
            "declined": self.answer.declined,
        }


class Service:
    """Answers questions with what is served now and records each, also one that failed."""

    def __init__(self, serving: Serving, answerer: Answerer, traces: TraceStore) -> None:
        self.serving = serving
        self._answerer = answerer
        self._traces = traces

    def reply(self, question: Question, emit: Callable[[str], None]) -> Reply:
        """Answer, handing over pieces as they come. Raises NotServed, and whatever went wrong."""
        with self.serving.borrowed(question.twin) as twin:
            index_id = self.serving.index_id
            if index_id is None:
                raise NotServed(question.twin, known=True)
            trace = _begun(question, twin.manifest.release_id, index_id)
            told = ""

            def tell(piece: str) -> None:
                nonlocal told
                told += piece
                emit(piece)

            try:
                answer = self._answerer.answer(twin, index_id, question.text, tell)
            except Exception as error:
                self._traces.append(replace(trace, answer=told, error=_why(error)))
                raise
            self._traces.append(_finished(trace, answer))
            return Reply(question.trace_id, question.twin, trace.release_id, answer)


def _begun(question: Question, release_id: str, index_id: str) -> Trace:
    return Trace(
        trace_id=question.trace_id,
        thread_id=question.thread_id,
        twin=question.twin,
        created_at=question.asked_at,
        release_id=release_id,
        index_id=index_id,
        question=question.text,
    )


def _finished(trace: Trace, answer: Answer) -> Trace:
    return replace(
        trace,
        index_id=answer.index_id,
        answer=answer.text,
        declined=answer.declined,
        retrieved=answer.retrieved,
        understood=answer.understood,
        timings_ms=answer.timings_ms,
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=answer.completion_tokens,
    )


def _why(error: Exception) -> str:
    return "the client went away" if isinstance(error, ClientGone) else f"{type(error).__name__}: {error}"
