"""Other wordings of a question: by rules, by a teacher over real HTTP, and for any text."""

import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.retrieval.expansion import wordings

MOST = 8


def others(question):
    return wordings(question, MOST)[1:]


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("What do you think about vector databases?", "vector databases"),
        ("Could you please tell me what attention is?", "what attention is"),
        ("Tell me about walking, please.", "walking"),
        ("What did you write in 2023 about agents?", "agents"),
        ("In your articles, how does attention work?", "attention work"),
        ("According to Moreau, what is a proof?", "a proof"),
        ("How do I quantize a model?", "quantize a model"),
        ("What's your take on markets?", "markets"),
        ("Explain gradient descent to me", "gradient descent"),
        ("How do you feel about tests?", "tests"),
    ],
)
def test_the_subject_is_a_wording(question, wanted):
    assert wanted in others(question)


def test_a_compound_question_is_split_at_its_joints():
    found = others("What is retrieval and how do you measure ranking?")
    assert "retrieval" in found
    assert "measure ranking" in found
    assert others("How are models trained? Where is data stored?")[:2] == [
        "models trained",
        "Where is data stored",
    ]


def test_a_part_that_leans_on_another_is_none_by_itself():
    assert others("What is caching and how does it work?") == ["caching"]


def test_words_that_are_joined_are_not_torn():
    assert others("salt and pepper") == []


@pytest.mark.parametrize(
    "question",
    ["How does nearest neighbour search (NNS) scale?", "How does NNS (nearest neighbour search) scale?"],
)
def test_an_abbreviation_that_is_written_out_is_used_either_way(question):
    found = others(question)
    assert "nearest neighbour search scale" in found
    assert "NNS scale" in found


def test_brackets_that_are_no_abbreviation_stay():
    assert others("How do engines (Diesel) run?") == ["do engines (Diesel) run"] or all(
        "(Diesel)" in text for text in others("How do engines (Diesel) run?")
    )


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("How do you evaluate your models?", "I evaluate my models"),
        ("Why do you prefer walking?", "I prefer walking because"),
        ("What do you think of tests?", "my view of tests"),
        ("What is your favourite river?", "my favourite river"),
    ],
)
def test_the_author_states_it(question, wanted):
    assert wanted in others(question)


@pytest.mark.parametrize(
    "question", ["", "   ", "?", "What is it?", "Was denkst du über Modelle?", "rivers", "你好吗"]
)
def test_where_nothing_can_be_said_otherwise_there_is_the_question_alone(question):
    assert wordings(question, MOST) == [question]


@pytest.mark.parametrize("most", [-1, 0, 1])
def test_there_is_always_the_question(most):
    assert wordings("What do you think about tests?", most) == ["What do you think about tests?"]


_PIECES = [
    "What do you think",
    "about",
    "how do you",
    "and how",
    "(ABC)",
    "a big cat",
    "you",
    "?",
    "please",
    ";",
    "in your posts",
]


@given(
    st.one_of(st.text(max_size=120), st.lists(st.sampled_from(_PIECES), max_size=12).map(" ".join)),
    st.integers(0, 6),
)
def test_for_any_text_the_promises_hold(text, most):
    found = wordings(text, most)
    assert found[0] == text
    assert len(found) <= max(1, most)
    assert found == wordings(text, most)
    normal = [" ".join(re.findall(r"\w+", each.casefold())) for each in found]
    assert len(set(normal)) == len(normal)


def test_a_long_text_is_searched_for_as_it_is():
    text = "how do you do and why? " * 50_000
    assert wordings(text, MOST) == [text]


def test_a_teacher_words_the_question_anew(teach):
    server, teacher = teach({"wordings": ["Tests, in my view", "TESTS, in my view!", "Checks"]})
    found = wordings("What do you think about tests?", 4, teacher)
    assert found == ["What do you think about tests?", "Tests, in my view", "Checks"]
    schema = server.calls[0]["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["wordings"]["maxItems"] == 3


def test_a_teacher_is_not_asked_for_nothing(teach):
    server, teacher = teach({"wordings": []})
    assert wordings("tests", 1, teacher) == ["tests"]
    assert server.calls == []


@pytest.mark.parametrize("answer", ["words", {"wordings": ["x" * 301]}, {"wordings": ["a"] * 9}])
def test_where_a_teacher_fails_the_rules_do_and_a_warning_says_so(teach, caplog, answer):
    server, teacher = teach(answer)
    with caplog.at_level(logging.WARNING):
        assert wordings("What do you think about tests?", 2, teacher) == [
            "What do you think about tests?",
            "tests",
        ]
    assert "the rules did" in caplog.text
    assert len(server.calls) == 2


def test_where_a_teacher_says_nothing_new_the_rules_do(teach):
    _, teacher = teach({"wordings": ["what do you think about TESTS"]})
    assert wordings("What do you think about tests?", 2, teacher)[1] == "tests"
