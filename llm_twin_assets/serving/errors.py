"""An id for every request, in the log and outside, and errors in OpenAI's form that tell nothing else."""

import logging
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from llm_twin_assets.serving.chat_api import failure
from llm_twin_assets.serving.chat_request import Refused
from llm_twin_assets.serving.logs import bound
from llm_twin_assets.serving.running import Failed
from llm_twin_assets.serving.served import NotServed
from llm_twin_assets.serving.service import ClientGone
from resources.traces import new_trace_id

log = logging.getLogger(__name__)

HEADER: Final = "x-request-id"
INVALID: Final = "invalid_request_error"
BROKEN: Final = "server_error"
# What nobody reads any more has no status in HTTP; servers log it as this one.
CLIENT_GONE: Final = 499


class RequestIds:
    """ASGI middleware: gives a request its id, which an answer's trace has too, and logs what went wrong."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = scope.setdefault("state", {})["request_id"] = new_trace_id()

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (HEADER.encode(), request_id.encode())]
                # A deployment looks ten times a second until the server is ready.
                if message["status"] >= 400 and scope["path"] != "/readyz":
                    said = (request_id, scope["method"], scope["path"], message["status"])
                    log.warning("request %s: %s %r is answered with %s", *said)
            await send(message)

        with bound(request_id):
            await self._app(scope, receive, send_with_id)


def add_error_handlers(app: FastAPI) -> None:
    """Say how everything that goes wrong looks outside."""
    _add_refusals(app)
    _add_failures(app)


def _add_refusals(app: FastAPI) -> None:
    @app.exception_handler(NotServed)
    async def not_served(_: Request, error: NotServed) -> JSONResponse:
        if error.known:
            return JSONResponse(failure(str(error), BROKEN, "model_loading"), 503, {"Retry-After": "1"})
        return JSONResponse(failure(str(error), INVALID, "model_not_found", "model"), 404)

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Refused) -> JSONResponse:
        return JSONResponse(failure(str(error), INVALID, error.code, error.param), error.status)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(map(str, filter(_is_a_field, first["loc"][1:])))
        said = f"{place}: {first['msg']}" if place else str(first["msg"])
        return JSONResponse(failure(said, INVALID, "invalid_value", place or None), 422)

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> JSONResponse:
        # FastAPI says 400 of a body that is no text at all, but 422 of one that is no JSON.
        malformed = error.status_code == 400 and error.__cause__ is not None
        status, code = (422, "invalid_value") if malformed else (error.status_code, None)
        return JSONResponse(failure(str(error.detail), INVALID, code), status, error.headers)


def _is_a_field(part: str | int) -> bool:
    """A field's name or a position; not which of a field's types did not fit."""
    return isinstance(part, int) or (part.isidentifier() and part != "str")


def _add_failures(app: FastAPI) -> None:
    @app.exception_handler(Failed)
    async def failed(_: Request, error: Failed) -> JSONResponse:
        code = "engine_down" if error.down else None
        return JSONResponse(failure(str(error), BROKEN, code), 503 if error.down else 500)

    @app.exception_handler(ClientGone)
    async def gone(_: Request, error: ClientGone) -> Response:
        return Response(status_code=CLIENT_GONE)

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> JSONResponse:
        request_id = request.state.request_id
        log.error("request %s failed", request_id, exc_info=error)
        said = f"something went wrong; the server's log has the reason under {request_id}"
        # Starlette answers this one outside of every middleware.
        return JSONResponse(failure(said, BROKEN, None), 500, {HEADER: request_id})
