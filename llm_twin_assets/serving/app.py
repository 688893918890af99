"""The HTTP server: `python -m llm_twin_assets.serving.app` answers for every deployed twin."""

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from llm_twin_assets.serving.admission import Admission
from llm_twin_assets.serving.api_schema import errors
from llm_twin_assets.serving.docs_page import docs_page
from llm_twin_assets.serving.errors import RequestIds, add_error_handlers
from llm_twin_assets.serving.feedback import add_feedback
from llm_twin_assets.serving.metrics import CountRequests, Metrics, Release, State, add_metrics
from llm_twin_assets.serving.opik_route import add_opik_webhook
from llm_twin_assets.serving.pages import Page, Sources, chat_page
from llm_twin_assets.serving.protection import Signer, add_protection
from llm_twin_assets.serving.releases_page import add_releases
from llm_twin_assets.serving.routes import add_answer_routes, add_state_routes, canaries
from llm_twin_assets.serving.running import Answers
from llm_twin_assets.serving.service import Service
from llm_twin_assets.serving.state import Serving
from resources.api_keys import ApiKeys
from resources.settings import Settings
from resources.traces import TraceStore

log = logging.getLogger(__name__)

HTML: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"text/html": {}}}}


@dataclass(frozen=True)
class AppParts:
    """What an application has beside its answers; each may be left out.

    settings: limits, origins and names. keys: who may ask; without any everybody may. local_token: what
    this machine's own command line shows. signer: without it, links to sources are open to everybody.
    admission: made from the settings unless it is given. traces: adds /feedback, and `flush` writes what
    waits to get there. metrics: adds /metrics. report: adds /releases.
    """

    settings: Settings = field(default_factory=Settings)
    keys: ApiKeys | None = None
    local_token: str = ""
    signer: Signer | None = None
    admission: Admission | None = None
    traces: TraceStore | None = None
    flush: Callable[[], object] = lambda: None
    metrics: Metrics | None = None
    report: Callable[[], dict[str, Any]] | None = None


def create_app(service: Service, sources: Sources, parts: AppParts | None = None) -> FastAPI:
    """The application over a service that is already following what should be served."""
    parts = parts or AppParts()
    limits, sign = parts.settings, parts.signer.sign if parts.signer else None
    admission = parts.admission or admission_of(limits)
    answers = Answers(service, admission, limits.running_answers, limits.request_seconds)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(answers.finish)

    app = FastAPI(title="LLM Twin", lifespan=lifespan, docs_url=None, redoc_url=None)
    add_error_handlers(app)
    add_state_routes(app, service.serving)
    add_answer_routes(app, service, answers, sign)
    _add_pages(app, sources, parts.signer)
    _add_parts(app, parts)
    add_protection(app, limits, parts.keys or ApiKeys(limits.home), parts.local_token)
    app.add_middleware(RequestIds)
    if parts.metrics:
        app.add_middleware(CountRequests, metrics=parts.metrics)
    return app


def admission_of(settings: Settings) -> Admission:
    """Who may be answered now, as the settings bound it."""
    return Admission(settings.running_answers, settings.queue_size, settings.concurrent_requests)


def metrics_of(serving: Serving, admission: Admission, restarts: Callable[[], int]) -> Metrics:
    """What is counted of a server; `restarts` says how often a generation process was started again."""

    def served() -> list[Release]:
        index_id = serving.index_id or ""
        found = [Release(name, one.manifest.release_id, index_id) for name, one in serving.twins().items()]
        return found + [Release(name, release_id, index_id) for name, release_id in canaries(serving)]

    return Metrics(State(served, lambda: admission.running, lambda: admission.waiting, restarts))


def _add_parts(app: FastAPI, parts: AppParts) -> None:
    if parts.traces:
        tell = parts.metrics.gave_feedback if parts.metrics else lambda twin, value: None
        add_feedback(app, parts.traces, parts.flush, tell)
    if parts.metrics:
        add_metrics(app, parts.metrics)
    if parts.report:
        add_releases(app, parts.report)
    if secret := parts.settings.opik_webhook_secret:
        add_opik_webhook(app, parts.settings.home, secret.get_secret_value())


def _add_pages(app: FastAPI, sources: Sources, signer: Signer | None) -> None:
    chat = chat_page()

    @app.get("/", response_class=HTMLResponse)
    async def index() -> HTMLResponse:
        """The page to talk with a twin."""
        return _shown(chat)

    @app.get("/docs", response_class=HTMLResponse)
    async def docs() -> HTMLResponse:
        """This page."""
        return _shown(docs_page(app.openapi()))

    # Its errors are JSON, which they would not be said to be beside a response_class of HTML.
    @app.get("/sources/{document_id}", response_model=None, responses={**HTML, **errors(404, 422)})
    def source(
        document_id: str, start: int = 0, end: int = 0, proof: str = "", sig: str = ""
    ) -> HTMLResponse:
        """A document with a quotation marked in it."""
        found = sources.page(document_id, start, end, proof, sig, signer)
        if found is None:
            raise HTTPException(404, "there is no such document any more, or the link to it is not whole")
        return _shown(found)


def _shown(page: Page) -> HTMLResponse:
    return HTMLResponse(page.html, headers=dict(page.headers))


if __name__ == "__main__":
    from llm_twin_assets.serving.process import main

    sys.exit(main())
