"""What is understood of a request: its question, the conversation before it, filters and sampling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from llm_twin_assets.retrieval.conversation import Turn
from llm_twin_assets.serving.chat_request import LONGEST_QUESTION, TURNS, ChatRequest, RagRequest, Refused
from resources.vector_store import Filters


def chat(*messages, **fields):
    written = [{"role": role, "content": text} for role, text in messages or [("user", "Why?")]]
    return ChatRequest.model_validate({"model": "ada", "messages": written, **fields})


def test_the_conversation_is_made_of_what_user_and_assistant_said_before_the_question():
    body = chat(
        ("system", "Be a pirate."),
        ("assistant", "Hello."),
        ("user", "One?"),
        ("assistant", "1."),
        ("assistant", "Really."),
        ("user", "Two?"),
        ("user", "Three?"),
        ("tool", "a tool's words"),
        ("assistant", "3."),
        ("user", " Four? "),
        ("assistant", "begun"),
    )
    assert body.question == "Four?"
    assert body.history == (Turn("One?", "1.\nReally."), Turn("Two?", ""), Turn("Three?", "3."))


@given(
    st.lists(
        st.tuples(st.sampled_from(["system", "user", "assistant", "tool"]), st.text("ab ", min_size=1)),
        max_size=30,
    )
)
def test_only_the_last_turns_count_and_system_words_never_do(said):
    body = chat(*said, ("user", "Why?"))
    asked = [text.strip() for role, text in said if role == "user"]
    assert [turn.question for turn in body.history] == asked[-TURNS:]
    assert body.question == "Why?"


@pytest.mark.parametrize("characters", [LONGEST_QUESTION, LONGEST_QUESTION + 1])
def test_a_question_may_be_so_long_and_no_longer(characters):
    for ask in (lambda text: chat(("user", text)), lambda text: RagRequest(query=text, twin="ada")):
        if characters > LONGEST_QUESTION:
            with pytest.raises(ValidationError):
                ask("x" * characters)
        else:
            ask("x" * characters)


def test_what_it_wants_of_sampling():
    asked = chat(temperature=0, top_p=1, seed=-5, stop="END", max_tokens=9, max_completion_tokens=7).asked
    assert (asked.temperature, asked.top_p, asked.seed, asked.stop, asked.max_tokens) == (
        0,
        1,
        -5,
        ("END",),
        7,
    )
    asked = chat(stop=["a", "", "b"], max_tokens=9).asked
    assert (asked.stop, asked.max_tokens, asked.temperature) == (("a", "b"), 9, None)


@pytest.mark.parametrize("written", ["2024-02-30", "24-01-01", "1700000000", "tomorrow", "2024-01-31T10:00"])
def test_what_is_no_day_is_refused_with_its_field(written):
    with pytest.raises(ValidationError, match=r"metadata.since\n.*write the day as 2024-01-31"):
        chat(metadata={"since": written})


def test_days_become_filters_and_the_author_does_not():
    body = chat(metadata={"since": "2024-01-31", "until": "2024-01-31", "author": "Ada Moss", "x": "y"})
    assert body.narrowing.filters == Filters(since="2024-01-31", until="2024-01-31")
    assert chat().narrowing.filters == Filters()


def test_another_author_than_the_twins_is_refused():
    body = chat(metadata={"author": "Ben Ferro"})
    body.narrowing.check_author("Ben Ferro")
    with pytest.raises(Refused, match="Ada Moss only") as raised:
        body.narrowing.check_author("Ada Moss")
    assert (raised.value.status, raised.value.param) == (400, "author")


@pytest.mark.parametrize(
    "fields",
    [{"n": 1}, {"tools": []}, {"logprobs": False}, {"response_format": {"type": "text"}}, {"logit_bias": {}}],
)
def test_what_asks_for_nothing_else_is_served(fields):
    chat(**fields).check_supported()


def test_half_a_character_is_refused_wherever_it_stands():
    for fields in (
        {"user": "x"},
        {"stop": ["\ud800"]},
        {"metadata": {"kind": "\udfff"}},
        {"model": "\ud800"},
    ):
        if "user" in fields:
            chat(**fields)
        else:
            with pytest.raises(ValidationError, match="half a character"):
                chat(**fields)
    with pytest.raises(ValidationError, match="half a character"):
        chat(("user", [{"type": "text", "text": "\ud800"}]))


def test_a_thread_is_named_by_its_first_characters():
    assert chat(metadata={"thread_id": "t" * 70}).thread_id == "t" * 64
    assert chat(metadata={"thread_id": ""}).thread_id is None
    assert chat(user="u1").thread_id is None
