"""Opik's webhook over HTTP: there only with a secret, behind no key, and quiet about why it refuses."""

import json

import pytest
from fastapi.testclient import TestClient

from llm_twin_assets.retrieval.search import build_searcher
from llm_twin_assets.serving.answering import Answerer
from llm_twin_assets.serving.app import AppParts, create_app
from llm_twin_assets.serving.opik_route import PATH
from llm_twin_assets.serving.pages import Sources
from llm_twin_assets.serving.service import Service
from llm_twin_assets.serving.state import Serving
from resources.api_keys import ApiKeys
from resources.models import ModelStore
from resources.opik_inbox import Inbox
from resources.releases import Releases
from resources.settings import Settings
from resources.store import Store
from resources.traces import TraceStore
from tests.llm_twin_assets.serving.engines import EchoEngine

SECRET = "a-secret-of-the-alerts"
BEARER = {"Authorization": f"Bearer {SECRET}"}
ALERT = {"id": "w1", "eventType": "trace:errors", "alertName": "Errors of ada", "payload": {}}


@pytest.fixture
def asked(tmp_path):
    """Makes a client of a server with these settings, which serves no twin."""

    def made(**fields):
        settings = Settings(**{"home": tmp_path, "opik_webhook_secret": SECRET} | fields)
        searcher = build_searcher(settings)
        serving = Serving(Releases(tmp_path), ModelStore(tmp_path), searcher, EchoEngine().opened)
        service = Service(serving, Answerer(searcher, None), TraceStore(tmp_path))
        app = create_app(service, Sources(Store(tmp_path)), AppParts(settings, keys=ApiKeys(tmp_path)))
        return TestClient(app, base_url="http://localhost")

    return made


def taken(home):
    return [(one.alert, one.event) for one in Inbox(home).after(0)]


def test_without_a_secret_there_is_no_such_route(asked, tmp_path):
    client = asked(opik_webhook_secret=None)
    assert client.post(PATH, json=ALERT, headers=BEARER).status_code == 404
    assert PATH not in client.get("/openapi.json").json()["paths"]
    assert taken(tmp_path) == []


@pytest.mark.parametrize("headers", [BEARER, {"X-Opik-Secret": SECRET}], ids=["bearer", "header"])
def test_an_alert_with_the_secret_is_kept_once(asked, tmp_path, headers):
    client = asked()
    for _ in range(2):
        answer = client.post(PATH, json=ALERT, headers=headers)
        assert (answer.status_code, answer.json()) == (202, {"taken": True})
    assert taken(tmp_path) == [("Errors of ada", "trace:errors")]


def test_every_refusal_looks_the_same_and_tells_nothing(asked, tmp_path, caplog):
    client = asked()
    good, told = json.dumps(ALERT).encode(), []
    for headers, body in [
        ({}, good),
        ({"Authorization": f"Bearer {SECRET}x"}, good),
        ({"Authorization": "Basic eDp5"}, good),
        (BEARER, b"no json"),
        (BEARER, b'{"id": "w1"}'),
        (BEARER, b""),
    ]:
        answer = client.post(PATH, content=body, headers=headers)
        told.append((answer.status_code, answer.json()))
    assert {status for status, _ in told} == {401}
    assert len({json.dumps(body) for _, body in told}) == 1
    assert taken(tmp_path) == []
    assert "no eventType" in caplog.text
    assert SECRET not in caplog.text + json.dumps(told)


def test_it_stands_behind_its_own_secret_and_not_behind_the_keys(asked, tmp_path):
    _, key = ApiKeys(tmp_path).create("somebody")
    client = asked()
    assert client.post("/rag", json={}, headers=BEARER).status_code == 401
    assert client.post(PATH, json=ALERT, headers={"Authorization": f"Bearer {key}"}).status_code == 401
    assert client.post(PATH, json=ALERT, headers={"x-api-key": key, **BEARER}).status_code == 202
    assert client.post(PATH, json=ALERT, headers=BEARER).status_code == 202


def test_a_body_that_is_too_long_is_refused_and_what_is_no_text_breaks_nothing(asked, tmp_path):
    client = asked(max_body_bytes=2_000)
    assert client.post(PATH, content=b"x" * 3_000, headers=BEARER).status_code == 413
    strange = b'{"id": "\\ud800", "eventType": "\\u0000", "alertName": "\\ud800 ada"}'
    assert client.post(PATH, content=strange, headers=BEARER).status_code == 202
    assert taken(tmp_path) == [("ada", "")]


def test_a_short_secret_is_no_secret(tmp_path):
    with pytest.raises(ValueError, match="at least 16"):
        Settings(home=tmp_path, opik_webhook_secret="short")
