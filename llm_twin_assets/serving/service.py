"""One question from arrival to record: borrow the twin, answer, hand over the trace."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from llm_twin_assets.contracts import content_hash
from llm_twin_assets.retrieval.conversation import Turn
from llm_twin_assets.serving.answering import Answer, Answerer, Asked, Inquiry
from llm_twin_assets.serving.quoting import Citation
from llm_twin_assets.serving.served import NotServed
from llm_twin_assets.serving.state import Serving
from resources.trace_writer import TraceWriter
from resources.traces import Trace, TraceStore, new_trace_id
from resources.vector_store import EVERYTHING, Filters

__all__ = ["Asked", "ClientGone", "Question", "Reply", "Service", "Turn"]


class ClientGone(Exception):
    """Nobody is listening to this answer any more."""


@dataclass(frozen=True)
class Question:
    """A question to a twin; its id names the trace, and everything that is said about it outside.

    release_id: the release that must answer; None for whichever serves. history: oldest turn first.
    arrived: the monotonic clock, from which the time to the first piece is counted.
    """

    twin: str
    text: str
    thread_id: str | None = None
    release_id: str | None = None
    history: tuple[Turn, ...] = ()
    filters: Filters = EVERYTHING
    asked: Asked = field(default_factory=Asked)
    key_id: str | None = None
    trace_id: str = field(default_factory=new_trace_id)
    asked_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))
    arrived: float = field(default_factory=time.monotonic, compare=False)


@dataclass(frozen=True)
class Reply:
    """An answer and what gave it. arm: "canary" or "control" where releases are being compared, else ""."""

    trace_id: str
    twin: str
    release_id: str
    arm: str
    answer: Answer
    author: str = ""

    def about(self) -> dict[str, Any]:
        """The fields that every kind of response carries beside the text."""
        return {
            "citations": [asdict(citation) for citation in self.answer.citations],
            "twin": {"name": self.twin, "author": self.author, "notice": notice(self.author)},
            "release_id": self.release_id,
            "index_id": self.answer.index_id,
            "trace_id": self.trace_id,
            "declined": self.answer.declined,
            "standalone": self.answer.standalone,
        }


def notice(author: str) -> str:
    """What everybody who reads an answer is to know."""
    return f"This is a twin: a language model made from the writings of {author}. It is not {author}."


class Service:
    """Answers questions with what is served now and records each, also one that failed.

    count: is told of every record too.
    """

    def __init__(
        self,
        serving: Serving,
        answerer: Answerer,
        traces: TraceStore | TraceWriter,
        count: Callable[[Trace], object] = lambda trace: None,
    ) -> None:
        self.serving = serving
        self._answerer = answerer
        self._put = traces.append if isinstance(traces, TraceStore) else traces.put
        self._count = count

    def reply(self, question: Question, emit: Callable[[str], None]) -> Reply:
        """Answer, handing over pieces as they come. Raises NotServed, and whatever went wrong."""
        conversation = question.thread_id or question.trace_id
        with self.serving.borrowed(question.twin, conversation, question.release_id) as borrowed:
            index_id = self.serving.index_id
            if index_id is None:
                raise NotServed(question.twin, known=True)
            twin, told = borrowed.loaded, _Told(question.arrived, emit)
            trace = _begun(question, twin.manifest.release_id, borrowed.arm, index_id)
            inquiry = Inquiry(question.text, question.history, question.filters, question.asked)
            try:
                answer = self._answerer.answer(twin, index_id, inquiry, told)
            except Exception as error:
                failed = replace(trace, answer=told.text, first_token_ms=told.first_ms, error=_why(error))
                self._record(failed)
                raise
            self._record(replace(_finished(trace, answer), first_token_ms=told.first_ms))
        return Reply(
            trace_id=question.trace_id,
            twin=question.twin,
            release_id=trace.release_id,
            arm=borrowed.arm,
            answer=answer,
            author=twin.manifest.author,
        )

    def _record(self, trace: Trace) -> None:
        self._put(trace)
        self._count(trace)


class _Told:
    """Everything that was handed over, and after how long the first of it."""

    def __init__(self, arrived: float, emit: Callable[[str], None]) -> None:
        self.text = ""
        self.first_ms: float | None = None
        self._arrived = arrived
        self._emit = emit

    def __call__(self, piece: str) -> None:
        if self.first_ms is None:
            self.first_ms = round((time.monotonic() - self._arrived) * 1000, 2)
        self.text += piece
        self._emit(piece)


def _begun(question: Question, release_id: str, arm: str, index_id: str) -> Trace:
    return Trace(
        trace_id=question.trace_id,
        thread_id=question.thread_id,
        twin=question.twin,
        created_at=question.asked_at,
        release_id=release_id,
        index_id=index_id,
        question=question.text,
        arm=arm,
        key_id=question.key_id,
    )


def _finished(trace: Trace, answer: Answer) -> Trace:
    return replace(
        trace,
        index_id=answer.index_id,
        answer=answer.text,
        declined=answer.declined,
        retrieved=answer.retrieved,
        understood=answer.understood,
        standalone=answer.standalone,
        citations=[_place(citation) for citation in answer.citations],
        timings_ms=answer.timings_ms,
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=answer.completion_tokens,
    )


def _place(citation: Citation) -> dict[str, Any]:
    """Where a quotation stands, and the hash of its words, which the answer holds already."""
    names = ("uri", "start", "end", "document_id", "chunk_id")
    place: dict[str, Any] = {name: getattr(citation, name) for name in names}
    return place | {"quote_hash": content_hash(citation.quote)}


def _why(error: Exception) -> str:
    return "the client went away" if isinstance(error, ClientGone) else f"{type(error).__name__}: {error}"
