"""What Opik's alerts send to a general webhook, verified."""

import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

# Opik sends an alert's secret token as a bearer; this header is for alerts with a header of their own.
SECRET_HEADER: Final = "x-opik-secret"
LARGEST_BODY: Final = 5_000_000
# Where Opik's alerts name traces, projects, datasets and our own tags and twins.
POINTING: Final = frozenset(
    {"id", "entity_id", "trace_id", "name", "project_name", "project_names", "tags", "twin"}
)
MOST_POINTERS: Final = 200


@dataclass(frozen=True)
class OpikAlert:
    """An alert that went off. `alert_id` and `event` say which; `event_id` is the same when it is sent again.

    `event`: what happened, as "trace:feedback_score" or "trace:errors". `count`: how many events it
    stands for. `details`: what Opik tells of them, a metric and its threshold or a list of traces.
    """

    event_id: str
    event: str
    alert_id: str
    alert: str
    created_at: str
    count: int
    details: list[dict[str, Any]]


class UnverifiedWebhook(PermissionError):
    """A webhook came without the secret, or with another."""


def verified_webhook(headers: Mapping[str, str], body: bytes, secret: str) -> OpikAlert:
    """The alert in a webhook's body, once its secret is seen to be ours, compared in constant time.

    Raises UnverifiedWebhook, and ValueError where the body is no alert or `secret` is empty.
    https://www.comet.com/docs/opik/production/alerts
    """
    if not secret:
        raise ValueError("without a secret no webhook can be verified")
    named = {name.lower(): value for name, value in headers.items()}
    bearer = named.get("authorization", "")
    shown = bearer[7:] if bearer[:7].lower() == "bearer " else named.get(SECRET_HEADER, "")
    if not hmac.compare_digest(shown.strip().encode(), secret.encode()):
        raise UnverifiedWebhook("the webhook's secret is not ours")
    return _alert(_object(body))


def _object(body: bytes) -> dict[str, Any]:
    if len(body) > LARGEST_BODY:
        raise ValueError(f"the webhook's body is longer than {LARGEST_BODY} bytes")
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError("the webhook's body is no JSON") from error
    if not isinstance(given, dict):
        raise ValueError("the webhook's body is no JSON object")
    return given


def _alert(given: Mapping[str, Any]) -> OpikAlert:
    payload = given.get("payload") or {}
    if not isinstance(payload, dict):
        raise ValueError("the webhook's payload is no JSON object")
    told = {**payload, **{name: value for name, value in given.items() if name != "payload"}}
    for name in ("id", "eventType"):
        if not isinstance(told.get(name), str) or not told[name]:
            raise ValueError(f"the webhook has no {name}")
    count = payload.get("eventCount", 1)
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise ValueError(f"the webhook's eventCount is {count!r}")
    return OpikAlert(
        event_id=told["id"],
        event=told["eventType"],
        alert_id=str(told.get("alertId") or ""),
        alert=str(told.get("alertName") or ""),
        created_at=str(told.get("createdAt") or ""),
        count=count,
        details=_details(payload.get("metadata")),
    )


def points_at(alert: OpikAlert) -> list[str]:
    """What in an alert may tell whom it is about, each once: ids of traces, tags, names of projects.

    Nothing else of the alert is worth keeping: it may hold what people asked.
    """
    found = [text for one in alert.details for text in _pointing(one)]
    return list(dict.fromkeys([alert.alert, *found]))[:MOST_POINTERS]


def _pointing(told: Mapping[str, Any]) -> Iterator[str]:
    for name in POINTING & told.keys():
        for one in told[name] if isinstance(told[name], list) else [told[name]]:
            if isinstance(one, str) and one:
                yield one
    if isinstance(told.get("metadata"), dict):
        yield from _pointing(told["metadata"])


def _details(metadata: Any) -> list[dict[str, Any]]:
    """A metric's alert tells one object, another a list of them."""
    listed = metadata if isinstance(metadata, list) else [metadata]
    return [one for one in listed if isinstance(one, dict)]
