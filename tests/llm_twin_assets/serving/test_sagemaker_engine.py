"""The SageMaker engine through the real boto3, against a runtime that speaks AWS's event stream."""

import threading

import httpx
import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_twin_assets.serving.engine import BrokenModel, Candidate, EngineDown, Sampling, Usage
from llm_twin_assets.serving.remote_engine import RemoteEngine
from llm_twin_assets.serving.sagemaker_engine import MOST_TRIES, SageMakerEndpoint, component_of
from tests.llm_twin_assets.serving.openai_server import READ
from tests.llm_twin_assets.serving.sagemaker_server import SageMakerServer, failure, message, part

ONE, TWO = "1" * 64, "2" * 64
FREE = Sampling(limit=8, temperature=0.7, top_p=0.9, seed=3)
SECRET = "wJalr" + "look" * 8


@pytest.fixture
def server(monkeypatch):
    made = SageMakerServer("twins", component_of("twins", ONE), component_of("twins", TWO))
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", made.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    yield made
    made.close()


@pytest.fixture
def engine(server, tmp_path):
    made = RemoteEngine(SageMakerEndpoint("twins"), 4096)
    made.load(ONE, str(tmp_path))
    made.load(TWO, str(tmp_path))
    yield made
    made.close()


def speak(engine, adapter=ONE):
    pieces = []
    return pieces, engine.speak(adapter, "Why?", FREE, pieces.append)


@settings(max_examples=40)
@given(st.dictionaries(st.from_regex(r"[a-z:-]{1,20}", fullmatch=True), st.text(max_size=40)), st.binary())
def test_what_the_stand_in_encodes_is_what_botocore_decodes(headers, payload):
    buffer = EventStreamBuffer()
    buffer.add_data(message(headers, payload) + part(b"next"))
    first, second = buffer
    assert (first.headers, first.payload, second.payload) == (headers, payload, b"next")


def test_the_stand_in_refuses_what_is_no_request(server):
    def post(path, **headers):
        signed = {"Authorization": "AWS4-HMAC-SHA256 ...", "Content-Type": "application/json"}
        component = {"X-Amzn-SageMaker-Inference-Component": component_of("twins", ONE)}
        address = f"{server.url}/endpoints/{path}/invocations-response-stream"
        return httpx.post(address, json={"messages": []}, headers=signed | component | headers).status_code

    assert post("twins", Authorization="") == 403
    assert post("others") == 400
    assert post("twins", **{"X-Amzn-SageMaker-Inference-Component": "twins-3"}) == 400
    assert post("twins", **{"Content-Type": "text/plain"}) == 415
    assert post("twins") == 424


def test_an_answer_is_streamed_from_the_adapters_own_component(server, engine):
    name = component_of("twins", ONE)
    assert name == "twins-1111111111111111"
    assert speak(engine) == ([f"{name} ", "says – ü ", name], Usage(READ, 3))
    assert "".join(speak(engine, TWO)[0]).startswith(component_of("twins", TWO))
    assert server.bodies[0] == {
        "messages": [{"role": "user", "content": "Why?"}],
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 8,
        "seed": 3,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


@pytest.mark.parametrize("size", [1, 5, 100_000])
def test_parts_may_end_anywhere(server, engine, size):
    server.size = size
    assert "".join(speak(engine)[0]).count("says – ü") == 1


def test_a_grounded_answer_needs_no_obedience(server, engine):
    told = []
    candidates = [Candidate("It hums.", 0.5), Candidate("It works.", 0.9)]
    engine.quote(ONE, "Why?", candidates, 100, 1, told.append)
    assert told == [1]
    assert server.bodies[0]["response_format"]["type"] == "json_schema"


def test_a_component_that_is_not_there_is_a_broken_release(server, engine, tmp_path):
    engine.probe(ONE)
    engine.load("3" * 64, str(tmp_path))
    with pytest.raises(BrokenModel, match="twins-3333333333333333 is not found"):
        engine.probe("3" * 64)


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (
            failure("ModelStreamError", Message="too slow", ErrorCode="ModelInvocationTimeExceeded"),
            "too slow",
        ),
        (failure("InternalStreamFailure", Message="oh"), "InternalStreamFailure"),
        (part(b'\n\ndata: {"error": {"message": "the GPU is gone"}}\n\n'), "the GPU is gone"),
        (part(b""), "ended before"),
        (part(b"x")[:-1] + b"\0", "[Cc]hecksum"),
    ],
)
def test_a_stream_that_fails_is_an_engine_that_is_down(server, engine, event, told):
    server.happens.append(event)
    with pytest.raises(EngineDown, match=told):
        speak(engine)


@pytest.mark.parametrize(
    ("status", "code"),
    [(429, "ThrottlingException"), (503, "ServiceUnavailable"), (500, "InternalFailure")],
)
def test_what_may_pass_is_tried_again_a_few_times_and_then_told(server, engine, status, code):
    failed = (status, code, "come back later")
    server.happens.append(failed)
    assert len(speak(engine)[0]) == 3
    server.tries = 0
    server.happens.extend([failed] * 9)
    with pytest.raises(EngineDown, match=f"{code}.*come back later") as caught:
        speak(engine)
    assert server.tries == MOST_TRIES
    assert SECRET not in str(caught.value)


def test_an_endpoint_that_cannot_be_reached_is_down(engine, server, monkeypatch):
    server.close()
    with pytest.raises(EngineDown, match="cannot be asked"):
        speak(engine)


def test_without_credentials_the_reason_is_told(server, engine, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(EngineDown, match=r"[Cc]redentials"):
        speak(engine)


def test_closing_ends_what_is_being_said(engine):
    def emit(piece):
        engine.close()

    with pytest.raises(EngineDown, match="closed"):
        engine.speak(ONE, "Why?", FREE, emit)


def test_what_emit_raises_is_raised_again_and_others_go_on(engine):
    def emit(piece):
        raise InterruptedError(piece)

    with pytest.raises(InterruptedError):
        engine.speak(ONE, "Why?", FREE, emit)
    assert len(speak(engine)[0]) == 3


def test_many_threads_are_answered_each_by_its_own_component(engine):
    wrong = []

    def ask(adapter):
        for _ in range(5):
            pieces, _ = speak(engine, adapter)
            if component_of("twins", adapter) != pieces[0].strip():
                wrong.append(pieces)

    threads = [threading.Thread(target=ask, args=(adapter,)) for adapter in (ONE, TWO) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_name_that_leaves_no_room_for_an_adapter_is_refused_by_its_setting():
    assert len(component_of("e" * 46, ONE)) == 63
    SageMakerEndpoint("e" * 46)
    with pytest.raises(ValueError, match="LLM_TWIN_ENGINE_MODEL"):
        SageMakerEndpoint("e" * 47)
