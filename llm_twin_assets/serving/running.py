"""Answers in threads: each holds its slot until nothing works on it any more, and ends when nobody listens.

The event loop only hands bytes on.
"""

import asyncio
import contextlib
import contextvars
import logging
from collections.abc import AsyncGenerator, Awaitable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from starlette.requests import Request

from llm_twin_assets.serving.admission import Admission, TooSlow
from llm_twin_assets.serving.engine import EngineDown
from llm_twin_assets.serving.served import NotServed
from llm_twin_assets.serving.service import ClientGone, Question, Reply, Service

log = logging.getLogger(__name__)
T = TypeVar("T")


class Failed(Exception):
    """An answer failed; the detail is in the log under the trace's id. `down`: the engine is to blame."""

    def __init__(self, trace_id: str, down: bool = False) -> None:
        self.down = down
        super().__init__(f"the answer failed; the server's log has the reason under {trace_id}")


class Running:
    """One answer on its way from its thread to the event loop."""

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[str | Reply | Exception] = asyncio.Queue()
        self._seconds, self._until = seconds, self._loop.time() + seconds
        self._unheard: Exception | None = None
        self.began = False
        self.task: asyncio.Task[None] | None = None

    def emit(self, event: str | Reply | Exception) -> None:
        """Hand something over, from any thread; raises what ended the listening."""
        if self._unheard is not None:
            raise self._unheard
        self._loop.call_soon_threadsafe(self._events.put_nowait, event)

    async def next(self) -> str | Reply:
        """The next piece of the text, or the finished reply; raises TooSlow, and what the answer raised."""
        try:
            async with asyncio.timeout_at(self._until):
                event = await self._events.get()
        except TimeoutError:
            too_slow = TooSlow(self._seconds)
            self.leave(too_slow)
            raise too_slow from None
        if isinstance(event, Exception):
            raise event
        return event

    def leave(self, why: Exception | None = None) -> None:
        """Listen no more: a question that waits goes at once, an answer ends at its next piece."""
        self._unheard = self._unheard or why or ClientGone()
        if self.task is not None and not self.began:
            self.task.cancel()


class Answers:
    """Lets a service answer in threads, as many at once as are admitted, each for so many seconds at most."""

    def __init__(self, service: Service, admission: Admission, threads: int, seconds: float) -> None:
        self._service, self._admission, self._seconds = service, admission, seconds
        self._threads = ThreadPoolExecutor(threads, "answer")
        self._tasks: set[asyncio.Task[None]] = set()

    async def whole(self, question: Question) -> Reply:
        """The finished reply; raises NotServed, Busy, TooSlow or Failed."""
        async with contextlib.aclosing(self.pieces(question)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Reply):
                    return piece
        raise AssertionError("unreachable")

    async def pieces(self, question: Question) -> AsyncGenerator[str | Reply, None]:
        """Pieces of the text as they are decided, then the reply; raises as `whole` does."""
        running = Running(self._seconds)
        running.task = asyncio.create_task(self._admitted(question, running))
        self._tasks.add(running.task)
        running.task.add_done_callback(self._tasks.discard)
        try:
            while not isinstance(event := await running.next(), Reply):
                yield event
            yield event
        finally:
            running.leave()

    def finish(self) -> None:
        """Wait for the answers that are running."""
        self._threads.shutdown(wait=True)

    async def _admitted(self, question: Question, running: Running) -> None:
        """Hold a slot while a thread answers."""
        try:
            async with self._admission.admitted(question.key_id):
                running.began = True
                loop, context = asyncio.get_running_loop(), contextvars.copy_context()
                await loop.run_in_executor(self._threads, context.run, self._answer, question, running)
        except Exception as error:
            with contextlib.suppress(ClientGone, TooSlow):
                running.emit(error)

    def _answer(self, question: Question, running: Running) -> None:
        try:
            running.emit(self._service.reply(question, running.emit))
        except (NotServed, ClientGone, TooSlow):
            raise
        except Exception as error:
            log.exception("request %s to twin %s failed", question.trace_id, question.twin)
            raise Failed(question.trace_id, isinstance(error, EngineDown)) from error


async def while_there(request: Request, work: Awaitable[T]) -> T:
    """What some work returns; it is cancelled, and ClientGone raised, once the client goes away."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientGone
        return task.result()
    finally:
        task.cancel()
        gone.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
