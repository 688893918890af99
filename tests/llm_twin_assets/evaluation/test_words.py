"""What counts as the author's words, and the features that are taken of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.evaluation.words import (
    FEATURES,
    FUNCTION_WORDS,
    features,
    own_words,
    passages,
    sentences,
    tokens,
)

PAGE = """# Alpha heading

My own sentence with [a linked phrase](https://bravo.example/charlie) and *stress*.

> Delta said this,
> and echo went on
foxtrot, without a mark.

```python
golf = hotel()
```

    india = juliett

Kilo heading
------------

| lima | mike |
|------|------|

![november](oscar.png)

- An item with `papa` in it

[quebec]: https://romeo.example/

See https://sierra.example/ or <b>this</b> one.
"""


def featured(prose):
    return dict(zip(FEATURES, features(prose), strict=True))


def test_only_the_authors_own_words_are_left():
    assert own_words(PAGE).split("\n") == [
        "My own sentence with a linked phrase and stress.",
        "An item with   in it",
        "See   or  this  one.",
    ]


def test_a_quote_ends_at_an_empty_line_and_a_sign_in_a_sentence_is_none():
    assert own_words("> theirs\n\nMine, if 3 > 2.") == "Mine, if 3 > 2."


def test_letters_in_fancy_dress_are_the_same_words():
    assert tokens(own_words("\U0001d5ee\U0001d5fb\U0001d5f1 so on")) == ["and", "so", "on"]


def test_words_are_lower_case_and_keep_their_apostrophes():
    assert tokens("Don’t re-read 3 of O'Neill's books'!") == [
        "don't",
        "re",
        "read",
        "of",
        "o'neill's",
        "books",
    ]


def test_a_sentence_ends_before_a_capital_or_at_the_end_of_a_line():
    prose = "He said “No.” Then he left... slowly! See it, e.g. version 3.5 of it\nA line without a stop"
    assert list(sentences(prose)) == [
        "He said “No.”",
        "Then he left... slowly!",
        "See it, e.g. version 3.5 of it",
        "A line without a stop",
    ]


@pytest.mark.parametrize(
    ("mark", "prose", "count"),
    [
        ("comma", "one, two, three four", 2),
        ("semicolon", "one; two three four", 1),
        ("colon", "one: two at 10:30 four", 1),
        ("dash", "one -- two — three – four", 3),
        ("dash", "one--two—three four-five", 2),
        ("hyphen", "well-known one two", 1),
        ("quotation", '"one" “two” three four', 4),
        ("quotation", "it's the ‘one’ don't", 1),
        ("ellipsis", "one... two… three four", 2),
        ("question", "one? two? three", 2),
        ("exclamation", "one! two three", 1),
        ("bracket", "one (two) three", 1),
        ("contraction", "I don't, you’re, it's her dog's", 3),
        ("possessive", "it's her dog's and that’s Anna’s", 2),
    ],
)
def test_a_mark_is_counted_for_each_word(mark, prose, count):
    assert featured(prose)[mark] == pytest.approx(count / len(tokens(prose)))


def test_function_words_are_shares_of_all_words():
    found = featured("The dog and the cat saw it.")
    assert found["the"] == pytest.approx(2 / 7)
    assert found["and"] == pytest.approx(1 / 7)
    assert found["you"] == 0


def test_sentence_lengths():
    found = featured("One two three. One two three four five.\n" + "word " * 30)
    assert found["sentence_mean"] == pytest.approx(38 / 3)
    assert found["short_sentences"] == pytest.approx(2 / 3)
    assert found["long_sentences"] == pytest.approx(1 / 3)
    assert found["paragraph_mean"] == 19


def test_the_names_of_features_are_distinct():
    assert len(set(FEATURES)) == len(FEATURES)
    assert len(FUNCTION_WORDS) > 200


def test_passages_end_with_a_sentence_and_keep_paragraphs():
    prose = "One two three. Four five six.\nSeven eight. Nine ten.\nEleven. Twelve."
    assert list(passages(prose, 5)) == ["One two three. Four five six.", "Seven eight. Nine ten.\nEleven."]


def test_short_prose_is_one_passage():
    assert list(passages("One two.\nThree.", 50)) == ["One two.\nThree."]


@given(st.text(alphabet="ab .,!?\n'“”-ABé", max_size=300), st.integers(1, 20))
def test_passages_hold_the_prose_in_order_and_each_is_long_enough(text, size):
    prose = own_words(text)
    cut = list(passages(prose, size))
    words = [word for passage in cut for word in tokens(passage)]
    assert words == tokens(prose)[: len(words)]
    assert len(tokens(prose)) - len(words) < size
    assert len(cut) <= 1 or all(len(tokens(passage)) >= size for passage in cut)


@given(st.text(max_size=300))
def test_any_text_with_a_word_has_finite_features(text):
    prose = own_words(text)
    if tokens(prose):
        assert all(0 <= number < 1_000 for number in features(prose))
