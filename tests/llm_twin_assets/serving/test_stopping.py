"""Text comes out in whole characters, and never goes beyond a stop string."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from llm_twin_assets.serving.stopping import Pieces
from llm_twin_assets.training.chat import text_ids


@pytest.fixture(scope="session")
def tokenizer(made_models):
    return AutoTokenizer.from_pretrained(made_models / "first")


TEXTS = st.text(st.sampled_from("abc .,é漢🐝\n"), min_size=1, max_size=40)


def pieces_of(tokenizer, text, stops=()):
    """What is shown after each token, whether it stopped, and what was held back at the end."""
    made, shown = Pieces(tokenizer, stops), []
    for token in text_ids(tokenizer, text):
        shown.append(made.add(token))
        if made.stopped:
            return shown, True, ""
    return shown, False, made.rest()


@given(TEXTS)
def test_the_pieces_together_are_the_text_and_no_character_is_broken(tokenizer, text):
    shown, stopped, rest = pieces_of(tokenizer, text)
    assert not stopped
    assert "".join(shown) + rest == text.lstrip()
    assert "\ufffd" not in "".join(shown)


@given(TEXTS, st.lists(st.text(st.sampled_from("abc ."), min_size=1, max_size=4), min_size=1, max_size=3))
def test_nothing_from_the_first_stop_string_on_is_shown(tokenizer, text, stops):
    shown, stopped, rest = pieces_of(tokenizer, text, stops)
    said = text.lstrip()
    ends = [(at + len(stop), at) for stop in stops if (at := said.find(stop)) >= 0]
    assert stopped == bool(ends)
    assert "".join(shown) + rest == (said[: min(ends)[1]] if ends else said)


def test_what_may_become_a_stop_string_waits_and_what_cannot_does_not(tokenizer):
    shown, stopped, rest = pieces_of(tokenizer, "ab", ["abc"])
    assert (shown[-1], stopped, rest) == ("", False, "ab")
    assert "".join(pieces_of(tokenizer, "abd", ["abc"])[0]) == "abd"


def test_an_empty_stop_string_stops_nothing(tokenizer):
    shown, stopped, rest = pieces_of(tokenizer, "abc", [""])
    assert ("".join(shown) + rest, stopped) == ("abc", False)
