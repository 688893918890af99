"""The pinned Opik SDK's REST client, with our own patience, and its errors in five kinds."""

import contextlib
import email.utils
import itertools
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from resources.openai_server import excerpt
from resources.opik_settings import OpikPlace

if TYPE_CHECKING:
    from opik.rest_api.client import OpikApi

T = TypeVar("T")
# The SDK's own limits (100 s a request, three attempts) held a process for minutes at a silent server.
REQUEST_SECONDS: Final = 5.0
PATIENCE_SECONDS: Final = 3.0
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 8.0
# Reading many records takes a server longer than taking a few.
READING_SECONDS: Final = 60.0
_TRY_AGAIN: Final = (408, 425, 429)
_BAD_BODY: Final = (400, 413, 422)


class OpikUnavailable(RuntimeError):
    """Opik did not answer in time or asked to be left alone; `pause` says for how many seconds, if it did."""

    def __init__(self, why: str, pause: float = 0.0) -> None:
        super().__init__(why)
        self.pause = pause


class OpikRefused(RuntimeError):
    """Opik will not have any of this: the key, the workspace or the address is wrong."""


class OpikMissing(OpikRefused):
    """What was asked for is not there, or not yet."""


class OpikConflict(OpikRefused):
    """What was to be made is there already, or what it names is not."""


class OpikRejected(RuntimeError):
    """Opik found fault with this very body."""


@contextlib.contextmanager
def connected(place: OpikPlace, seconds: float = REQUEST_SECONDS) -> Iterator["OpikApi"]:
    """The SDK's REST client for a place; each wait for the server ends after `seconds`.

    The SDK's own client is not built: it would start threads, and keep in memory what is in the trace
    store already. Raises ModuleNotFoundError where the package is missing.
    """
    switch_reports_off()
    try:
        from opik import httpx_client
        from opik.rest_api.client import OpikApi
    except ModuleNotFoundError as missing:
        message = "Opik is configured, and its package is not there: pip install llm-twin[opik]"
        raise ModuleNotFoundError(message) from missing
    http = httpx_client.get(place.workspace, place.api_key, True, True)
    with http:
        yield OpikApi(base_url=place.url, httpx_client=http, timeout=seconds)


def switch_reports_off() -> None:
    """Keep the SDK from reporting to its makers; it looks when it is imported."""
    os.environ["OPIK_SENTRY_ENABLE"] = "false"
    os.environ["OPIK_ANALYTICS_ENABLE"] = "false"


def greeted(api: "OpikApi") -> None:
    """Make sure that an Opik server answers. Raises OpikUnavailable and OpikRefused."""
    answer = insist(api.version)
    if not isinstance(answer, dict) or "version" not in answer:
        raise OpikRefused("what answers is no Opik: OPIK_URL_OVERRIDE must lead to its API, as in …:5173/api")


def insist(call: Callable[[], T], patience: float = PATIENCE_SECONDS) -> T:
    """What a call returns, tried again with growing pauses; no attempt begins after `patience` seconds.

    Waits as long as the server asks (Retry-After). Raises OpikUnavailable, OpikRejected, OpikMissing,
    OpikConflict and OpikRefused; anything else that the call raises goes through.
    """
    from opik.rest_api.core.api_error import ApiError

    started = time.monotonic()
    for attempt in itertools.count():
        try:
            return call()
        except Exception as error:
            if isinstance(error, ApiError):
                _raise_final(error.status_code or 0, error)
            elif not _is_transport(error):
                raise
            asked = asked_pause(getattr(error, "headers", None) or {})
            pause = max(asked, _pause(attempt))
            if time.monotonic() - started + pause > patience:
                raise OpikUnavailable(_why(error), asked) from error
        time.sleep(pause)
    raise AssertionError("unreachable")


def _raise_final(status: int, error: Any) -> None:
    """Raise what no further attempt can mend."""
    if status in _TRY_AGAIN or status >= 500:
        return
    if status in _BAD_BODY:
        raise OpikRejected(_why(error)) from error
    if status == 404:
        raise OpikMissing(_why(error)) from error
    if status == 409:
        raise OpikConflict(_why(error)) from error
    raise OpikRefused(f"{_why(error)}: look at OPIK_API_KEY, OPIK_WORKSPACE, OPIK_URL_OVERRIDE") from error


def _is_transport(error: Exception) -> bool:
    import httpx

    return isinstance(error, httpx.TransportError)


def _pause(attempt: int) -> float:
    """Twice as long each time, and a little by chance, so that many clients do not come back at once."""
    return min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE) * random.uniform(0.75, 1.0)


def asked_pause(headers: Mapping[str, str]) -> float:
    """The seconds that a server asks to be left alone; 0 where it does not say."""
    named = {name.lower(): value for name, value in headers.items()}
    written = named.get("retry-after") or named.get("ratelimit-reset") or ""
    try:
        return max(0.0, float(written))
    except ValueError:
        moment = email.utils.parsedate_tz(written)
        return max(0.0, email.utils.mktime_tz(moment) - time.time()) if moment else 0.0


def _why(error: Any) -> str:
    status = getattr(error, "status_code", None)
    if status is None:
        return f"{type(error).__name__}: {error}"
    return f"Opik answered {status}: {excerpt(str(error.body))}"
