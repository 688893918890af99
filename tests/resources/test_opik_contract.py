"""The contract server takes what Opik takes and nothing else: each mutation of a good body is refused."""

import copy
import json
import urllib.error
import urllib.request
from datetime import UTC, datetime

import pytest

from resources.traces import new_trace_id
from tests.resources.opik_contract import faults, specification, without_nulls
from tests.resources.opik_server import OpikServer

TRACE_ID, SPAN_ID = new_trace_id(), new_trace_id()
BATCH, SPANS = "/v1/private/traces/batch", "/v1/private/spans/batch"
SCORES, SEARCH = "/v1/private/traces/feedback-scores", "/v1/private/traces/search"
PROMPTS, ITEMS = "/v1/private/prompts/versions", "/v1/private/datasets/items"
EXPERIMENTS, TRIED = "/v1/private/experiments", "/v1/private/experiments/items"
GOOD = {
    ("POST", BATCH): {
        "traces": [
            {
                "id": TRACE_ID,
                "project_name": "twins",
                "start_time": "2026-01-01T00:00:00Z",
                "input": {"question": "Why?"},
                "tags": ["a"],
                "source": "sdk",
                "error_info": {"exception_type": "OSError", "traceback": "x"},
            }
        ]
    },
    ("POST", SPANS): {
        "spans": [
            {
                "id": SPAN_ID,
                "trace_id": TRACE_ID,
                "name": "generation",
                "type": "llm",
                "start_time": "2026-01-01T00:00:00Z",
                "usage": {"total_tokens": 3},
                "total_estimated_cost": 0.1,
            }
        ]
    },
    ("PUT", SCORES): {"scores": [{"id": TRACE_ID, "name": "thumbs", "value": 1.0, "source": "sdk"}]},
    ("POST", SEARCH): {"project_name": "twins", "limit": 10, "truncate": False},
    ("POST", PROMPTS): {"name": "answer", "version": {"template": "Hello", "type": "mustache"}},
    ("PUT", ITEMS): {"dataset_name": "d", "items": [{"source": "sdk", "data": {"a": 1}}]},
    ("POST", EXPERIMENTS): {
        "id": TRACE_ID,
        "dataset_name": "d",
        "name": "e",
        "type": "regular",
        "experiment_scores": [{"name": "tuned/rouge_l", "value": 0.5}],
    },
    ("POST", TRIED): {
        "experiment_items": [{"experiment_id": TRACE_ID, "dataset_item_id": SPAN_ID, "trace_id": TRACE_ID}]
    },
}
REMOVED = object()
# What is wrong in the eyes of the SDK's types: (operation, where in the body, what stands there instead).
MUTATIONS = [
    (("POST", BATCH), ("traces",), REMOVED),
    (("POST", BATCH), ("traces",), {}),
    (("POST", BATCH), ("trace",), []),
    (("POST", BATCH), ("traces", 0), "trace"),
    (("POST", BATCH), ("traces", 0, "start_time"), REMOVED),
    (("POST", BATCH), ("traces", 0, "start_time"), "yesterday"),
    (("POST", BATCH), ("traces", 0, "source"), "elsewhere"),
    (("POST", BATCH), ("traces", 0, "question"), "Why?"),
    (("POST", BATCH), ("traces", 0, "tags"), "a"),
    (("POST", BATCH), ("traces", 0, "thread_id"), 7),
    (("POST", BATCH), ("traces", 0, "error_info", "traceback"), REMOVED),
    (("POST", SPANS), ("spans", 0, "type"), "chain"),
    (("POST", SPANS), ("spans", 0, "usage", "total_tokens"), 1.5),
    (("POST", SPANS), ("spans", 0, "usage", "total_tokens"), "many"),
    (("POST", SPANS), ("spans", 0, "start_time"), REMOVED),
    (("PUT", SCORES), ("scores", 0, "value"), "good"),
    (("PUT", SCORES), ("scores", 0, "value"), REMOVED),
    (("PUT", SCORES), ("scores", 0, "source"), "person"),
    (("PUT", SCORES), ("scores", 0, "id"), REMOVED),
    (("POST", SEARCH), ("limit",), "10"),
    (("POST", SEARCH), ("max_results",), 10),
    (("POST", SEARCH), ("truncate",), "no"),
    (("POST", PROMPTS), ("version", "template"), REMOVED),
    (("POST", PROMPTS), ("version", "type"), "latex"),
    (("POST", PROMPTS), ("version",), "Hello"),
    (("PUT", ITEMS), ("items", 0, "source"), REMOVED),
    (("PUT", ITEMS), ("items", 0, "data"), REMOVED),
    (("POST", EXPERIMENTS), ("dataset_name",), REMOVED),
    (("POST", EXPERIMENTS), ("experiment_scores", 0, "value"), "good"),
    (("POST", EXPERIMENTS), ("experiment_scores", 0, "reason"), "why"),
    (("POST", TRIED), ("experiment_items", 0, "trace_id"), REMOVED),
]
# What only the specification knows.
SPECIFIED = [
    (("POST", BATCH), ("traces",), []),
    (("POST", BATCH), ("traces", 0, "id"), "seven"),
    (("POST", BATCH), ("traces", 0, "project_name"), "  "),
    (("POST", BATCH), ("traces", 0, "tags"), ["a", "a"]),
    (("POST", BATCH), ("traces", 0, "error_info", "traceback"), ""),
    (("POST", SPANS), ("spans", 0, "total_estimated_cost"), -1.0),
    (("POST", SPANS), ("spans", 0, "trace_id"), "t"),
    (("PUT", SCORES), ("scores", 0, "value"), 2e9),
    (("PUT", SCORES), ("scores", 0, "name"), ""),
    (("PUT", SCORES), ("scores",), [GOOD["PUT", SCORES]["scores"][0]] * 1001),
    (("POST", SEARCH), ("limit",), 2001),
    (("POST", PROMPTS), ("version", "template"), ""),
    (("POST", PROMPTS), ("version", "commit"), "short"),
    (("POST", EXPERIMENTS), ("experiment_scores", 0, "name"), ""),
    (("POST", EXPERIMENTS), ("type",), "usual"),
    (("POST", TRIED), ("experiment_items",), []),
]


@pytest.fixture
def server():
    made = OpikServer()
    yield made
    made.stop()


def mutated(operation, where, instead):
    body = copy.deepcopy(GOOD[operation])
    holder = body
    for step in where[:-1]:
        holder = holder[step]
    if instead is REMOVED:
        del holder[where[-1]]
    else:
        holder[where[-1]] = instead
    return body


def asked(server, method, path, body):
    request = urllib.request.Request(
        f"{server.url}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize("operation", GOOD, ids=lambda one: one[1])
def test_a_good_body_is_taken(operation):
    assert faults(*operation, GOOD[operation]) == []


@pytest.mark.parametrize(("operation", "where", "instead"), MUTATIONS)
def test_a_bad_body_is_refused_by_the_sdks_own_types(monkeypatch, operation, where, instead):
    """Whether the specification is at hand or not."""
    monkeypatch.setattr("tests.resources.opik_contract.specification", lambda: None)
    assert faults(*operation, mutated(operation, where, instead))


@pytest.mark.skipif(specification() is None, reason="Opik's specification is not at hand")
@pytest.mark.parametrize(("operation", "where", "instead"), SPECIFIED)
def test_a_bad_body_is_refused_by_the_specification(operation, where, instead):
    body = mutated(operation, where, instead)
    assert any("(specification)" in fault for fault in faults(*operation, body))


def test_the_server_refuses_what_the_contract_refuses(server):
    assert asked(server, "POST", BATCH, GOOD["POST", BATCH]) == 204
    for operation, where, instead in MUTATIONS:
        before = len(server.violations)
        assert asked(server, *operation, mutated(operation, where, instead)) == 422
        assert len(server.violations) > before
    assert list(server.state.traces) == [TRACE_ID]


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/private/trace/batch"), ("PUT", BATCH), ("GET", SEARCH), ("POST", "/v1/private/drift")],
)
def test_an_unknown_route_or_method_is_a_violation(server, method, path):
    assert asked(server, method, path, {}) == 404
    assert server.violations == [f"{method} {path}: no such route"]


def test_an_id_of_another_version_is_refused_as_opik_does(server):
    body = mutated(("POST", BATCH), ("traces", 0, "id"), "0f8fad5b-d9cb-469f-a165-70867728950e")
    assert asked(server, "POST", BATCH, body) == 400
    assert server.state.traces == {}


def test_null_is_absent():
    assert without_nulls({"a": None, "b": [{"c": None, "d": 1}]}) == {"b": [{"d": 1}]}


def test_the_sdks_own_client_works_with_it(server, monkeypatch):
    """`opik.Opik`, with its threads and its gzip: track, flush, search, prompt."""
    monkeypatch.setenv("OPIK_SENTRY_ENABLE", "false")
    monkeypatch.setenv("OPIK_ANALYTICS_ENABLE", "false")
    import opik

    client = opik.Opik(project_name="twins", host=server.url, _show_misconfiguration_message=False)
    told = {"input": {"question": "Why?"}, "output": {"answer": "So."}, "thread_id": "t"}
    trace = client.trace(name="one", end_time=datetime.now(UTC), **told)
    usage = {"total_tokens": 3, "prompt_tokens": 1, "completion_tokens": 2}
    trace.span(name="generation", type="llm", usage=usage, end_time=datetime.now(UTC))
    client.log_traces_feedback_scores([{"id": trace.id, "name": "thumbs", "value": 1.0}])
    assert client.flush(timeout=20)
    [found] = client.search_traces(project_name="twins", filter_string='thread_id = "t"', truncate=False)
    assert (found.output, found.feedback_scores[0].value) == ({"answer": "So."}, 1.0)
    assert client.search_traces(project_name="twins", filter_string='thread_id = "u"') == []
    first = client.create_prompt(name="answer", prompt="Hello {{name}}")
    assert client.get_prompt(name="answer").commit == first.commit
    client.end(timeout=10)
    assert server.violations == []
