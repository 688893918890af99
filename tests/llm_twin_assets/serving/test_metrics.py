"""What /metrics says, read back by Prometheus' own parser."""

import asyncio
import threading

import httpx
import pytest
from fastapi import FastAPI, Response
from fastapi.responses import StreamingResponse
from prometheus_client.parser import text_string_to_metric_families

from llm_twin_assets.serving.metrics import CountRequests, Metrics, Release, State, add_metrics
from resources.traces import Trace, new_trace_id
from tests.llm_twin_assets.serving.small import listening
from tests.waiting import wait_until


class Now:
    """What the server is doing, as a test sets it."""

    def __init__(self):
        self.served = [Release("ada", "r1", "i1"), Release("ben", "r9", "i1")]
        self.running = self.waiting = self.restarts = 0

    def state(self):
        return State(lambda: self.served, lambda: self.running, lambda: self.waiting, lambda: self.restarts)


@pytest.fixture
def now():
    return Now()


@pytest.fixture
def metrics(now):
    return Metrics(now.state())


def values(text):
    """Name and labels of each sample to its value."""
    families = text_string_to_metric_families(text)
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def value(metrics, name, **labels):
    return values(metrics.exposition().decode()).get((f"llm_twin_{name}", *sorted(labels.items())))


def labels(metrics, name):
    """Every combination of labels that a metric has."""
    found = values(metrics.exposition().decode())
    return [dict(key[1:]) for key in found if key[0] == f"llm_twin_{name}"]


def trace(twin="ada", **fields):
    return Trace(new_trace_id(), twin, "2026-01-01", "r1", "i1", "Why?", **fields)


def test_answers_are_counted_by_what_became_of_them(metrics):
    for fields in ({}, {}, {"declined": True}, {"error": "OSError: x"}, {"error": "", "declined": True}):
        metrics.answered(trace(**fields))
    metrics.answered(trace(arm="canary"))
    where = {"twin": "ada", "release": "r1"}
    assert value(metrics, "answers_total", **where, arm="", outcome="answered") == 2
    assert value(metrics, "answers_total", **where, arm="", outcome="declined") == 1
    assert value(metrics, "answers_total", **where, arm="", outcome="failed") == 2
    assert value(metrics, "answers_total", **where, arm="canary", outcome="answered") == 1


def test_tokens_and_times_of_an_answer_are_added_up(metrics):
    spans = {"retrieval": 20.0, "generation": 180.0, "total": 210.0}
    for _ in range(2):
        metrics.answered(
            trace(prompt_tokens=300, completion_tokens=40, timings_ms=spans, first_token_ms=90.0)
        )
    metrics.answered(trace())
    assert value(metrics, "tokens_total", twin="ada", kind="prompt") == 600
    assert value(metrics, "tokens_total", twin="ada", kind="completion") == 80
    assert value(metrics, "span_seconds_sum", span="generation") == pytest.approx(0.36)
    assert value(metrics, "span_seconds_bucket", span="retrieval", le="0.025") == 2
    assert value(metrics, "span_seconds_bucket", span="retrieval", le="0.01") == 0
    assert value(metrics, "first_token_seconds_count", twin="ada") == 2
    assert value(metrics, "first_token_seconds_sum", twin="ada") == pytest.approx(0.18)


def test_what_is_so_now_is_read_when_it_is_asked(metrics, now):
    assert value(metrics, "release_info", twin="ada", release="r1", index="i1") == 1
    now.served = [Release("ada", "r2", "i2"), Release("ada", "r3", "i2"), Release("ada", "r3", "i2")]
    now.running, now.waiting, now.restarts = 3, 7, 2
    assert labels(metrics, "release_info") == [
        {"twin": "ada", "release": "r2", "index": "i2"},
        {"twin": "ada", "release": "r3", "index": "i2"},
    ]
    assert (value(metrics, "running_answers"), value(metrics, "waiting_answers")) == (3, 7)
    assert value(metrics, "generation_worker_restarts_total") == 2


def test_thumbs_are_counted(metrics):
    for given in (1, 1, -1, 0, None):
        metrics.gave_feedback("ada", given)
    counts = {
        one["value"]: value(metrics, "feedback_total", **one) for one in labels(metrics, "feedback_total")
    }
    assert counts == {"1": 2, "-1": 1, "0": 1, "none": 1}


def test_names_from_outside_make_no_new_series(metrics):
    for number in range(50):
        metrics.answered(trace(f"twin-{number}", prompt_tokens=1, first_token_ms=1.0))
        metrics.gave_feedback(f"twin-{number}", 1)
        metrics.requested("/rag", f"METHOD{number}", 200, 0.1)
    assert {one["twin"] for one in labels(metrics, "answers_total")} == {"other"}
    assert {one["twin"] for one in labels(metrics, "first_token_seconds_count")} == {"other"}
    assert {one["twin"] for one in labels(metrics, "feedback_total")} == {"other"}
    assert labels(metrics, "requests_total") == [{"route": "/rag", "method": "other", "status": "200"}]
    assert value(metrics, "tokens_total", twin="other", kind="prompt") == 50


def test_many_threads_count_and_nothing_is_missed(metrics):
    def count():
        for _ in range(200):
            metrics.answered(trace(completion_tokens=2))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value(metrics, "tokens_total", twin="ada", kind="completion") == 1600


def test_two_servers_in_one_process_count_apart(now):
    first, second = Metrics(now.state()), Metrics(now.state())
    first.gave_feedback("ada", 1)
    assert value(second, "feedback_total", twin="ada", value="1") is None


class Doors:
    """Middleware that lets nobody in who does not knock, as authentication does."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http" and (b"knock", b"no") in scope["headers"]:
            await Response(status_code=401)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


@pytest.fixture
def server(metrics):
    """A real server with every kind of route."""
    app = FastAPI()
    go_on = threading.Event()

    @app.get("/sources/{document_id}")
    def source(document_id: str) -> str:
        return document_id

    @app.post("/rag")
    def rag() -> str:
        return "so"

    @app.get("/broken")
    def broken() -> str:
        raise OSError("disk")

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def pieces():
            yield b"first "
            while not go_on.is_set():
                await asyncio.sleep(0.005)
            yield b"last"

        return StreamingResponse(pieces())

    add_metrics(app, metrics)
    app.add_middleware(Doors)
    app.add_middleware(CountRequests, metrics=metrics)
    with listening(app) as url, httpx.Client(base_url=url, trust_env=False) as client:
        client.go_on = go_on
        yield client
        go_on.set()


def counted(metrics):
    return {
        (one["route"], one["method"], one["status"]): value(metrics, "requests_total", **one)
        for one in labels(metrics, "requests_total")
    }


def test_requests_are_counted_by_the_template_of_their_route(server, metrics):
    for name in ("a", "b", "c"):
        server.get(f"/sources/{name}?start={name}")
    server.post("/rag")
    for name in ("/nothing", "/here", "/sources/a/b"):
        server.get(name)
    wait_until(lambda: sum(counted(metrics).values()) == 7)
    assert counted(metrics) == {
        ("/sources/{document_id}", "GET", "200"): 3,
        ("/rag", "POST", "200"): 1,
        ("other", "GET", "404"): 3,
    }
    assert value(metrics, "request_seconds_count", route="/rag") == 1


def test_refused_and_broken_requests_are_counted_at_their_route(server, metrics):
    server.post("/rag", headers={"knock": "no"})
    server.get("/rag")
    assert server.get("/broken").status_code == 500
    wait_until(lambda: sum(counted(metrics).values()) == 3)
    assert counted(metrics) == {
        ("/rag", "POST", "401"): 1,
        ("/rag", "GET", "405"): 1,
        ("/broken", "GET", "500"): 1,
    }


def test_a_stream_takes_until_its_end(server, metrics):
    with server.stream("GET", "/stream") as response:
        pieces = response.iter_raw()
        assert next(pieces) == b"first "
        assert value(metrics, "request_seconds_count", route="/stream") is None
        server.go_on.set()
        assert b"".join(pieces) == b"last"
    wait_until(lambda: value(metrics, "request_seconds_count", route="/stream") == 1)
    assert value(metrics, "request_seconds_sum", route="/stream") > 0.001


def test_a_stream_that_nobody_reads_to_its_end_is_counted(server, metrics):
    with server.stream("GET", "/stream") as response:
        assert next(response.iter_raw()) == b"first "
    wait_until(lambda: value(metrics, "request_seconds_count", route="/stream") == 1)
    assert counted(metrics)["/stream", "GET", "200"] == 1


def test_the_page_is_what_prometheus_expects(server, now, metrics):
    server.post("/rag")
    wait_until(lambda: labels(metrics, "requests_total"))
    now.running = 4
    shown = server.get("/metrics", headers={"Accept": "text/plain;version=nonsense"})
    assert shown.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    read = values(shown.text)
    assert read["llm_twin_running_answers",] == 4
    families = text_string_to_metric_families(shown.text)
    assert {one.name: one.type for one in families if not one.name.endswith("_created")} == {
        "llm_twin_release_info": "gauge",
        "llm_twin_running_answers": "gauge",
        "llm_twin_waiting_answers": "gauge",
        "llm_twin_generation_worker_restarts": "counter",
        "llm_twin_requests": "counter",
        "llm_twin_request_seconds": "histogram",
        "llm_twin_span_seconds": "histogram",
        "llm_twin_first_token_seconds": "histogram",
        "llm_twin_answers": "counter",
        "llm_twin_tokens": "counter",
        "llm_twin_feedback": "counter",
    }
