"""The HTTP server as its clients see it: a real uvicorn, the real openai client, the real trace store."""

import asyncio
import json
import threading

import httpx
import openai
import pytest

from llm_twin_assets.serving.answering import DECLINED
from llm_twin_assets.serving.quoting import Quotations
from tests.llm_twin_assets.serving.small import DOCUMENTS, Small, following, listening
from tests.waiting import wait_until

TEXTS = {one["document_id"]: one["text"] for one in DOCUMENTS}
QUESTION = "Why does the hive hum in winter?"


class Running:
    """A server of a small world, and clients of it."""

    def __init__(self, small, url):
        self.small = small
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=60, trust_env=False)
        self.openai = openai.OpenAI(
            base_url=f"{url}/v1", api_key="none", max_retries=0, http_client=httpx.Client(trust_env=False)
        )

    def ask(self, **fields):
        body = {"model": "ada", "messages": [{"role": "user", "content": QUESTION}], **fields}
        return self.openai.chat.completions.create(**body)

    def wait_ready(self):
        wait_until(lambda: self.http.get("/readyz").status_code == 200, 30)

    def traces(self, twin="ada"):
        return self.small.traces.since(twin)


@pytest.fixture(scope="module")
def running(tmp_path_factory, made_models):
    small = Small(tmp_path_factory.mktemp("app") / "home", made_models)
    small.write_documents()
    small.publish_index()
    small.release("first", "ada")
    small.release("second", "ben", "Ben Ferro")
    with following(small.serving()) as serving, listening(small.app(serving)) as url:
        made = Running(small, url)
        made.wait_ready()
        yield made


def check_citations(citations):
    assert citations
    for one in citations:
        assert set(one) == {"uri", "title", "document_id", "chunk_id", "start", "end", "quote"}
        assert TEXTS[one["document_id"]][one["start"] : one["end"]] == one["quote"]


def test_the_openai_client_gets_a_completion_with_citations(running):
    reply = running.ask()
    message = reply.choices[0].message
    assert (reply.object, reply.model, reply.choices[0].finish_reason) == ("chat.completion", "ada", "stop")
    assert message.content.startswith("A hive hums in winter")
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens > 10
    check_citations(reply.citations)
    assert reply.release_id == running.small.releases.desired("ada")
    assert reply.index_id == running.small.vectors.live()
    assert reply.id == f"chatcmpl-{reply.trace_id}"
    for note, citation in zip(message.annotations, reply.citations, strict=True):
        place = note.url_citation
        assert message.content[place.start_index : place.end_index] == citation["quote"]
        assert place.title == citation["title"]
        assert citation["quote"].split()[0] in httpx.get(place.url, trust_env=False).text


def test_the_openai_client_gets_the_same_as_a_stream(running):
    whole = running.ask()
    chunks = list(running.ask(stream=True, stream_options={"include_usage": True}))
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    pieces = [delta.content for delta in deltas if delta.content]
    assert deltas[0].role == "assistant"
    assert len(pieces) > 2
    assert "".join(pieces) == whole.choices[0].message.content
    last = next(chunk for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason)
    assert last.choices[0].finish_reason == "stop"
    assert last.citations == whole.citations
    assert last.release_id == whole.release_id
    assert len(last.choices[0].delta.annotations) == len(whole.citations)
    assert chunks[-1].usage == whole.usage
    assert {chunk.id for chunk in chunks} == {f"chatcmpl-{last.trace_id}"}


def test_without_asking_for_it_a_stream_has_no_usage(running):
    assert all(chunk.usage is None for chunk in running.ask(stream=True))


def test_the_async_openai_client_streams_too(running):
    async def ask():
        async with openai.AsyncOpenAI(
            base_url=f"{running.url}/v1", api_key="none", http_client=httpx.AsyncClient(trust_env=False)
        ) as client:
            messages = [{"role": "user", "content": QUESTION}]
            stream = await client.chat.completions.create(model="ada", messages=messages, stream=True)
            return [chunk async for chunk in stream]

    chunks = asyncio.run(ask())
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks).startswith("A hive hums")


@pytest.fixture
def held(monkeypatch):
    """Answers stop after their last sentence, before its mark, until this event is set."""
    event, close = threading.Event(), Quotations.close

    def waiting(self):
        assert event.wait(30)
        return close(self)

    monkeypatch.setattr(Quotations, "close", waiting)
    yield event
    event.set()


def test_pieces_leave_the_server_before_the_answer_is_finished(running, held):
    stream = running.ask(stream=True)
    first = next(chunk for chunk in stream if chunk.choices[0].delta.content)
    assert first.choices[0].delta.content.startswith("A hive hums")
    held.set()
    assert list(stream)[-1].choices[0].finish_reason == "stop"


def test_models_are_the_twins(running):
    listed = {model.id: model for model in running.openai.models.list()}
    assert set(listed) == {"ada", "ben"}
    assert listed["ben"].owned_by == "Ben Ferro"
    assert listed["ada"].release_id == running.small.releases.desired("ada")


def test_rag_answers_with_citations_and_ids(running):
    answer = running.http.post("/rag", json={"query": QUESTION, "twin": "ada"}).json()
    assert set(answer) == {"answer", "citations", "release_id", "index_id", "trace_id", "declined"}
    assert answer["declined"] is False
    check_citations(answer["citations"])


def test_a_declined_question_is_no_error_and_has_no_citations(running):
    answer = running.http.post("/rag", json={"query": "Who won the match?", "twin": "ada"}).json()
    assert answer["answer"] == DECLINED
    assert answer["declined"] is True
    assert answer["citations"] == []


def test_the_question_is_the_last_user_message_in_whatever_form(running):
    parts = [{"type": "text", "text": "Why does the hive"}, {"type": "text", "text": "hum in winter?"}]
    messages = [
        {"role": "system", "content": "You are a pirate."},
        {"role": "user", "content": "Who won the match?"},
        {"role": "assistant", "content": DECLINED},
        {"role": "user", "content": parts},
    ]
    reply = running.ask(messages=messages, temperature=0.1, max_tokens=5, user="u1")
    assert reply.choices[0].message.content.startswith("A hive hums")


def test_an_unknown_twin_is_a_404_in_openais_form(running):
    for stream in (False, True):
        with pytest.raises(openai.NotFoundError) as raised:
            running.ask(model="nobody", stream=stream)
        assert raised.value.body["code"] == "model_not_found"
        assert "nobody" in raised.value.body["message"]
    assert running.http.post("/rag", json={"query": "x", "twin": "nobody"}).status_code == 404


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": []},
        {"messages": [{"role": "assistant", "content": "Hello."}]},
        {"messages": [{"role": "user", "content": "  "}]},
        {"messages": [{"role": "user", "content": "long " * 1000}]},
        {"messages": [{"role": "king", "content": "Hello."}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        {"n": 2},
        {"logprobs": True},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]},
        {"response_format": {"type": "json_object"}},
    ],
)
def test_what_cannot_be_answered_is_a_400_in_openais_form(running, fields):
    with pytest.raises(openai.BadRequestError) as raised:
        running.ask(**fields)
    assert raised.value.body["type"] == "invalid_request_error"
    assert raised.value.body["message"]


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"", b'{"query": "x"}', b'{"query": "x", "twin": "ada", "y": 1}']
)
def test_a_malformed_body_is_a_400(running, body):
    reply = running.http.post("/rag", content=body, headers={"Content-Type": "application/json"})
    assert reply.status_code == 400
    assert reply.json()["error"]["message"]


def test_unknown_paths_and_methods_answer_in_the_same_form(running):
    assert running.http.get("/v1/nothing").json()["error"]["message"] == "Not Found"
    assert running.http.get("/rag").status_code == 405


def test_a_page_elsewhere_can_neither_rebind_its_name_to_us_nor_post_a_form(running):
    body = {"query": QUESTION, "twin": "ada"}
    assert running.http.get("/v1/models", headers={"Host": "evil.example"}).status_code == 400
    form = running.http.post("/rag", content=json.dumps(body), headers={"Content-Type": "text/plain"})
    assert form.status_code == 400
    assert running.http.get("/v1/models", headers={"Host": "localhost:1"}).status_code == 200


def test_health_and_readiness(running):
    assert running.http.get("/healthz").json() == {"status": "ok"}
    state = running.http.get("/readyz").json()
    assert state["ready"] is True
    assert state["twins"]["ada"] == {
        "release_id": running.small.releases.desired("ada"),
        "desired": running.small.releases.desired("ada"),
        "index_id": running.small.vectors.live(),
        "error": None,
    }


def test_every_request_is_recorded_with_what_it_rested_on(running):
    before = len(running.traces())
    reply = running.ask()
    running.http.post("/rag", json={"query": "Who won the match?", "twin": "ada"})
    list(running.ask(stream=True, metadata={"thread_id": "conversation 1"}))
    answered, declined, streamed = running.traces()[before:]
    assert [one["thread_id"] for one in (answered, declined, streamed)] == [None, None, "conversation 1"]
    assert answered["trace_id"] == reply.trace_id
    assert answered["question"] == QUESTION
    assert answered["answer"] == streamed["answer"] == reply.choices[0].message.content
    assert answered["release_id"] == reply.release_id
    assert answered["index_id"] == reply.index_id
    assert answered["completion_tokens"] == reply.usage.completion_tokens
    assert json.loads(answered["retrieved"])[0]["chunk_id"] == reply.citations[0]["chunk_id"]
    assert json.loads(answered["timings_ms"])["total"] > 0
    assert (answered["declined"], declined["declined"]) == (False, True)
    assert answered["error"] is declined["error"] is None


@pytest.fixture
def failing(running, monkeypatch):
    """Every search fails, for a reason that must stay inside."""

    def search(*_):
        raise OSError("/secret/place is broken")

    monkeypatch.setattr(running.small.vectors, "search", search)


def test_a_failure_gives_an_id_outside_and_the_reason_in_log_and_trace(running, failing, caplog):
    reply = running.http.post("/rag", json={"query": QUESTION, "twin": "ada"})
    assert reply.status_code == 500
    assert "secret" not in reply.text
    trace = running.traces()[-1]
    assert trace["trace_id"] in reply.json()["error"]["message"]
    assert trace["error"] == "OSError: /secret/place is broken"
    assert trace["trace_id"] in caplog.text
    assert "/secret/place is broken" in caplog.text


def test_a_failure_within_a_stream_is_an_error_of_the_openai_client(running, failing):
    with pytest.raises(openai.APIError, match=r"failed; the server's log"):
        list(running.ask(stream=True))
    assert running.traces()[-1]["error"].startswith("OSError")


def test_a_client_that_goes_away_ends_its_answer_and_is_recorded(running, held):
    before = len(running.traces())
    body = {"model": "ada", "messages": [{"role": "user", "content": QUESTION}], "stream": True}
    with running.http.stream("POST", "/v1/chat/completions", json=body) as reply:
        next(line for line in reply.iter_lines() if "hive hums" in line)
    for _ in range(5):  # each gives the event loop a turn to notice
        running.http.get("/healthz")
    held.set()
    wait_until(lambda: len(running.traces()) > before)
    trace = running.traces()[-1]
    assert trace["error"] == "the client went away"
    assert trace["answer"].startswith("A hive hums")
    assert running.ask().choices[0].finish_reason == "stop"


def test_the_event_loop_stays_free_while_answers_are_made(running, held):
    asking = [threading.Thread(target=running.ask) for _ in range(6)]
    for thread in asking:
        thread.start()
    for _ in range(5):
        assert running.http.get("/healthz", timeout=2).status_code == 200
    held.set()
    for thread in asking:
        thread.join()


def test_a_source_page_shows_the_document_with_the_quotation_highlighted(running):
    reply = running.ask()
    url = reply.choices[0].message.annotations[0].url_citation.url
    page = httpx.get(url, trust_env=False)
    assert page.status_code == 200
    marked = page.text.split('<mark id="quote">')[1].split("</mark>")[0]
    assert marked == reply.citations[0]["quote"]
    assert "&quot;Smoke the hive.&quot;" in page.text
    assert "changed" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_a_source_that_has_changed_or_gone_says_so(running):
    one = DOCUMENTS[0]["document_id"]
    changed = running.http.get(f"/sources/{one}?start=3&end=9&proof=000000000000").text
    assert "has changed since" in changed
    assert '<mark id="quote"></mark>' in changed
    assert running.http.get("/sources/nothing").status_code == 404
    assert running.http.get(f"/sources/{one}?start=x").status_code == 400


def test_the_chat_page_allows_itself_and_nothing_else(running):
    page = running.http.get("/")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert "unsafe" not in policy
    assert policy.count("'sha256-") == 2
    assert "http://" not in page.text
    assert "https://" not in page.text


def test_replacing_a_release_and_the_index_under_load_fails_no_request(small):
    first = small.release("first")
    with following(small.serving()) as serving, listening(small.app(serving)) as url:
        running = Running(small, url)
        running.wait_ready()
        seen, failures, stop = [], [], threading.Event()

        def client():
            with httpx.Client(base_url=url, timeout=60, trust_env=False) as http:
                while not stop.is_set():
                    reply = http.post("/rag", json={"query": QUESTION, "twin": "ada"})
                    if reply.status_code == 200 and not reply.json()["declined"]:
                        seen.append((reply.json()["release_id"], reply.json()["index_id"]))
                    else:
                        failures.append(reply.text)

        clients = [threading.Thread(target=client) for _ in range(4)]
        for thread in clients:
            thread.start()
        releases, indexes = [first], [small.vectors.live()]
        for name, documents in (("second", DOCUMENTS[:3]), ("first", DOCUMENTS)):
            wait_until(lambda: (releases[-1], indexes[-1]) in seen, 30)
            releases.append(small.release(name))
            indexes.append(small.publish_index(documents))
        wait_until(lambda: seen.count((releases[-1], indexes[-1])) > 4, 30)
        stop.set()
        for thread in clients:
            thread.join()
    assert failures == []
    assert {release for release, _ in seen} == set(releases)
    assert len(small.traces.since("ada")) == len(seen)


def test_until_every_desired_release_serves_it_is_not_ready(small):
    with following(small.serving()) as serving, listening(small.app(serving)) as url:
        running = Running(small, url)
        running.wait_ready()
        small.release("first")
        broken = small.home / small.adapter("second", "ben").folder / "adapter_model.safetensors"
        broken.write_bytes(b"")
        small.release("second", "ben", "Ben Ferro")
        wait_until(lambda: running.http.get("/readyz").json()["twins"].get("ben", {}).get("error"))
        state = running.http.get("/readyz")
        assert state.status_code == 503
        assert "their hash differs" in state.json()["twins"]["ben"]["error"]
        with pytest.raises(openai.InternalServerError) as raised:
            running.ask(model="ben")
        assert raised.value.body["code"] == "model_loading"
        wait_until(lambda: running.ask().choices[0].message.content.startswith("A hive hums"))
