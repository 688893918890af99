"""Which sentences of a passage may be quoted, and where exactly they stand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.serving.sentences import MAX_CHARACTERS, quotable


def texts(passage, offset=0):
    return [sentence.text for sentence in quotable(passage, offset)]


PIECES = st.sampled_from(
    [
        "The oak stands alone.",
        "Does it rain? It does!",
        "“Never,” said the smith.  He left.",
        "Dr. Moss came at 3.5 p.m. on foot.",
        "lower case begins here.",
        "## A heading of words",
        "- an item. Of a list.",
        "```\ncode = 1. Then more.\n```",
        "| a | b. C d |",
        "> A quoted line of words.",
        "no end of any kind",
        "Ünïcödé wörds – and dashes… Everything counts.",
        "Look at ![a picture](x.png) there. Nothing more to see.",
    ]
)
DOCUMENTS = st.lists(PIECES, max_size=8).flatmap(
    lambda pieces: st.sampled_from([" ", "\n", "\n\n", "\n\n\n"]).map(lambda glue: glue.join(pieces))
)


@given(DOCUMENTS | st.text(alphabet=".!?\n #`-*_>aAß1 \"'(", max_size=80), st.integers(0, 10_000))
def test_offsets_are_exact_and_sentences_lie_in_order(passage, offset):
    at = offset
    for sentence in quotable(passage, offset):
        assert passage[sentence.start - offset : sentence.end - offset] == sentence.text
        assert sentence.text == sentence.text.strip()
        assert sentence.start >= at
        at = sentence.end


def test_a_paragraph_is_split_at_its_sentence_ends():
    passage = "The hive hums. Does it sleep? “It never does!” said Ada. So be it…"
    assert texts(passage) == ["The hive hums.", "Does it sleep?", "“It never does!” said Ada.", "So be it…"]


@pytest.mark.parametrize(
    "sentence",
    [
        "Dr. Moss and Mr. G. Kane met St. John at No. 5.",
        "Version 3.5 is out, e.g. for bees.",
        "She paid 2.50 for it … and left.",
        "The **hive** is _alive_ and `bees.txt` lists it.",
        "The variable `LLM_HOME={x}` names it.",
    ],
)
def test_it_stays_one_sentence(sentence):
    assert texts(f"{sentence} Then it rained.") == [sentence, "Then it rained."]


@pytest.mark.parametrize(
    "passage",
    [
        "# The whole heading is one.",
        "```python\nThis is not prose. It is code.\n```",
        "    This is indented code. It is.",
        "- This item is a sentence.\n- So is this one.",
        "1. First do this thing.\n2. Then do that thing.",
        "| Name | What it is. |\n| --- | --- |\n| Bee | An insect. |",
        "> Somebody else said this.",
        "result = model(tokens). Call it.",
        "Use train_test_split for that purpose.",
        "See https://example.org/page for more.",
        "A [link](https://example.org) to somewhere else.",
        "and so it went on for days.",
        "The end is missing here",
        "Too short.",
        "<div>Markup is no prose.</div>",
        "The steps are these:\n- take the frame. Then shake it.",
        "A" * MAX_CHARACTERS + " is far too long.",
    ],
)
def test_nothing_of_it_can_be_quoted(passage):
    assert texts(passage) == []


def test_the_end_of_cut_code_is_not_taken_for_prose():
    assert texts("This line was in the code block.\n```\nThis one is prose, who knows.") == []
    assert texts("This one is prose indeed.\n```python\nThis is code. It was cut.") == [
        "This one is prose indeed."
    ]


def test_prose_around_what_cannot_be_quoted_is_kept():
    passage = (
        "# Title here\n\nThe first sentence stands. See https://x.org now. The last one stands.\n\n- item"
    )
    assert texts(passage) == ["The first sentence stands.", "The last one stands."]


def test_questions_are_known_as_such():
    asked, told = quotable("“Does it *hum?*” It hums all night.")
    assert asked.is_question
    assert not told.is_question
