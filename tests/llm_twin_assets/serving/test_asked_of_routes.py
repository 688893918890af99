"""What a request may ask for, of a real server: its conversation, filters, sampling, and what is refused."""

import json

import openai
import pytest

from llm_twin_assets.serving.answering import DECLINED
from tests.llm_twin_assets.serving.asking import QUESTION, asked, chat, conversation, two_twins
from tests.llm_twin_assets.serving.engines import SPOKEN
from tests.llm_twin_assets.serving.small import Small

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def asking(tmp_path_factory, made_models):
    small = two_twins(Small(tmp_path_factory.mktemp("routes") / "home", made_models))
    with asked(small) as made:
        yield made


@pytest.fixture(scope="module")
def free(tmp_path_factory, made_models):
    """Twins that generate freely."""
    small = Small(tmp_path_factory.mktemp("free") / "home", made_models)
    with asked(two_twins(small, generation="free", max_new_tokens=12)) as made:
        yield made


def test_the_question_is_the_last_user_message_in_whatever_form(asking):
    parts = [{"type": "text", "text": "Why does the hive"}, {"type": "text", "text": "hum in winter?"}]
    messages = [
        {"role": "system", "content": "You are a pirate."},
        *conversation("Who won?", DECLINED, parts),
    ]
    reply = asking.ask(messages=messages, temperature=0.1, user="u1")
    assert reply.choices[0].message.content.startswith("A hive hums")
    assert "pirate" not in asking.engine.heard[-1].message


def test_a_follow_up_is_completed_from_the_conversation(asking):
    messages = conversation("Why does the hive hum in winter?", "The bees shiver. [1]", "Why?")
    reply = asking.ask(messages=messages)
    completed = "Why? (about the hive hum in winter)"
    assert reply.choices[0].message.content.startswith("A hive hums in winter")
    assert reply.standalone == completed
    assert completed in asking.engine.heard[-1].message
    trace = asking.last_trace(reply.trace_id)
    assert (trace["question"], trace["standalone"]) == ("Why?", completed)
    assert "rewriting" in json.loads(trace["timings_ms"])
    assert asking.ask(messages=conversation("Why?")).declined is True


def test_only_the_last_turns_are_read(asking):
    beginning = conversation(QUESTION, "The bees shiver.")
    between = conversation("What is smoke?", "Smoke.") * 6
    reply = asking.ask(messages=[*beginning, *between, *conversation("Why?")])
    assert "hum" not in reply.standalone
    assert "smoke" in reply.standalone


@pytest.mark.parametrize(
    ("narrowing", "declined"),
    [
        ({"platform": "test", "kind": "article"}, False),
        ({"platform": "nowhere"}, True),
        ({"kind": "book"}, True),
        ({"since": "2026-01-01", "until": "2026-01-01"}, False),
        ({"since": "2026-01-02"}, True),
        ({"until": "2025-12-31"}, True),
        ({"author": "Ada Moss"}, False),
    ],
)
def test_writings_may_be_narrowed(asking, narrowing, declined):
    assert asking.ask(metadata=narrowing).declined is declined
    assert asking.rag(**narrowing).json()["declined"] is declined


def test_other_metadata_is_kept_out(asking):
    reply = asking.ask(metadata={"colour": "blue", "thread_id": "t" * 100})
    trace = asking.last_trace(reply.trace_id)
    assert "blue" not in str(trace)
    assert trace["thread_id"] == "t" * 64


@pytest.mark.parametrize(
    ("metadata", "status", "param"),
    [
        ({"since": "yesterday"}, 422, "metadata.since"),
        ({"until": "1700000000"}, 422, "metadata.until"),
        ({"since": "2026-01-02", "until": "2026-01-01"}, 422, "metadata"),
        ({"platform": ""}, 422, "metadata.platform"),
        ({"thread_id": 7}, 422, "metadata.thread_id"),
        ({"author": "Ben Ferro"}, 400, "author"),
    ],
)
def test_wrong_metadata_is_refused_by_name(asking, metadata, status, param):
    reply = asking.post(metadata=metadata)
    assert reply.status_code == status
    assert reply.json()["error"]["param"] == param


def test_what_is_asked_of_sampling_reaches_free_generation(free):
    fields = {"temperature": 0.25, "top_p": 0.5, "seed": 11, "stop": ["a", "b"], "max_tokens": 5}
    reply = free.ask(**fields)
    asked_for = free.engine.heard[-1].sampling
    assert (asked_for.temperature, asked_for.top_p, asked_for.seed) == (0.25, 0.5, 11)
    assert (asked_for.stop, asked_for.limit) == (("a", "b"), 5)
    assert reply.choices[0].message.content == " ".join(SPOKEN.split()[:5])
    assert reply.choices[0].finish_reason == "length"
    assert reply.usage.completion_tokens == 5


def test_without_it_the_release_decides_and_nobody_gets_more_tokens(free):
    for fields in ({}, {"max_completion_tokens": 4000}, {"stop": "", "temperature": 0}):
        free.ask(**fields)
    plain, capped, frozen = [one.sampling for one in free.engine.heard[-3:]]
    assert (plain.temperature, plain.top_p, plain.stop) == (0.7, 0.9, ())
    assert len({plain.seed, capped.seed, frozen.seed}) == 3
    assert plain.limit == capped.limit == 12
    assert (frozen.temperature, frozen.stop) == (0, ())


def test_a_streamed_answer_that_is_cut_says_so(free):
    assert list(free.ask(stream=True, max_tokens=3))[-1].choices[0].finish_reason == "length"


def test_quotations_are_not_sampled_but_limited(asking):
    plain = asking.ask().choices[0].message.content
    sampled = asking.ask(temperature=2, top_p=0.1, seed=4, stop="hive").choices[0].message.content
    assert sampled == plain
    reply = asking.ask(max_tokens=20)
    assert (
        reply.choices[0].message.content
        == "A hive hums in winter because the bees shiver to keep their queen warm. [1]"
    )
    assert asking.engine.heard[-1].limit == 20


def test_a_limit_below_the_shortest_sentence_is_no_refusal_to_answer(asking):
    reply = asking.ask(max_tokens=1)
    assert (reply.choices[0].message.content, reply.choices[0].finish_reason) == ("", "length")
    assert reply.declined is False
    assert [chunk.choices[0].delta.content for chunk in asking.ask(stream=True, max_tokens=1)] == ["", None]


def test_an_unknown_twin_is_a_404_in_openais_form(asking):
    for stream in (False, True):
        with pytest.raises(openai.NotFoundError) as raised:
            asking.ask(model="nobody", stream=stream)
        assert raised.value.body["code"] == "model_not_found"
        assert "nobody" in raised.value.body["message"]
    assert asking.rag(twin="nobody").status_code == 404


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]}, "tools"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"audio": {"voice": "x"}}, "audio"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        (
            {
                "messages": conversation(
                    [{"type": "image_url", "image_url": {"url": "x"}}, {"type": "text", "text": "x"}]
                )
            },
            "messages",
        ),
    ],
)
def test_what_no_twin_can_do_is_a_400(asking, fields, param):
    with pytest.raises(openai.BadRequestError) as raised:
        asking.ask(**fields)
    assert raised.value.body["type"] == "invalid_request_error"
    assert raised.value.param == param
    assert "not supported" in raised.value.body["message"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "assistant", "content": "Hello."}]}, None),
        ({"messages": conversation("  ")}, None),
        ({"messages": conversation("long " * 1000)}, None),
        ({"messages": conversation("\ud800")}, "messages.0.content"),
        ({"messages": [{"role": "king", "content": "Hello."}]}, "messages.0.role"),
        ({"temperature": 2.01}, "temperature"),
        ({"temperature": -0.01}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"top_p": 1.01}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": 0}, "max_completion_tokens"),
        ({"seed": 2**63}, "seed"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"model": ""}, "model"),
    ],
)
def test_what_is_malformed_is_a_422_that_names_the_field(asking, fields, param):
    reply = asking.http.post("/v1/chat/completions", content=json.dumps(chat(**fields)), headers=JSON)
    assert reply.status_code == 422
    error = reply.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["message"]
    assert error["param"] == param


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"",
        b'{"query": "x"}',
        b'{"query": "x", "twin": "ada", "y": 1}',
        b"[" * 100_000,
        b'"\xff"',
    ],
)
def test_a_malformed_body_is_refused(asking, body):
    reply = asking.http.post("/rag", content=body, headers=JSON)
    assert reply.status_code == 422
    assert reply.json()["error"]["message"]
