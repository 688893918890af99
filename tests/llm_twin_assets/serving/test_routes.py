"""The API as its clients see it: a real uvicorn, and the real clients of OpenAI and Hugging Face."""

import asyncio
import json

import httpx
import openai
import pytest
from huggingface_hub import InferenceClient

from llm_twin_assets.serving.answering import DECLINED
from resources.api_keys import ApiKeys
from tests.llm_twin_assets.serving.asking import QUESTION, TEXTS, asked, chat, conversation, two_twins
from tests.llm_twin_assets.serving.engines import EchoEngine
from tests.llm_twin_assets.serving.small import Small
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def asking(tmp_path_factory, made_models):
    small = two_twins(Small(tmp_path_factory.mktemp("routes") / "home", made_models))
    with asked(small) as made:
        yield made


@pytest.fixture
def held(asking):
    """Answers stop before their second piece until this event is set."""
    asking.engine.go_on.clear()
    yield asking.engine.go_on
    asking.engine.go_on.set()


def check_citations(citations):
    assert citations
    for one in citations:
        assert set(one) == {"uri", "title", "document_id", "chunk_id", "start", "end", "quote"}
        assert TEXTS[one["document_id"]][one["start"] : one["end"]] == one["quote"]


def test_the_openai_client_gets_a_completion_with_citations(asking):
    reply = asking.ask()
    message = reply.choices[0].message
    assert (reply.object, reply.model, reply.choices[0].finish_reason) == ("chat.completion", "ada", "stop")
    assert message.content.startswith("A hive hums in winter")
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens > 10
    check_citations(reply.citations)
    assert reply.release_id == asking.small.releases.desired("ada")
    assert reply.index_id == asking.small.vectors.live()
    assert reply.id == f"chatcmpl-{reply.trace_id}"
    for note, citation in zip(message.annotations, reply.citations, strict=True):
        place = note.url_citation
        assert message.content[place.start_index : place.end_index] == citation["quote"]
        assert place.title == citation["title"]
        assert citation["quote"].split()[0] in httpx.get(place.url, trust_env=False).text


def test_every_answer_says_that_it_is_a_twin(asking):
    said = {
        "name": "ada",
        "author": "Ada Moss",
        "notice": "This is a twin: a language model made from the writings of Ada Moss. It is not Ada Moss.",
    }
    assert asking.ask().twin == said
    assert list(asking.ask(stream=True))[-1].twin == said
    assert asking.rag().json()["twin"] == said
    assert next(iter(asking.openai.models.list())).notice == said["notice"]


def test_the_openai_client_gets_the_same_as_a_stream(asking):
    whole = asking.ask()
    chunks = list(asking.ask(stream=True, stream_options={"include_usage": True}))
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


def test_without_asking_for_it_a_stream_has_no_usage(asking):
    assert all(chunk.usage is None for chunk in asking.ask(stream=True))


def test_the_async_openai_client_streams_too(asking):
    async def ask():
        async with openai.AsyncOpenAI(
            base_url=f"{asking.url}/v1", api_key="none", http_client=httpx.AsyncClient(trust_env=False)
        ) as client:
            return [chunk async for chunk in await client.chat.completions.create(**chat(stream=True))]

    chunks = asyncio.run(ask())
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks).startswith("A hive hums")


@pytest.mark.parametrize("base", ["", "/v1"])
def test_the_client_of_hugging_face_gets_an_answer_whole_and_streamed(asking, base):
    client = InferenceClient(base_url=asking.url + base, api_key="none")
    messages = [{"role": "user", "content": QUESTION}]
    whole = client.chat_completion(messages, model="ada", max_tokens=200, temperature=0.5, seed=3, stop=["x"])
    assert whole.choices[0].message.content.startswith("A hive hums in winter")
    assert whole.usage.total_tokens > 10
    streamed = client.chat_completion(messages, model="ada", stream=True)
    pieces = [chunk.choices[0].delta.content or "" for chunk in streamed if chunk.choices]
    assert "".join(pieces) == whole.choices[0].message.content


def test_pieces_leave_the_server_before_the_answer_is_finished(asking, held):
    stream = asking.ask(stream=True)
    first = next(chunk for chunk in stream if chunk.choices[0].delta.content)
    assert first.choices[0].delta.content.startswith("A hive hums")
    held.set()
    assert list(stream)[-1].choices[0].finish_reason == "stop"


def test_models_are_the_twins(asking):
    listed = {model.id: model for model in asking.openai.models.list()}
    assert set(listed) == {"ada", "ben"}
    assert listed["ben"].owned_by == "Ben Ferro"
    assert listed["ada"].release_id == asking.small.releases.desired("ada")
    assert asking.openai.models.retrieve("ada") == listed["ada"]
    for unknown in ("nobody", "ada@0123456789"):
        with pytest.raises(openai.NotFoundError):
            asking.openai.models.retrieve(unknown)


def test_a_release_is_asked_for_by_its_id_or_by_its_beginning(asking):
    release_id = asking.small.releases.desired("ada")
    for wanted in (release_id, release_id[:8]):
        reply = asking.ask(model=f"ada@{wanted}")
        assert reply.release_id == release_id
        assert asking.openai.models.retrieve(f"ada@{wanted}").release_id == release_id
    other = asking.small.releases.desired("ben")
    for wanted, said in (("", "at least the first 8"), (release_id[:7], "at least"), (other, "no release")):
        with pytest.raises(openai.NotFoundError, match=said) as raised:
            asking.ask(model=f"ada@{wanted}")
        assert raised.value.body["param"] == "model"


def test_a_canary_is_listed_and_can_be_asked_by_its_release(tmp_path, made_models):
    small = two_twins(Small(tmp_path / "home", made_models))
    champion = small.releases.desired("ada")
    canary = small.releases.add(small.manifest("third"), {})
    with asked(small) as asking:
        small.releases.start_canary("ada", canary)
        wait_until(lambda: len(asking.http.get("/v1/models").json()["data"]) == 3)
        names = [one["id"] for one in asking.http.get("/v1/models").json()["data"]]
        assert names == ["ada", "ben", f"ada@{canary}"]
        assert asking.ask(model=f"ada@{canary[:10]}").release_id == canary
        assert asking.ask(model=f"ada@{champion[:10]}").release_id == champion
        asking.ask(metadata={"thread_id": "one"})
        wanted = {("canary", canary), ("control", champion), ("", champion)}
        trace = asking.last_trace()
        assert (trace["arm"], trace["release_id"]) in wanted


def test_a_conversation_stays_with_its_arm(tmp_path, made_models):
    small = two_twins(Small(tmp_path / "home", made_models))
    canary = small.releases.add(small.manifest("third"), {})
    with asked(small) as asking:
        small.releases.start_canary("ada", canary)
        small.releases.move_canary("ada", 50, {})
        wait_until(lambda: len(asking.http.get("/v1/models").json()["data"]) == 3)
        answered = {
            thread: {asking.ask(metadata={"thread_id": thread}).release_id for _ in range(2)}
            for thread in map(str, range(12))
        }
        assert all(len(releases) == 1 for releases in answered.values())
        assert len({release for releases in answered.values() for release in releases}) == 2


def test_rag_answers_with_citations_and_ids(asking):
    answer = asking.rag().json()
    assert set(answer) == {
        *("answer", "citations", "twin", "release_id", "index_id", "trace_id", "declined", "standalone")
    }
    assert answer["declined"] is False
    check_citations(answer["citations"])


def test_a_declined_question_is_no_error_and_has_no_citations(asking):
    answer = asking.rag("Who won the match?").json()
    assert answer["answer"] == DECLINED
    assert answer["declined"] is True
    assert answer["citations"] == []


def test_health_and_readiness(asking):
    assert asking.http.get("/healthz").json() == {"status": "ok"}
    state = asking.http.get("/readyz").json()
    assert state["ready"] is True
    assert state["twins"]["ada"]["release_id"] == asking.small.releases.desired("ada")


def test_every_request_is_recorded_with_what_it_rested_on(asking):
    reply = asking.ask()
    declined = asking.rag("Who won the match?").json()
    streamed = list(asking.ask(stream=True, metadata={"thread_id": "conversation 1"}))[-1]
    answered, refused, piecewise = [
        asking.last_trace(trace_id) for trace_id in (reply.trace_id, declined["trace_id"], streamed.trace_id)
    ]
    assert [one["thread_id"] for one in (answered, refused, piecewise)] == [None, None, "conversation 1"]
    assert answered["question"] == QUESTION
    assert answered["answer"] == piecewise["answer"] == reply.choices[0].message.content
    assert answered["release_id"] == reply.release_id
    assert answered["index_id"] == reply.index_id
    assert answered["completion_tokens"] == reply.usage.completion_tokens
    assert json.loads(answered["retrieved"])[0]["chunk_id"] == reply.citations[0]["chunk_id"]
    assert json.loads(answered["timings_ms"])["total"] > 0
    assert 0 < answered["first_token_ms"] < 60_000
    assert (answered["declined"], refused["declined"]) == (False, True)
    assert answered["error"] is refused["error"] is None


def test_a_key_sees_and_asks_its_own_twins_only(tmp_path, made_models):
    small = two_twins(Small(tmp_path / "home", made_models))
    key, secret = ApiKeys(small.home).create("ben's", ["ben"])
    with asked(small, key=secret) as asking:
        assert [one.id for one in asking.openai.models.list()] == ["ben"]
        question = "Why do arches of stone stand?"
        reply = asking.ask(model="ben", messages=conversation(question))
        assert asking.last_trace(reply.trace_id)["key_id"] == key.key_id
        for forbidden in ("ada", "nobody", f"ada@{small.releases.desired('ada')}"):
            with pytest.raises(openai.PermissionDeniedError):
                asking.ask(model=forbidden)
            with pytest.raises(openai.PermissionDeniedError):
                asking.openai.models.retrieve(forbidden)
        assert asking.rag(twin="ada").status_code == 403
        assert httpx.get(f"{asking.url}/v1/models", trust_env=False).status_code == 401


def test_a_teacher_may_complete_the_question(tmp_path, made_models):
    class Teacher:
        def ask(self, system, user, schema):
            assert "Asked: Why does the hive hum" in user
            return {"question": "Why do bees shiver in a winter hive?"}

    small = two_twins(Small(tmp_path / "home", made_models))
    with asked(small, EchoEngine(), teacher=Teacher()) as asking:
        reply = asking.ask(messages=conversation(QUESTION, "They shiver.", "Why so?"))
        assert reply.standalone == "Why do bees shiver in a winter hive?"
        assert "Why do bees shiver in a winter hive?" in asking.engine.heard[-1].message
