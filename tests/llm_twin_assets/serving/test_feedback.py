"""POST /feedback on a real server, with real keys and a real store."""

import json
import threading

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_twin_assets.serving.errors import add_error_handlers
from llm_twin_assets.serving.feedback import FeedbackRequest, add_feedback
from llm_twin_assets.serving.protection import Authentication
from resources.api_keys import ApiKeys
from resources.trace_writer import TraceWriter
from resources.traces import Trace, TraceStore, new_trace_id
from tests.llm_twin_assets.serving.small import listening


class Running:
    """A server with one route, its store and its keys, and what it told of the feedback."""

    def __init__(self, home):
        self.home = home
        self.traces = TraceStore(home)
        self.writer = TraceWriter(self.traces)
        self.keys = ApiKeys(home)
        self.told = []
        self.threads = set()
        self.client = None

    def app(self):
        def tell(twin, value):
            self.told.append((twin, value))
            self.threads.add(threading.current_thread())

        app = FastAPI()
        add_error_handlers(app)
        add_feedback(app, self.traces, self.writer.flush, tell)
        app.add_middleware(Authentication, keys=self.keys, local_token="local")
        return app

    def trace(self, twin="ada"):
        """The id of a new request, recorded."""
        one = Trace(new_trace_id(), twin, "2026-01-01", "r", "i", "Why?", "So.")
        self.traces.append(one)
        return one.trace_id

    def give(self, trace_id, key=None, **said):
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return self.client.post("/feedback", json={"trace_id": trace_id, **said}, headers=headers)

    def given(self, twin="ada"):
        rows = self.traces.feedback_since(twin)
        return [tuple(row[name] for name in ("trace_id", "value", "comment", "correction")) for row in rows]


@pytest.fixture
def running(tmp_path):
    made = Running(tmp_path / "home")
    with listening(made.app()) as url, httpx.Client(base_url=url, trust_env=False) as made.client:
        yield made
    made.writer.close()


def test_what_is_said_of_an_answer_is_recorded(running):
    trace_id = running.trace()
    reply = running.give(trace_id, value=-1, comment=" Not so. ", correction="Because of “bees”.\n")
    assert (reply.status_code, reply.json()) == (201, {"trace_id": trace_id, "recorded": True})
    assert running.given() == [(trace_id, -1, "Not so.", "Because of “bees”.")]
    [row] = running.traces.feedback_since("ada")
    assert row["key_id"] is None
    assert row["created_at"].endswith("+00:00")
    assert running.told == [("ada", -1)]


@pytest.mark.parametrize(
    "said",
    [{"value": 1}, {"value": 0}, {"comment": "c"}, {"correction": "c"}, {"value": None, "comment": "c"}],
)
def test_one_thing_said_is_enough(running, said):
    trace_id = running.trace()
    assert running.give(trace_id, **said).status_code == 201
    assert running.given() == [(trace_id, said.get("value"), said.get("comment"), said.get("correction"))]


def test_what_is_said_later_stands_beside_what_was_said_before(running):
    trace_id = running.trace()
    for value in (1, -1, 0):
        assert running.give(trace_id, value=value).status_code == 201
    assert [value for _, value, _, _ in running.given()] == [1, -1, 0]


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({}, "nothing is said"),
        ({"value": None, "comment": None}, "nothing is said"),
        ({"value": 2}, "value"),
        ({"value": "1"}, "value"),
        ({"value": True}, "value"),
        ({"comment": "   "}, "comment"),
        ({"comment": "x" * 2001}, "comment"),
        ({"correction": "x" * 8001}, "correction"),
        ({"correction": ["x"]}, "correction"),
        ({"value": 1, "user": "me"}, "user"),
        ({"value": 1, "trace_id": ""}, "trace_id"),
        ({"value": 1, "trace_id": "x" * 65}, "trace_id"),
    ],
)
def test_what_cannot_be_recorded_is_refused_by_its_name(running, said, named):
    reply = running.client.post("/feedback", json={"trace_id": running.trace(), **said})
    assert reply.status_code == 422
    assert named in reply.json()["error"]["message"]
    assert (running.given(), running.told) == ([], [])


def test_the_longest_that_may_be_said(running):
    trace_id = running.trace()
    assert running.give(trace_id, comment="c" * 2000, correction="d" * 8000).status_code == 201
    assert running.given() == [(trace_id, None, "c" * 2000, "d" * 8000)]


def test_an_unknown_trace_is_not_found_in_words_that_clients_of_openai_read(running):
    running.trace()
    missing = new_trace_id()
    reply = running.give(missing, value=1)
    assert reply.status_code == 404
    assert reply.json() == {
        "error": {
            "message": f"there is no trace '{missing}'",
            "type": "invalid_request_error",
            "param": None,
            "code": "trace_not_found",
        }
    }
    assert (running.given(), running.told) == ([], [])


def test_a_key_judges_only_what_it_may_ask(running):
    mine, other = running.trace("ada"), running.trace("ben")
    key, secret = running.keys.create("a reader", ["ada"])
    _, everything = running.keys.create("an editor")
    assert running.give(mine, secret, value=1).status_code == 201
    refused, missing = running.give(other, secret, value=1), running.give(new_trace_id(), secret, value=1)
    assert refused.status_code == missing.status_code == 404
    assert refused.json()["error"]["code"] == missing.json()["error"]["code"]
    assert refused.json()["error"]["message"] == f"there is no trace '{other}'"
    assert refused.headers.keys() == missing.headers.keys()
    assert running.given("ben") == []
    assert running.give(other, everything, value=-1).status_code == 201
    assert [row["key_id"] for row in running.traces.feedback_since("ada")] == [key.key_id]
    assert running.given("ben") == [(other, -1, None, None)]
    assert running.give(mine, value=1).status_code == 401


def test_an_answer_may_be_judged_the_moment_it_ends(running):
    """Its record may wait still, among others."""
    for _ in range(20):
        one = Trace(new_trace_id(), "ada", "2026-01-01", "r", "i", "Why?")
        running.writer.put(one)
        assert running.give(one.trace_id, value=1).status_code == 201


def test_a_trace_that_was_forgotten_meanwhile_is_not_found(running):
    trace_id = running.trace()
    running.traces.forget_before("2026-06-01")
    assert running.give(trace_id, value=1).status_code == 404


def test_the_store_is_written_beside_the_event_loop(running):
    running.give(running.trace(), value=1)
    assert "AnyIO worker thread" in {thread.name for thread in running.threads}


def test_without_keys_or_listeners_it_works_alone(tmp_path):
    traces, app = TraceStore(tmp_path), FastAPI()
    traces.append(one := Trace(new_trace_id(), "ada", "2026-01-01", "r", "i", "Why?"))
    add_feedback(app, traces)
    with listening(app) as url:
        said = {"trace_id": one.trace_id, "value": 1}
        assert httpx.post(f"{url}/feedback", json=said, trust_env=False).status_code == 201
    assert len(traces.feedback_since("ada")) == 1


def test_half_a_character_is_refused_and_no_error_of_the_server(running):
    trace_id = running.trace()
    for name in ("comment", "trace_id"):
        body = json.dumps({"trace_id": trace_id, "value": 1, name: "half \ud800"})
        reply = running.client.post("/feedback", content=body, headers={"content-type": "application/json"})
        assert reply.status_code in (404, 422)
    assert running.given() == []


def test_it_is_described_with_its_answers():
    app = FastAPI()
    add_feedback(app, None)
    described = app.openapi()["paths"]["/feedback"]["post"]
    assert set(described["responses"]) == {"201", "401", "404", "413", "422", "429"}
    schema = app.openapi()["components"]["schemas"]["FeedbackRequest"]
    assert (schema["required"], schema["additionalProperties"]) == (["trace_id"], False)


@settings(max_examples=200)
@given(
    st.fixed_dictionaries(
        {"trace_id": st.text(max_size=70)},
        optional={
            "value": st.none() | st.integers(-2, 2),
            "comment": st.none() | st.text(max_size=20),
            "correction": st.none() | st.text(max_size=20),
        },
    )
)
def test_exactly_what_says_something_is_valid(said):
    try:
        read = FeedbackRequest.model_validate(said)
    except ValueError:
        read = None
    texts = [said[name] for name in ("comment", "correction") if said.get(name) is not None]
    valid = 1 <= len(said["trace_id"]) <= 64 and said.get("value") in (None, -1, 0, 1)
    valid = valid and all(text.strip() for text in texts)
    valid = valid and (said.get("value") is not None or bool(texts))
    assert (read is not None) == valid
