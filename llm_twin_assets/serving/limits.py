"""How much may be sent: bytes of a request's body, and requests a minute."""

import math
import time
from collections.abc import Iterable

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from llm_twin_assets.serving.chat_api import failure
from resources.api_keys import ApiKey
from resources.settings import Settings


class TooLarge(Exception):
    """A body went over its limit; raised to whoever reads it."""


class BodyLimit:
    """ASGI middleware: 413 for a request whose body has more than `most` bytes.

    A declared length is believed where it is too large, and what arrives is counted in any case, so
    that neither a body sent in chunks nor a wrong length gets past. Starlette's own middleware counts
    as well, but answers in plain text, in which OpenAI's clients find no message.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _declared(scope["headers"]) > self._most:
            await self._refuse(scope, receive, send)
        else:
            await self._counted(scope, receive, send)

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        came, begun = 0, False

        async def receive_counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > self._most:
                raise TooLarge
            return message

        async def send_unless_refused(message: Message) -> None:
            nonlocal begun
            # What the application makes of TooLarge is dropped: the answer to it is ours.
            if begun or came <= self._most:
                begun = True
                await send(message)

        try:
            await self._app(scope, receive_counted, send_unless_refused)
        except Exception:
            if begun or came <= self._most:
                raise
        if came > self._most and not begun:
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        said = f"the request's body is longer than {self._most} bytes: send a shorter one"
        await refusal(413, said, "invalid_request_error", "body_too_large")(scope, receive, send)


class PerMinute:
    """Counts what somebody does in a minute that moves along, in this process's memory."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def wait(self, most: int, who: str) -> int | None:
        """Count one thing more; None where it is within the limit, else in how many seconds one will be."""
        item = RateLimitItemPerMinute(most)
        if self._limiter.hit(item, who):
            return None
        free_at = self._limiter.get_window_stats(item, who).reset_time
        return max(1, math.ceil(free_at - time.time()))


class RateLimit:
    """ASGI middleware: 429 for a POST beyond the minute's limit of its key, or of its client's address.

    It stands inside Authentication, which says whose request it is.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._most, self._counts = app, settings.requests_per_minute, PerMinute()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, or refuse it."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        key: ApiKey | None = scope.get("state", {}).get("key")
        most = (key and key.requests_per_minute) or self._most
        wait = self._counts.wait(most, key.key_id if key else client(scope))
        if wait is None:
            await self._app(scope, receive, send)
        else:
            await too_many(f"more than {most} requests in a minute", wait)(scope, receive, send)


def client(scope: Scope) -> str:
    """The address that a request comes from."""
    return str(scope["client"][0]) if scope.get("client") else "unknown"


def too_many(said: str, wait: int) -> JSONResponse:
    """A 429 that says in how many seconds to come again."""
    headers = {"Retry-After": str(wait)}
    return refusal(429, f"{said}: try again in {wait} s", "requests", "rate_limit_exceeded", headers)


def refusal(
    status: int, said: str, kind: str, code: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    """A response in the form in which OpenAI's clients read errors."""
    return JSONResponse(failure(said, kind, code), status_code=status, headers=headers)


def _declared(headers: Iterable[tuple[bytes, bytes]]) -> int:
    """The length that a request declares; 0 where it declares none that can be read."""
    written = dict(headers).get(b"content-length", b"0")
    try:
        return int(written)
    except ValueError:
        return 0
