"""The server as a process: what it refuses to start with, what it is made of, and how it ends."""

import contextlib
import json
import signal
import socket
import subprocess
import sys

import httpx
import openai
import pytest
import uvicorn
from fastapi import FastAPI

from llm_twin_assets.serving.binding import bound
from llm_twin_assets.serving.process import _Announcing, _Engines
from resources.api_keys import ApiKeys
from resources.embedder import build_embedder
from resources.endpoint import ALREADY_RUNNING, MISCONFIGURED, SERVER
from resources.files import read_json
from resources.locks import Locks
from resources.server_settings import environment
from resources.settings import Settings
from tests.llm_twin_assets.serving.openai_server import OpenAIServer
from tests.llm_twin_assets.serving.small import Small
from tests.waiting import wait_until

QUESTION = "Why does the hive hum in winter?"


class Process:
    """A server in the foreground, as a container has it."""

    def __init__(self, settings, **variables):
        self.home = settings.home
        self.log = settings.home.parent / "server.log"
        settings.home.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", SERVER],
                env=environment(settings) | variables,
                stdout=log,
                stderr=log,
            )

    def lines(self):
        """Every line of the log, which must be one JSON object each."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def messages(self):
        return [line["message"] for line in self.lines()]

    def ended(self, seconds=60):
        return self.process.wait(seconds)

    def url(self):
        """Its address once it answers."""
        told = wait_until(lambda: read_json(self.home / "serving" / "server.json"))
        return told["url"]

    def http(self, **headers):
        return httpx.Client(base_url=self.url(), trust_env=False, headers=headers, timeout=60)


@pytest.fixture
def started(tmp_path):
    """Starts servers of one home, and ends them."""
    with contextlib.ExitStack() as running:

        def start(settings=None, **variables):
            made = Process(settings or Settings(home=tmp_path / "home", port=0, threads=1), **variables)
            running.callback(made.process.wait, 60)
            running.callback(made.process.terminate)
            return made

        yield start


def refused(server):
    """What it says of why it does not start."""
    assert server.ended() == MISCONFIGURED
    assert not (server.home / "serving" / "server.json").exists()
    assert Locks(server.home / "locks").is_free("server")
    (line,) = [line for line in server.lines() if line["level"] == "error"]
    assert "exception" not in line
    return line["message"]


@pytest.mark.slow
def test_a_setting_that_is_wrong_is_named(started):
    assert refused(started(LLM_TWIN_THREADS="many")).startswith("setting threads: Input should be a valid")


@pytest.mark.slow
def test_others_do_not_reach_a_server_without_a_key_and_do_with_one(started, tmp_path):
    settings = Settings(home=tmp_path / "home", host="0.0.0.0", port=0, threads=1)
    said = refused(started(settings))
    assert "LLM_TWIN_HOST is 0.0.0.0" in said
    assert "`llm-twin keys create NAME`" in said
    _, secret = ApiKeys(settings.home).create("me")
    server = started(settings)
    with server.http() as anybody, server.http(Authorization=f"Bearer {secret}") as me:
        assert [one.get("/v1/models").status_code for one in (anybody, me)] == [401, 200]
        assert anybody.get("/healthz").status_code == 200


@pytest.mark.slow
def test_a_chosen_port_that_is_taken_is_named_and_left_alone(started, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        said = refused(started(Settings(home=tmp_path / "home", port=port, threads=1)))
    assert said.startswith(f"the server cannot start: port {port} is taken")
    assert said.endswith("choose another with LLM_TWIN_PORT")


@pytest.mark.slow
def test_keys_that_cannot_be_read_do_not_open_the_server(started, tmp_path):
    keys = tmp_path / "home" / "serving" / "keys.json"
    keys.parent.mkdir(parents=True)
    keys.write_text('{"keys": [{"nonsense": 1}]}')
    assert "keys.json is not a list of keys" in refused(started())


def test_an_application_that_does_not_start_is_no_server(tmp_path):
    @contextlib.asynccontextmanager
    async def broken(_):
        raise RuntimeError("no")
        yield

    told = tmp_path / "server.json"
    config = uvicorn.Config(FastAPI(lifespan=broken), log_config=None)
    with bound("127.0.0.1", 0) as listener, pytest.raises(SystemExit) as ended:
        _Announcing(config, told, {"url": "http://here"}).run(sockets=[listener])
    assert ended.value.code not in (0, MISCONFIGURED, ALREADY_RUNNING)
    assert not told.exists()


@pytest.mark.slow
def test_a_home_without_twins_is_served_with_all_its_pages(started):
    server = started()
    with server.http() as http:
        assert http.get("/healthz").json() == {"status": "ok"}
        assert "no index is live" in http.get("/readyz").json()["error"]
        assert http.get("/v1/models").json()["data"] == []
        assert [one["twin"] for one in http.get("/v1/releases").json()["twins"]] == ["nora"]
        assert "llm_twin_generation_worker_restarts_total 0.0" in http.get("/metrics").text
        assert http.post("/feedback", json={"trace_id": "none", "value": 1}).status_code in (404, 422)
        for page in ("/", "/releases", "/docs"):
            assert http.get(page).headers["content-type"].startswith("text/html")
    server.process.send_signal(signal.SIGTERM)
    assert server.ended() == 0
    assert read_json(server.home / "serving" / "server.json") is None
    assert all({"time", "level", "logger", "message"} <= set(line) for line in server.lines())
    assert f"listening at {http.base_url}".rstrip("/") in server.messages()


@pytest.mark.slow
def test_secrets_of_the_settings_do_not_stand_in_the_log(started, tmp_path):
    secret = "very-secret-words"
    settings = Settings(
        home=tmp_path / "home", port=0, threads=1, qdrant_url="http://127.0.0.1:9", qdrant_api_key=secret
    )
    server = started(settings)
    with server.http() as http:
        wait_until(lambda: http.get("/readyz").json()["error"] != "not looked at yet")
    server.process.terminate()
    server.ended()
    assert "could not look at what should be served" in server.messages()
    assert secret not in server.log.read_text()


@pytest.fixture
def engine():
    made = OpenAIServer(say=lambda model, body: ["The ", "hive ", "hums."])
    yield made
    made.gate.set()
    made.stop()


@pytest.fixture
def world(tmp_path, made_models, engine):
    """A small world whose server generates elsewhere, where a gate holds answers up."""
    settings = Settings(
        home=tmp_path / "home",
        port=0,
        threads=1,
        engine="openai",
        engine_urls=engine.url,
        engine_model="base",
    )
    small = Small(settings.home, made_models)
    small.write_documents()
    small.publish_index(embedder=build_embedder(settings))
    yield small, settings
    small.vectors.close()


def streamed(server, twin="ada"):
    client = openai.OpenAI(
        base_url=f"{server.url()}/v1",
        api_key="none",
        max_retries=0,
        http_client=httpx.Client(trust_env=False, timeout=60),
    )
    messages = [{"role": "user", "content": QUESTION}]
    return iter(client.chat.completions.create(model=twin, messages=messages, stream=True))


def is_closed(url):
    try:
        httpx.get(f"{url}/healthz", trust_env=False)
    except httpx.ConnectError:
        return True
    return False


@pytest.mark.slow
def test_a_server_that_is_asked_to_stop_takes_nobody_on_and_finishes_its_answers(started, world, engine):
    small, settings = world
    small.release("first", generation="free")
    server = started(settings)
    with server.http() as http:
        wait_until(lambda: http.get("/readyz").status_code == 200)
    engine.gate.clear()
    pieces = streamed(server)
    assert [next(pieces).choices[0].delta.content for _ in range(2)][1] == "The "
    url = server.url()
    server.process.send_signal(signal.SIGTERM)
    wait_until(lambda: is_closed(url))
    assert server.process.poll() is None
    engine.gate.set()
    rest = list(pieces)
    assert "".join(piece.choices[0].delta.content or "" for piece in rest) == "hive hums."
    assert rest[-1].choices[0].finish_reason == "stop"
    assert server.ended() == 0
    (trace,) = small.traces.since("ada")
    assert (trace["error"], trace["answer"]) == (None, "The hive hums.")


@pytest.mark.slow
def test_a_release_that_is_not_there_is_named_and_the_other_twins_serve(started, world):
    small, settings = world
    good = small.release("first", generation="free")
    gone = small.release("second", twin="ben", author="Ben Ferro")
    (settings.home / "releases" / "ben" / gone / "manifest.json").unlink()
    folderless = small.release("third", twin="eve", author="Eve")
    folder = settings.home / small.releases.manifest("eve", folderless).adapter_folder
    folder.rename(folder.with_name("elsewhere"))
    server = started(settings)
    with server.http() as http:

        def told():
            twins = http.get("/readyz").json()["twins"]
            return twins if len(twins) == 3 and all(map(settled, twins.values())) else None

        def settled(twin):
            return twin["error"] or twin["release_id"]

        twins = wait_until(told)
        assert twins["ada"]["release_id"] == good
        assert f"twin ben has no release '{gone}'; it has: none" in twins["ben"]["error"]
        assert f"the model folder {folder} does not exist" in twins["eve"]["error"]
        answer = http.post("/rag", json={"twin": "ada", "query": QUESTION})
        assert (answer.status_code, answer.json()["release_id"]) == (200, good)
        assert http.post("/rag", json={"twin": "ben", "query": QUESTION}).status_code == 503
        counted = http.get("/metrics").text
        assert (
            f'llm_twin_release_info{{index="{small.vectors.live()}",release="{good}",twin="ada"}}' in counted
        )
        assert f'outcome="answered",release="{good}",twin="ada"' in counted
        voted = http.post("/feedback", json={"trace_id": answer.json()["trace_id"], "value": 1})
        assert voted.status_code == 201, voted.text
    said = server.messages()
    assert f"release {gone} of twin ben cannot be served" in said
    assert f"release {folderless} of twin eve cannot be served" in said


def test_restarts_of_generation_processes_are_counted_also_of_closed_ones(tmp_path):
    engines = _Engines(Settings(home=tmp_path))
    first, second = engines.open("one", ""), engines.open("other", "")
    assert engines.restarts() == 0
    first.worker.restarts, second.worker.restarts = 2, 1
    first.close()
    assert engines.restarts() == 3
