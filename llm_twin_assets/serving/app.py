"""The HTTP server: `python -m llm_twin_assets.serving.app` answers for every deployed twin.

Answers run in threads; the event loop only hands bytes on.
"""

import asyncio
import contextlib
import json
import logging
import sys
import threading
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from llm_twin_assets.serving import chat_api
from llm_twin_assets.serving.chat_api import ChatRequest, RagRequest
from llm_twin_assets.serving.pages import Sources, chat_page
from llm_twin_assets.serving.service import ClientGone, Question, Reply, Service
from llm_twin_assets.serving.state import NotServed

log = logging.getLogger(__name__)

# Names under which a loopback address is reached: a page elsewhere cannot rebind its own name to us.
HOSTS: Final = ["127.0.0.1", "localhost", "[::1]"]
ANSWERING_THREADS: Final = 16


class Failed(Exception):
    """An answer failed; the detail is in the log under the trace's id."""

    def __init__(self, trace_id: str) -> None:
        super().__init__(f"the answer failed; the server's log has the reason under {trace_id}")


class Answers:
    """Lets a service answer in threads, and brings what it says to the event loop."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._threads = ThreadPoolExecutor(ANSWERING_THREADS, "answer")

    async def whole(self, question: Question) -> Reply:
        """The finished reply; raises NotServed or Failed."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._reply, question, lambda _: None)

    async def pieces(self, question: Question) -> AsyncGenerator[str | Reply, None]:
        """Pieces of the text as they are decided, then the reply; raises NotServed or Failed."""
        loop, gone = asyncio.get_running_loop(), threading.Event()
        events: asyncio.Queue[str | Reply | Exception] = asyncio.Queue()

        def emit(event: str | Reply | Exception) -> None:
            if gone.is_set():
                raise ClientGone
            loop.call_soon_threadsafe(events.put_nowait, event)

        self._threads.submit(self._run, question, emit)
        try:
            while not isinstance(event := await events.get(), Reply):
                if isinstance(event, Exception):
                    raise event
                yield event
            yield event
        finally:
            gone.set()

    def finish(self) -> None:
        """Wait for the answers that are running."""
        self._threads.shutdown(wait=True)

    def _run(self, question: Question, emit: Any) -> None:
        with contextlib.suppress(ClientGone):
            try:
                event: Reply | Exception = self._reply(question, emit)
            except (NotServed, Failed) as error:
                event = error
            emit(event)

    def _reply(self, question: Question, emit: Any) -> Reply:
        try:
            return self._service.reply(question, emit)
        except (NotServed, ClientGone):
            raise
        except Exception as error:
            log.exception("request %s to twin %s failed", question.trace_id, question.twin)
            raise Failed(question.trace_id) from error


def create_app(service: Service, sources: Sources) -> FastAPI:
    """The application over a service that is already following what should be served."""
    answers = Answers(service)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(answers.finish)

    app = FastAPI(title="LLM Twin", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)
    _add_error_handlers(app)
    _add_state_routes(app, service)
    _add_answer_routes(app, service, answers)
    _add_pages(app, sources)
    return app


def _add_state_routes(app: FastAPI, service: Service) -> None:
    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        state = service.serving.ready()
        return JSONResponse(state, status_code=200 if state["ready"] else 503)

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        return chat_api.models(service.serving.twins(), service.serving.index_id)


def _add_answer_routes(app: FastAPI, service: Service, answers: Answers) -> None:
    @app.post("/rag")
    async def rag(request: RagRequest) -> dict[str, Any]:
        reply = await answers.whole(Question(request.twin, request.query.strip()))
        return {"answer": reply.answer.text, **reply.about()}

    @app.post("/v1/chat/completions", response_model=None)
    async def chat_completions(body: ChatRequest, request: Request) -> dict[str, Any] | StreamingResponse:
        question = Question(body.model, body.question, body.thread_id)
        origin = str(request.base_url).rstrip("/")
        if not body.stream:
            return chat_api.completion(await answers.whole(question), origin)
        with service.serving.borrowed(body.model):
            pass  # so that an unknown twin is an error, not the beginning of a stream
        include_usage = body.stream_options is not None and body.stream_options.include_usage
        stream = _stream(answers, question, origin, include_usage)
        return StreamingResponse(
            stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )


async def _stream(
    answers: Answers, question: Question, origin: str, include_usage: bool
) -> AsyncIterator[str]:
    yield _event(chat_api.opening(question.trace_id, question.twin))
    try:
        async with contextlib.aclosing(answers.pieces(question)) as pieces:
            async for piece in pieces:
                if isinstance(piece, str):
                    yield _event(chat_api.piece(question.trace_id, question.twin, piece))
                else:
                    for chunk in chat_api.closing(piece, origin, include_usage):
                        yield _event(chunk)
    except (NotServed, Failed) as error:
        yield _event(chat_api.failure(str(error), "server_error", None))
    yield "data: [DONE]\n\n"


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"


def _add_pages(app: FastAPI, sources: Sources) -> None:
    chat = chat_page()

    @app.get("/", response_class=HTMLResponse)
    async def index() -> HTMLResponse:
        return HTMLResponse(chat.html, headers=dict(chat.headers))

    @app.get("/sources/{document_id}", response_class=HTMLResponse)
    def source(document_id: str, start: int = 0, end: int = 0, proof: str = "") -> HTMLResponse:
        page = sources.page(document_id, start, end, proof)
        if page is None:
            raise HTTPException(404, "this document is not in the store any more")
        return HTMLResponse(page.html, headers=dict(page.headers))


def _add_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(NotServed)
    async def not_served(_: Request, error: NotServed) -> JSONResponse:
        if error.known:
            return _failure(503, str(error), "server_error", "model_loading")
        return _failure(404, str(error), "invalid_request_error", "model_not_found")

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if part != "body")
        said = f"{place}: {first['msg']}" if place else str(first["msg"])
        return _failure(400, said, "invalid_request_error", None)

    _add_handlers_of_failures(app)


def _add_handlers_of_failures(app: FastAPI) -> None:
    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> JSONResponse:
        return _failure(error.status_code, str(error.detail), "invalid_request_error", None)

    @app.exception_handler(Failed)
    async def failed(_: Request, error: Failed) -> JSONResponse:
        return _failure(500, str(error), "server_error", "internal_error")

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        mark = uuid.uuid4().hex
        log.error("%s %s failed: %s", request.method, request.url.path, mark, exc_info=error)
        return _failure(
            500, f"the server's log has the reason under {mark}", "server_error", "internal_error"
        )


def _failure(status: int, message: str, kind: str, code: str | None) -> JSONResponse:
    return JSONResponse(chat_api.failure(message, kind, code), status_code=status)


if __name__ == "__main__":
    from llm_twin_assets.serving.process import main

    sys.exit(main())
