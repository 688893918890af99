"""Who may ask: keys, which twins a key may ask, signed links, and where a server without keys may listen."""

import hashlib
import hmac
import json
from ipaddress import ip_address
from typing import Final

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from llm_twin_assets.serving.admission import Busy, TooSlow
from llm_twin_assets.serving.limits import BodyLimit, PerMinute, RateLimit, client, refusal, too_many
from resources.api_keys import LOCAL, ApiKey, ApiKeys, kept_secret
from resources.places import Place
from resources.settings import Settings

# What shows nothing of anybody's, pages that ask for a key themselves, and what asks for a secret of its own.
# /sources/ asks for a signature.
OPEN: Final = frozenset({"/", "/healthz", "/readyz", "/releases", "/docs", "/openapi.json", "/opik/webhook"})
SIGNED: Final = "/sources/"
FAILURES_PER_MINUTE: Final = 30


class Forbidden(Exception):
    """A key asked a twin that it may not ask; the message tells nothing about twins beyond its own."""

    def __init__(self, key: ApiKey, twin: str) -> None:
        may = ", ".join(key.twins or ())
        super().__init__(f"the key {key.key_id} may not ask {twin!r}; it may ask: {may}")


def check_twin(key: ApiKey | None, twin: str) -> None:
    """Raise Forbidden where a key may not ask this twin; without keys everybody may."""
    if key is not None and not key.may(twin):
        raise Forbidden(key, twin)


def check_binding(settings: Settings, keys: ApiKeys) -> None:
    """Raise ValueError where other machines would reach a server that asks for no key."""
    if not _is_loopback(settings.host) and not keys.any():
        raise ValueError(
            f"LLM_TWIN_HOST is {settings.host}: others would reach the server, and it has no API key: "
            "create one with `llm-twin keys create NAME`, or bind to 127.0.0.1"
        )


def allowed_hosts(settings: Settings) -> list[str]:
    """Names under which the server may be asked: a page elsewhere cannot rebind its own name to loopback."""
    if not _is_loopback(settings.host):
        return ["*"]
    own = f"[{settings.host}]" if ":" in settings.host else settings.host
    return list(dict.fromkeys(["127.0.0.1", "localhost", "[::1]", own]))


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class Authentication:
    """ASGI middleware: 401 without a key that is known, once a key was made; sets `request.state.key`.

    Revoking the last key does not open the server, and neither does removing the file of keys while it
    runs. Whoever shows a good key is never held up by the failures of others behind the same address.
    """

    def __init__(self, app: ASGIApp, keys: ApiKeys, local_token: str) -> None:
        self._app, self._keys, self._token = app, keys, local_token
        self._demanded = bool(keys.all())
        self._failures = PerMinute()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on with its key, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._demanded = self._demanded or bool(self._keys.all())
        shown = _shown(Headers(scope=scope))
        key = self._key(shown) if self._demanded and shown else None
        scope.setdefault("state", {})["key"] = key
        if key or not self._demanded or _is_open(scope["path"]):
            await self._app(scope, receive, send)
        else:
            await self._refused(scope, shown)(scope, receive, send)

    def _key(self, shown: str) -> ApiKey | None:
        if hmac.compare_digest(shown.encode(), self._token.encode()):
            return LOCAL
        return self._keys.check(shown)

    def _refused(self, scope: Scope, shown: str) -> JSONResponse:
        wait = self._failures.wait(FAILURES_PER_MINUTE, client(scope))
        if wait is not None:
            return too_many("too many requests without a good key", wait)
        said = "this key is not known, or was revoked" if shown else "this server asks for an API key"
        said += ": send `Authorization: Bearer KEY`; `llm-twin keys create NAME` makes one"
        headers = {"WWW-Authenticate": "Bearer"}
        return refusal(401, said, "invalid_request_error", "invalid_api_key", headers)


def _shown(headers: Headers) -> str:
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "").strip()


def _is_open(path: str) -> bool:
    return path in OPEN or path.startswith(SIGNED)


class Signer:
    """Signs links to quoted passages, so that a browser opens them without a key, and nobody other ones.

    HMAC-SHA256 (RFC 2104) under the secret of this home, of which the first 128 bits are kept.
    """

    def __init__(self, home: Place) -> None:
        self._secret = kept_secret(home, "secret").encode()

    def sign(self, document_id: str, start: int, end: int, proof: str) -> str:
        """The signature of a link to `text[start:end]` of a document: 32 hex digits."""
        signed = json.dumps([document_id, start, end, proof]).encode()
        return hmac.new(self._secret, signed, hashlib.sha256).hexdigest()[:32]

    def valid(self, document_id: str, start: int, end: int, proof: str, signature: str) -> bool:
        """Whether the signature is this link's."""
        own = self.sign(document_id, start, end, proof)
        return hmac.compare_digest(own.encode(), signature.encode("utf-8", "surrogatepass"))


def add_protection(app: FastAPI, settings: Settings, keys: ApiKeys, local_token: str) -> None:
    """Put everything before the application's routes, and say how its refusals look.

    A request passes, from the outside in: the host's name, other sites' pages, the body's length, the
    key, the minute's limit.
    """
    app.add_middleware(RateLimit, settings=settings)
    app.add_middleware(Authentication, keys=keys, local_token=local_token)
    app.add_middleware(BodyLimit, most=settings.max_body_bytes)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            expose_headers=["Retry-After", "x-request-id"],
        )
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=allowed_hosts(settings))
    _add_refusals(app)


def _add_refusals(app: FastAPI) -> None:
    @app.exception_handler(Forbidden)
    async def forbidden(_: Request, error: Forbidden) -> JSONResponse:
        return refusal(403, str(error), "invalid_request_error", "twin_not_allowed")

    @app.exception_handler(Busy)
    async def busy(_: Request, error: Busy) -> JSONResponse:
        return too_many(str(error), error.retry_after)

    @app.exception_handler(TooSlow)
    async def too_slow(_: Request, error: TooSlow) -> JSONResponse:
        return refusal(504, str(error), "server_error", "timeout")
