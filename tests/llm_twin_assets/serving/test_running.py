"""Answers in threads: how many at once, for how long, and what happens when nobody listens any more."""

import json
import threading

import httpx
import openai
import pytest

from llm_twin_assets.serving.engine import EngineDown
from tests.llm_twin_assets.serving.asking import QUESTION, asked, chat, two_twins
from tests.llm_twin_assets.serving.small import Small
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def made(tmp_path_factory, made_models):
    return two_twins(Small(tmp_path_factory.mktemp("running") / "home", made_models))


@pytest.fixture
def asking(made):
    """Two answers at once, and one that waits; answers are held at their second piece."""
    with asked(made, running_answers=2, queue_size=1) as one:
        one.engine.go_on.clear()
        yield one


class Background(threading.Thread):
    """A request in a thread of its own; `reply` is there once it has ended."""

    def __init__(self, work):
        super().__init__()
        self.work = work
        self.start()

    def run(self):
        self.reply = self.work()

    def result(self):
        self.join()
        return self.reply


def test_as_many_answers_as_may_run_do_one_more_waits_and_the_next_is_refused(asking):
    engine = asking.engine
    running = [Background(asking.rag) for _ in range(2)]
    wait_until(lambda: engine.running == 2)
    waiting = Background(asking.rag)
    wait_until(lambda: asking.admission.waiting == 1)
    refused = asking.rag()
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    assert int(refused.headers["Retry-After"]) >= 1
    with pytest.raises(openai.RateLimitError):
        asking.ask(stream=True)
    assert engine.running == 2
    engine.go_on.set()
    assert {one.result().status_code for one in [*running, waiting]} == {200}
    assert engine.most_running == 2
    assert asking.rag().status_code == 200


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_goes_away_ends_its_answer_and_frees_its_slot(asking, stream):
    """Both slots are taken by clients that leave: whoever asks next is answered."""
    before = len(asking.traces())
    for _ in range(2):
        client = httpx.Client(base_url=asking.url, trust_env=False)
        with pytest.raises(httpx.ReadTimeout):
            client.post("/v1/chat/completions", json=chat(stream=stream), timeout=0.5)
        client.close()
    for _ in range(5):  # each gives the event loop a turn to notice
        asking.http.get("/healthz")
    asking.engine.go_on.set()
    assert asking.rag().status_code == 200
    wait_until(lambda: len(asking.traces()) == before + 3)
    left = [one for one in asking.traces()[before:] if one["error"]]
    assert [one["error"] for one in left] == ["the client went away"] * 2
    assert all(one["answer"].startswith("A hive hums") for one in left)


def test_a_client_that_goes_away_while_it_waits_frees_its_place_at_once(asking):
    running = [Background(asking.rag) for _ in range(2)]
    wait_until(lambda: asking.engine.running == 2)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{asking.url}/rag", json={"query": QUESTION, "twin": "ada"}, timeout=0.5, trust_env=False)
    wait_until(lambda: asking.admission.waiting == 0)
    assert asking.engine.running == 2
    asking.engine.go_on.set()
    assert {one.result().status_code for one in running} == {200}


def test_an_answer_that_takes_too_long_is_a_504(made):
    with asked(made, request_seconds=0.5) as asking:
        asking.engine.go_on.clear()
        for reply in (asking.rag(), asking.post()):
            assert reply.status_code == 504
            assert reply.json()["error"]["code"] == "timeout"
        asking.engine.go_on.set()
        trace_id = reply.headers["x-request-id"]
        assert asking.last_trace(trace_id)["error"].startswith("TooSlow")
        assert asking.rag().status_code == 200


def test_a_stream_that_takes_too_long_ends_with_an_error(made):
    with asked(made, request_seconds=0.5) as asking:
        asking.engine.go_on.clear()
        with asking.streamed() as reply:
            lines = [line for line in reply.iter_lines() if line]
        assert "A hive hums" in "".join(lines)
        assert lines[-1] == "data: [DONE]"
        assert json.loads(lines[-2].removeprefix("data: "))["error"]["code"] == "timeout"


def test_waiting_counts_as_time_too(made):
    with asked(made, request_seconds=0.5, running_answers=1) as asking:
        asking.engine.go_on.clear()
        first, second = Background(asking.rag), Background(asking.rag)
        assert first.result().status_code == second.result().status_code == 504


def test_an_engine_that_is_down_is_a_503_with_an_id_and_the_reason_in_the_log(made, caplog):
    with asked(made) as asking:
        asking.engine.broken = EngineDown("the worker at /secret/place died")
        for reply in (asking.rag(), asking.post(stream=True)):
            assert reply.status_code == 503
            assert "secret" not in reply.text
            request_id = reply.headers["x-request-id"]
            assert request_id in reply.json()["error"]["message"]
            assert request_id in caplog.text
            assert asking.last_trace(request_id)["error"] == "EngineDown: the worker at /secret/place died"
        assert "/secret/place died" in caplog.text


def test_the_event_loop_stays_free_while_answers_are_made(asking):
    running = [Background(asking.rag) for _ in range(3)]
    for _ in range(5):
        assert asking.http.get("/healthz", timeout=2).status_code == 200
    asking.engine.go_on.set()
    assert {one.result().status_code for one in running} == {200}


def test_a_server_that_is_told_to_stop_finishes_its_answers(made):
    with asked(made) as asking:
        asking.engine.go_on.clear()
        running = Background(asking.rag)
        wait_until(lambda: asking.engine.running == 1)
        threading.Timer(0.3, asking.engine.go_on.set).start()
    assert running.result().status_code == 200
