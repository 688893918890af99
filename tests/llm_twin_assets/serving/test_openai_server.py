"""The stand-in refuses what real servers refuse: otherwise the tests that use it would prove nothing."""

import httpx
import pytest

from llm_twin_assets.serving import choosing
from tests.llm_twin_assets.serving.openai_bodies import fault
from tests.llm_twin_assets.serving.openai_server import OpenAIServer

GOOD = {
    "model": "base",
    "messages": [{"role": "user", "content": "Why?"}],
    "temperature": 0.7,
    "top_p": 0.9,
    "max_tokens": 8,
    "seed": 3,
    "stop": ["."],
    "stream": True,
    "stream_options": {"include_usage": True},
    "response_format": choosing.form(3, 2),
}


def with_schema(**changes):
    form = choosing.form(3, 2)
    form["json_schema"]["schema"] |= changes
    return {"response_format": form}


@pytest.fixture
def server():
    made = OpenAIServer()
    yield made
    made.stop()


def post(server, path, body):
    return httpx.post(f"{server.url}/{path}", json=body)


def test_a_good_body_is_taken(server):
    assert fault(GOOD) is None
    with httpx.stream("POST", f"{server.url}/chat/completions", json=GOOD) as response:
        assert response.status_code == 200
        assert response.read().endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize(
    "change",
    [
        {"model": None},
        {"model": ""},
        {"messages": []},
        {"messages": [{"role": "user", "content": ""}]},
        {"messages": [{"role": "robot", "content": "x"}]},
        {"messages": [{"role": "assistant", "content": "x"}]},
        {"messages": [{"role": "user", "content": "x", "mood": "y"}]},
        {"temperature": 2.1},
        {"temperature": "warm"},
        {"top_p": 0},
        {"top_p": 1.1},
        {"max_tokens": 0},
        {"max_tokens": 1.5},
        {"max_tokens": True},
        {"seed": "x"},
        {"stop": []},
        {"stop": ["a"] * 5},
        {"stop": [""]},
        {"stream": "yes"},
        {"stream": False},
        {"stream_options": {}},
        {"unknown": 1},
        {"response_format": {"type": "grammar"}},
        with_schema(additionalProperties=True),
        with_schema(required=[]),
        with_schema(type="array"),
    ],
)
def test_each_fault_in_a_body_is_refused(server, change):
    assert post(server, "chat/completions", GOOD | change).status_code == 400


def test_unknown_models_and_routes_are_not_found(server):
    assert post(server, "chat/completions", GOOD | {"model": "other"}).status_code == 404
    assert post(server, "completions", GOOD).status_code == 404


def test_adapters_are_loaded_once_and_unloaded_once(server):
    body = {"lora_name": "one", "lora_path": "/a"}
    assert post(server, "load_lora_adapter", body).status_code == 200
    assert post(server, "load_lora_adapter", body).status_code == 400
    assert post(server, "load_lora_adapter", body | {"load_inplace": True}).status_code == 200
    assert [card["id"] for card in httpx.get(f"{server.url}/models").json()["data"]] == ["base", "one"]
    with httpx.stream("POST", f"{server.url}/chat/completions", json=GOOD | {"model": "one"}) as response:
        assert response.status_code == 200
        response.read()
    assert post(server, "unload_lora_adapter", {"lora_name": "one"}).status_code == 200
    assert post(server, "unload_lora_adapter", {"lora_name": "one"}).status_code == 404
    assert post(server, "chat/completions", GOOD | {"model": "one"}).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"lora_name": "one"},
        {"lora_path": "/a"},
        {"lora_name": 1, "lora_path": "/a"},
        {"lora_name": "one", "lora_path": "/a", "rank": 8},
        {"lora_name": "", "lora_path": "/a"},
    ],
)
def test_each_fault_in_loading_is_refused(server, body):
    assert post(server, "load_lora_adapter", body).status_code == 400
    assert server.adapters == {}


def test_a_folder_it_does_not_see_is_not_found(server):
    server.folders = {"/a"}
    assert post(server, "load_lora_adapter", {"lora_name": "one", "lora_path": "/b"}).status_code == 404
    assert post(server, "unload_lora_adapter", {"name": "one"}).status_code == 400


def test_the_key_is_asked_for_and_a_restart_forgets_the_adapters(server):
    post(server, "load_lora_adapter", {"lora_name": "one", "lora_path": "/a"})
    server.restart()
    assert post(server, "chat/completions", GOOD | {"model": "one"}).status_code == 404
    server.key = "sk-1"
    assert post(server, "chat/completions", GOOD).status_code == 401
    assert httpx.get(f"{server.url}/models", headers={"Authorization": "Bearer sk-1"}).status_code == 200
