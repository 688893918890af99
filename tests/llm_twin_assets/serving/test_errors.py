"""Errors: in OpenAI's form, with an id that the log has, and nothing of the inside."""

import httpx
import pytest

from llm_twin_assets.retrieval.search import Searcher
from tests.llm_twin_assets.serving.asking import asked, two_twins
from tests.llm_twin_assets.serving.small import Small


@pytest.fixture(scope="module")
def asking(tmp_path_factory, made_models):
    with asked(two_twins(Small(tmp_path_factory.mktemp("errors") / "home", made_models))) as made:
        yield made


@pytest.fixture
def failing(monkeypatch):
    """Every search fails, for a reason that must stay inside."""

    def search(*_):
        raise OSError("/secret/place is broken")

    monkeypatch.setattr(Searcher, "search", search)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/nothing", None, 404),
        ("GET", "/rag", None, 405),
        ("GET", "/sources/nothing", None, 404),
        ("GET", "/sources/nothing?start=x", None, 422),
        ("GET", "/v1/models/nobody", None, 404),
        ("POST", "/rag", {"query": "x", "twin": "nobody"}, 404),
        ("POST", "/rag", {"query": "x"}, 422),
        ("POST", "/rag", {"query": "x" * 300_000, "twin": "ada"}, 413),
        (
            "POST",
            "/v1/chat/completions",
            {"model": "ada", "n": 2, "messages": [{"role": "user", "content": "x"}]},
            400,
        ),
    ],
)
def test_every_error_has_openais_form_and_an_id_that_the_log_has(asking, caplog, method, path, body, status):
    reply = asking.http.request(method, path, json=body)
    assert reply.status_code == status
    error = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    assert reply.headers["x-request-id"] in caplog.text


def test_an_answer_has_its_traces_id(asking):
    reply = asking.rag()
    assert reply.headers["x-request-id"] == reply.json()["trace_id"]
    assert asking.http.get("/healthz").headers["x-request-id"] != reply.headers["x-request-id"]


def test_a_failure_gives_an_id_outside_and_the_reason_in_log_and_trace(asking, failing, caplog):
    for reply in (asking.rag(), asking.post(stream=True)):
        assert reply.status_code == 500
        assert "secret" not in reply.text
        trace = asking.last_trace(reply.headers["x-request-id"])
        assert trace["trace_id"] in reply.json()["error"]["message"]
        assert trace["error"] == "OSError: /secret/place is broken"
        assert trace["trace_id"] in caplog.text
    assert "/secret/place is broken" in caplog.text


def test_what_nobody_foresaw_tells_no_more(asking, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("the secret recipe")

    monkeypatch.setattr("llm_twin_assets.serving.chat_api.model_list", broken)
    reply = httpx.get(f"{asking.url}/v1/models", trust_env=False)
    assert reply.status_code == 500
    assert "recipe" not in reply.text
    assert reply.headers["x-request-id"] in reply.json()["error"]["message"]
    assert f"request {reply.headers['x-request-id']} failed" in caplog.text
    assert "the secret recipe" in caplog.text


def test_a_path_cannot_write_lines_into_the_log(asking, caplog):
    asking.http.get("/nothing%0Aa%20forged%20line")
    assert not any(line.startswith("a forged line") for line in caplog.text.splitlines())
