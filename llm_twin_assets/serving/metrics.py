"""What the server counts and measures, as Prometheus reads it at /metrics.

Every label has few values: a route is its template, a twin one that is served.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from fastapi import FastAPI, Response
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resources.traces import Trace

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# What stands for a label's value that is none of the known ones: they come from outside.
OTHER: Final = "other"


class Release(NamedTuple):
    """A release that answers now, and the index that it answers from."""

    twin: str
    release_id: str
    index_id: str


@dataclass(frozen=True)
class State(Collector):
    """What is read at the moment when somebody looks; a canary's release is one more of `served`.

    restarts: how often a generation process was started again since the server began.
    """

    served: Callable[[], Iterable[Release]]
    running: Callable[[], int]
    waiting: Callable[[], int]
    restarts: Callable[[], int]

    def collect(self) -> Iterable[Metric]:
        """Its metrics, for a registry."""
        said = "What answers now: 1 for each release of a twin."
        info = GaugeMetricFamily("llm_twin_release_info", said, labels=["twin", "release", "index"])
        for release in sorted(set(self.served())):
            info.add_metric(release, 1)
        yield info
        yield GaugeMetricFamily("llm_twin_running_answers", "Answers being given.", self.running())
        yield GaugeMetricFamily("llm_twin_waiting_answers", "Questions that wait.", self.waiting())
        said = "How often a generation process was started again."
        yield CounterMetricFamily("llm_twin_generation_worker_restarts", said, self.restarts())


class Metrics:
    """Counters and histograms of one server, in a registry of their own; any thread may count."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._registry = registry = CollectorRegistry()
        registry.register(state)
        self._requests = Counter(
            "llm_twin_requests_total",
            "Requests, by answer.",
            ["route", "method", "status"],
            registry=registry,
        )
        self._request_seconds = _histogram(registry, "request", "A request, to its stream's end.", "route")
        self._span_seconds = _histogram(registry, "span", "A step of an answer.", "span")
        self._first_token = _histogram(registry, "first_token", "Until an answer's first words.", "twin")
        self._answers = Counter(
            "llm_twin_answers_total",
            "Answers: answered, declined, or failed, which those are too that nobody waited for.",
            ["twin", "release", "arm", "outcome"],
            registry=registry,
        )
        self._tokens = Counter(
            "llm_twin_tokens_total", "Tokens read and written.", ["twin", "kind"], registry=registry
        )
        self._feedback = Counter(
            "llm_twin_feedback_total", "Thumbs; none: words only.", ["twin", "value"], registry=registry
        )

    def requested(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request to a route's template was answered, to the last byte."""
        self._requests.labels(route, method if method in METHODS else OTHER, status).inc()
        self._request_seconds.labels(route).observe(seconds)

    def answered(self, trace: Trace) -> None:
        """A question was answered, declined or failed as this record says."""
        twin = self._known(trace.twin)
        outcome = "failed" if trace.error is not None else "declined" if trace.declined else "answered"
        self._answers.labels(twin, trace.release_id, trace.arm, outcome).inc()
        self._tokens.labels(twin, "prompt").inc(trace.prompt_tokens)
        self._tokens.labels(twin, "completion").inc(trace.completion_tokens)
        for span, milliseconds in trace.timings_ms.items():
            self._span_seconds.labels(span).observe(milliseconds / 1000)
        if trace.first_token_ms is not None:
            self._first_token.labels(twin).observe(trace.first_token_ms / 1000)

    def gave_feedback(self, twin: str, value: int | None) -> None:
        """Somebody said something of an answer."""
        self._feedback.labels(self._known(twin), "none" if value is None else value).inc()

    def exposition(self) -> bytes:
        """All of it, in Prometheus' text format 0.0.4."""
        return generate_latest(self._registry)

    def _known(self, twin: str) -> str:
        return twin if any(twin == release.twin for release in self._state.served()) else OTHER


def _histogram(registry: CollectorRegistry, name: str, said: str, label: str) -> Histogram:
    return Histogram(f"llm_twin_{name}_seconds", said, [label], registry=registry, buckets=SECONDS)


def add_metrics(app: FastAPI, metrics: Metrics) -> None:
    """Add GET /metrics. CountRequests, which counts the requests, is to be the outermost middleware."""

    @app.get("/metrics", response_class=Response)
    def exposition() -> Response:
        """What the server counts and measures, as Prometheus reads it."""
        return Response(metrics.exposition(), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


class CountRequests:
    """ASGI middleware: counts each request with its status, and the time until its answer's last byte.

    One whose answer never began counts as 500, which is what the server makes of it.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, and count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        route, status, started = _route(scope), 500, time.perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            seconds = time.perf_counter() - started
            self._metrics.requested(route, scope["method"], status, seconds)


def _route(scope: Scope) -> str:
    """The template of the path; also where the request is refused before any route sees it."""
    for route in scope["app"].routes:
        match, _ = route.matches(scope)
        if match != Match.NONE:
            return str(getattr(route, "path", OTHER))
    return OTHER
