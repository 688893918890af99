"""The remote engine over real HTTP: what is asked, what is emitted, and quotations whatever a server says."""

import json
import threading

import pytest

from llm_twin_assets.serving import choosing
from llm_twin_assets.serving.engine import BrokenModel, Candidate, EngineDown, Sampling, Usage
from llm_twin_assets.serving.remote_engine import REPLY_TOKENS, RemoteEngine
from llm_twin_assets.serving.replicas import OneModel, Replicas
from tests.llm_twin_assets.serving.openai_server import DIE_AT_ONCE, READ, OpenAIServer
from tests.waiting import wait_until

ADAPTER = "a" * 64
FREE = Sampling(limit=8, temperature=0.7, top_p=0.9, seed=3, stop=("END",))
CANDIDATES = [
    Candidate("It hums.", 0.5),
    Candidate("It works.", 0.9, 0),
    Candidate("It is old.", 0.88),
    Candidate("It is red.", 0.2, 2),
]


@pytest.fixture
def server():
    made = OpenAIServer()
    yield made
    made.stop()


@pytest.fixture
def engine(server, tmp_path):
    made = RemoteEngine(OneModel(Replicas([server.url], ""), "base"), 4096)
    made.load(ADAPTER, str(tmp_path))
    yield made
    made.close()


def speak(engine, sampling=FREE, message="Why?"):
    pieces = []
    return pieces, engine.speak(ADAPTER, message, sampling, pieces.append)


def quote(engine, limit=100, most=2, candidates=CANDIDATES):
    told = []
    return told, engine.quote(ADAPTER, "Why?", candidates, limit, most, told.append)


def says(server, *replies):
    """Each choice that is asked for gets the next reply, and the last for ever."""
    left = list(replies)

    def say(model, body):
        reply = left.pop(0) if len(left) > 1 else left[0]
        return [reply if isinstance(reply, str) else json.dumps({"sentences": reply})]

    server.say = say


def test_free_text_is_emitted_piece_by_piece_with_the_sampling_asked_for(server, engine):
    server.say = lambda model, body: [" \n", " Be", "cause ", "– ü."]
    pieces, usage = speak(engine)
    assert pieces == ["Be", "cause ", "– ü."]
    assert usage == Usage(READ, 4)
    assert server.bodies[0] == {
        "model": "base",
        "messages": [{"role": "user", "content": "Why?"}],
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 8,
        "seed": 3,
        "stop": ["END"],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_the_limit_is_told_as_a_cut_and_none_is_asked_without_room(server, engine):
    server.say = lambda model, body: ["a"] * 20
    pieces, usage = speak(engine)
    assert (len(pieces), usage.cut) == (8, True)
    assert speak(engine, Sampling(0, 1.0, 1.0)) == ([], Usage(0, 0, cut=True))
    assert len(server.bodies) == 1


def test_without_stop_none_is_sent(server, engine):
    speak(engine, Sampling(4, 0.0, 1.0))
    assert "stop" not in server.bodies[0]


def test_tokens_are_counted_here_where_the_server_does_not(server, engine):
    server.counts = False
    server.say = lambda model, body: ["sixsix", "six"]
    _, usage = speak(engine)
    assert usage == Usage(4096 - engine.room(ADAPTER, "Why?"), 3)


def test_what_emit_raises_ends_the_request_at_the_server(server, engine):
    server.say = lambda model, body: ["x"] * 4000
    server.gate.clear()

    def emit(piece):
        raise InterruptedError(piece)

    with pytest.raises(InterruptedError, match="x"):
        engine.speak(ADAPTER, "Why?", Sampling(4000, 0.0, 1.0), emit)
    server.gate.set()
    wait_until(lambda: server.disconnects == 1)
    assert server.whole == []


def test_a_choice_is_told_and_asked_for_by_schema_with_each_sentence_numbered(server, engine):
    says(server, [3, 1])
    told, usage = quote(engine)
    assert told == [2, 0]
    assert usage == Usage(READ, 1)
    body = server.bodies[0]
    assert body["response_format"] == choosing.form(4, 2)
    assert (body["temperature"], body["max_tokens"]) == (0.0, REPLY_TOKENS)
    assert "[1] It hums.\n[2] It works.\n[3] It is old.\n[4] It is red.\n" in body["messages"][0]["content"]


def test_a_sentence_is_said_after_the_one_it_follows(server, engine):
    says(server, [2, 4, 3, 1])
    assert quote(engine, most=4)[0] == [2, 3, 0, 1]


def test_an_unusable_choice_goes_back_once_with_what_is_wrong(server, engine):
    says(server, [1, 9], [1])
    told, usage = quote(engine)
    assert told == [0]
    assert usage == Usage(2 * READ, 2)
    asked, answered, repaired = server.bodies[1]["messages"]
    assert asked == server.bodies[0]["messages"][0]
    assert answered == {"role": "assistant", "content": '{"sentences": [1, 9]}'}
    assert "Input should be 1, 2, 3 or 4" in repaired["content"]


@pytest.mark.parametrize(
    "reply", ["I would rather invent something.", "", [], [9], [1, 1], '{"sentences": [1', [1, 2, 3]]
)
def test_a_model_that_never_obeys_changes_nothing_but_who_chooses(server, engine, reply):
    says(server, reply)
    told, usage = quote(engine)
    assert told == choosing.by_prior(CANDIDATES, range(4), 2) == [1, 2]
    assert len(server.bodies) == 2
    assert usage.prompt_tokens == 2 * READ


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_without_schemas_is_not_needed(server, engine, status, caplog):
    server.happens.extend([status])
    assert quote(engine)[0] == [1, 2]
    assert "chosen without the model" in caplog.text
    assert server.bodies == []


@pytest.mark.parametrize("happens", [401, 404, 429, 500, DIE_AT_ONCE])
def test_an_engine_that_is_down_is_no_model_that_disobeys(server, engine, happens):
    server.happens.append(happens)
    told = []
    with pytest.raises(EngineDown):
        engine.quote(ADAPTER, "Why?", CANDIDATES, 100, 2, told.append)
    assert told == []


def test_what_is_said_fits_the_limit(server, engine):
    says(server, [1, 2, 3])
    # In thirds of their bytes, the first two take 3 each and the third takes 4.
    assert quote(engine, limit=7, most=3) == ([0, 1], Usage(READ, 1, cut=True))
    says(server, [1, 2])
    assert quote(engine, limit=3)[0] == [0]
    assert "It is old" not in server.bodies[-1]["messages"][0]["content"]
    assert quote(engine, limit=1) == ([], Usage(0, 0))


def test_what_the_prompt_has_no_room_for_can_still_be_said(server, engine, tmp_path):
    says(server, [1, 2])
    small = RemoteEngine(engine._transport, choosing.TOKENS_AROUND + 40)
    small.load(ADAPTER, str(tmp_path))
    assert quote(small)[0] == [1, 2]
    assert "[1] It works.\n[2] It is old.\n\n" in server.bodies[0]["messages"][0]["content"]
    tiny = RemoteEngine(engine._transport, 64)
    tiny.load(ADAPTER, str(tmp_path))
    assert quote(tiny)[0] == [1, 2]
    assert len(server.bodies) == 1


def test_one_sentence_is_no_choice(server, engine):
    assert quote(engine, candidates=CANDIDATES[:1]) == ([0], Usage(0, 0))
    assert quote(engine, candidates=[]) == ([], Usage(0, 0))
    assert server.bodies == []


def test_what_tell_raises_is_raised_again(server, engine):
    says(server, [1, 2])

    def tell(at):
        raise InterruptedError(at)

    with pytest.raises(InterruptedError):
        engine.quote(ADAPTER, "Why?", CANDIDATES, 100, 2, tell)


def test_adapters_come_and_go_and_none_answers_before_or_after(server, engine, tmp_path):
    engine.load("b", str(tmp_path))
    engine.load("b", str(tmp_path))
    assert engine.adapters == {ADAPTER, "b"}
    engine.unload("b")
    engine.unload("b")
    assert engine.adapters == {ADAPTER}
    with pytest.raises(EngineDown, match="b is not loaded"):
        engine.speak("b", "Why?", FREE, print)


def test_a_probe_says_a_few_tokens_and_a_model_nobody_knows_is_broken(server, engine, tmp_path):
    engine.probe(ADAPTER)
    assert server.bodies[0]["max_tokens"] == 4
    other = RemoteEngine(OneModel(Replicas([server.url], ""), "other"), 4096)
    other.load(ADAPTER, str(tmp_path))
    with pytest.raises(BrokenModel, match=r"`other` does not exist.*LLM_TWIN_ENGINE_MODEL"):
        other.probe(ADAPTER)


def test_closing_ends_what_is_being_said(server, engine):
    server.gate.clear()
    begun, ended = threading.Event(), []

    def ask():
        try:
            engine.speak(ADAPTER, "Why?", FREE, lambda piece: begun.set())
        except EngineDown as error:
            ended.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    assert begun.wait(60)
    engine.close()
    thread.join(60)
    assert ended == ["the engine was closed"]
    with pytest.raises(EngineDown, match="closed"):
        speak(engine)
    server.gate.set()


def test_many_threads_get_each_their_own_answer(server, engine):
    server.say = lambda model, body: list(body["messages"][0]["content"])
    wrong = []

    def ask(message):
        for _ in range(10):
            pieces, _ = speak(engine, Sampling(100, 0.0, 1.0), message)
            if "".join(pieces) != message:
                wrong.append("".join(pieces))

    threads = [threading.Thread(target=ask, args=(f"question {number}",)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(server.whole) == 120
