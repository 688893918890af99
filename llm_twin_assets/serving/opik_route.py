"""POST /opik/webhook: Opik's alerts, taken with their own secret and kept until a sensor reads them."""

import logging
from typing import Any, Final, Literal

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from llm_twin_assets.serving.api_schema import errors
from llm_twin_assets.serving.limits import refusal
from resources.opik_inbox import DATABASE, Inbox
from resources.opik_webhook import OpikAlert, UnverifiedWebhook, verified_webhook
from resources.places import Place
from resources.shared_database import shared

log = logging.getLogger(__name__)

PATH: Final = "/opik/webhook"
_TEXTS: Final = ("id", "eventType", "alertId", "alertName", "createdAt")
SCHEMA: Final = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in _TEXTS} | {"payload": {"type": "object"}},
}
BODY: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": SCHEMA}}}
}


class AlertTaken(BaseModel):
    """The alert stands on disk."""

    taken: Literal[True] = True


def add_opik_webhook(app: FastAPI, home: Place, secret: str) -> None:
    """Add the route. Whatever it refuses it refuses alike; the log has the reason."""

    def take(alert: OpikAlert) -> None:
        with shared(home, DATABASE) as folder:
            Inbox(folder).take(alert)

    @app.post(
        PATH,
        status_code=202,
        response_model=AlertTaken,
        responses=errors(401, 413, 429),
        openapi_extra=BODY,
    )
    async def opik_webhook(request: Request) -> AlertTaken | JSONResponse:
        """What an alert of Opik's sends, with the alert's secret token."""
        body = await request.body()
        try:
            alert = verified_webhook(request.headers, body, secret)
        except (UnverifiedWebhook, ValueError) as reason:
            log.warning("a webhook was refused: %.200s", reason)
            return refusal(401, "the webhook was not taken", "invalid_request_error", "webhook_refused")
        await run_in_threadpool(take, alert)
        return AlertTaken()
