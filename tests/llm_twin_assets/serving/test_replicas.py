"""Replicas over real HTTP: turns, deaths before and after the first token, refusals, and no secrets."""

import gc
import socket
import threading

import pytest

from llm_twin_assets.serving import replicas as module
from llm_twin_assets.serving.engine import BrokenModel, EngineDown
from llm_twin_assets.serving.replicas import Refused, Replicas
from tests.llm_twin_assets.serving.openai_server import (
    DIE_AFTER_TOKEN,
    DIE_AT_ONCE,
    DIE_BEFORE_TOKEN,
    ERROR_IN_STREAM,
    OpenAIServer,
)

KEY = "sk-" + "look" * 6
BODY = {
    "model": "base",
    "messages": [{"role": "user", "content": "Why?"}],
    "max_tokens": 8,
    "stream": True,
}


@pytest.fixture
def servers():
    made = [OpenAIServer(), OpenAIServer()]
    yield made
    for one in made:
        one.stop()


@pytest.fixture
def build(servers):
    made = []

    def replicas(key="", **options):
        made.append(Replicas([one.url for one in servers], key, **options))
        return made[-1]

    yield replicas
    for one in made:
        one.close()


def said(replicas, body=BODY):
    return "".join(chunk.text for chunk in replicas.stream(body))


def answered(servers):
    return [len(one.whole) for one in servers]


def test_they_take_turns(servers, build):
    replicas = build()
    assert {said(replicas) for _ in range(10)} == {"base says base"}
    assert answered(servers) == [5, 5]


@pytest.mark.parametrize("happens", [DIE_AT_ONCE, DIE_BEFORE_TOKEN, ERROR_IN_STREAM, 429, 500, 503])
def test_what_got_no_token_goes_on_to_the_next(servers, build, happens):
    servers[0].happens.append(happens)
    assert said(build()) == "base says base"
    assert answered(servers) == [0, 1]


def test_what_got_a_token_is_not_said_twice(servers, build):
    servers[0].happens.append(DIE_AFTER_TOKEN)
    pieces = []
    with pytest.raises(EngineDown, match="cannot be reached"):
        for chunk in build().stream(BODY):
            pieces.append(chunk.text)
    assert "".join(pieces) == "base "
    assert answered(servers) == [0, 0]


def test_each_is_asked_at_most_once_and_what_the_last_said_is_told(servers, build):
    for one in servers:
        one.happens.extend([503, 429])
    with pytest.raises(EngineDown, match=r"answers 503 \(.*no, by None.*\)"):
        said(build())
    assert [len(one.happens) for one in servers] == [1, 1]


def test_one_that_died_is_left_in_peace_and_asked_again_when_it_is_back(servers, build, monkeypatch):
    monkeypatch.setattr(module, "REST_SECONDS", 0.0)
    replicas = build()
    servers[0].stop()
    assert {said(replicas) for _ in range(4)} == {"base says base"}
    assert answered(servers) == [0, 4]
    servers[0].start()
    for _ in range(4):
        said(replicas)
    assert answered(servers) == [2, 6]


def test_while_one_rests_nobody_waits_for_it(servers, build):
    replicas = build()
    servers[0].happens.extend([DIE_AT_ONCE] * 3)
    for _ in range(6):
        said(replicas)
    assert len(servers[0].happens) == 2


def test_one_that_rests_is_asked_where_there_is_no_other(servers, build):
    replicas = build()
    for one in servers:
        one.happens.append(DIE_AT_ONCE)
    with pytest.raises(EngineDown, match="cannot be reached"):
        said(replicas)
    assert said(replicas) == "base says base"


def test_a_server_that_restarted_between_two_requests_is_no_failure(servers, build):
    replicas = build()
    for _ in range(2):
        said(replicas)
    for one in servers:
        one.restart()
    assert {said(replicas) for _ in range(4)} == {"base says base"}


def test_a_silent_server_is_given_up_and_its_work_not_done_twice(servers, build):
    servers[0].gate.clear()
    with pytest.raises(EngineDown, match=r"silent \(ReadTimeout\)"):
        said(build(read_seconds=0.3))
    assert len(servers[1].bodies) == 0
    servers[0].gate.set()


@pytest.mark.parametrize(
    ("status", "told"),
    [(400, "answers 400"), (401, "mend LLM_TWIN_ENGINE_API_KEY"), (404, "mend LLM_TWIN_ENGINE_MODEL")],
)
def test_what_one_refuses_the_other_is_not_asked(servers, build, status, told):
    servers[0].happens.append(status)
    with pytest.raises(Refused, match=told) as caught:
        said(build())
    assert caught.value.status == status
    assert answered(servers) == [0, 0]


def test_the_key_is_sent_and_never_repeated(servers, build):
    for one in servers:
        one.key = KEY
    assert said(build(KEY)) == "base says base"
    wrong = KEY + "x"
    for happens in ([], [503], [400]):
        for one in servers:
            one.happens.extend(happens)
        with pytest.raises(EngineDown) as caught:
            said(build(wrong))
        assert KEY not in str(caught.value)
        assert "***" in str(caught.value)


def test_a_closed_stream_is_a_closed_connection_and_others_are_kept(servers, build):
    replicas = build()
    for _ in range(6):
        said(replicas)
    # A connection that is read to its end is used again.
    assert [len(one._open) for one in servers] == [1, 1]
    servers[0].say = servers[1].say = lambda model, body: ["x"] * 8
    chunks = replicas.stream(BODY)
    next(chunks)
    chunks.close()
    gc.collect()
    assert replicas._running == {}


def test_renewing_comes_before_an_answer_of_one_that_was_away(servers, build, monkeypatch):
    monkeypatch.setattr(module, "REST_SECONDS", 0.0)
    renewed = []
    replicas = build(renew=renewed.append)
    said(replicas)
    assert renewed == []
    servers[1].happens.append(DIE_AT_ONCE)
    said(replicas)
    said(replicas)
    said(replicas)
    assert renewed == [replicas.all[1]]
    assert not replicas.all[1].stale


def test_one_that_cannot_be_renewed_is_not_asked(servers, build):
    def renew(replica):
        raise BrokenModel("another base")

    replicas = build(renew=renew)
    replicas.all[0].stale = True
    for _ in range(4):
        assert said(replicas) == "base says base"
    assert answered(servers) == [0, 4]
    replicas.all[1].stale = True
    with pytest.raises(EngineDown, match="another base"):
        said(replicas)


def test_one_that_does_not_know_the_model_is_renewed_and_asked_once_more(servers, build):
    renewed = []
    replicas = build(renew=lambda replica: (renewed.append(replica), servers[0].adapters.update(one="/a")))
    assert said(replicas, BODY | {"model": "one"}) == "one says one"
    assert len(renewed) == 1
    with pytest.raises(Refused, match="two"):
        said(replicas, BODY | {"model": "two"})
    assert len(renewed) == 2


def test_everywhere_is_every_one_that_can_be_reached(servers, build):
    replicas = build()
    replicas.everywhere(BODY)
    assert answered(servers) == [1, 1]
    servers[1].happens.append(500)
    with pytest.raises(EngineDown, match="500"):
        replicas.everywhere(BODY)
    servers[0].stop()
    replicas.everywhere(BODY)
    assert answered(servers) == [2, 2]
    servers[1].stop()
    with pytest.raises(EngineDown, match="cannot be reached"):
        replicas.everywhere(BODY)


def test_what_is_no_stream_is_an_error(build):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            connection, _ = listener.accept()
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            connection.close()

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        with pytest.raises(EngineDown, match="ended before the answer did"):
            said(Replicas([f"http://127.0.0.1:{listener.getsockname()[1]}"], ""))
        thread.join(60)
