"""Flattening takes out what is the author's and leaves what is said."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llm_twin_assets.datasets.flattening import flattened

KEPT = [
    "The author's lamp hung over the boats' landing.",
    "The dog buried its bone and the cat its pride.",
    "Part I is short, and so is Type I.",
    "The sign said \"I don't, and you won't!\" in red.",
    "The sign said “we’re closed — sorry!” in red.",
    "Call `let's(\"it's\")` with `--dry-run`, `a!`",
    "See [the notes](https://example.org/i-am--here?we=us) for more.",
    "Write to i.am@example.org or read https://example.org/we're.",
    "Pages 10–20 and 3 - 4 are missing.",
    "# I don't know what we're doing!",
    "> I don't know what we're doing!",
    "| I don't | we're |",
    "```python\nprint(\"it's mine; I'm sure!\")  # let's\n```",
    'Text.\n\n    x = "I don\'t"; y!\n',
    "It was not really cold, and he was the very man.",
    "A just man is just and fair.",
    "Set `__init__` or __init__ and keep snake_case_names.",
    "Thank you all.",
]

PAIRS = {
    "contraction": ("It's late and they don't mind.", "It is late and they do not mind."),
    "curly": ("It’s late and they can’t come.", "It is late and they cannot come."),
    "will not": ("She won't come.", "She will not come."),
    "has": ("It's been cold, and he's got wet.", "It has been cold, and he has got wet."),
    "would": ("They'd go.", "They would go."),
    "let us": ("Let's open the box.", "It is useful to open the box."),
    "let us not": ("Let us not open the box.", "It is useful not to open the box."),
    "it's and its": ("It's the dog's; its tail wags.", "It is the dog's, its tail wags."),
    "capitals": ("DON'T run.", "DO NOT run."),
    "I": ("I think I am right.", "The authors think they are right."),
    "my": ("My hat is on my head.", "The authors' hat is on their head."),
    "we": ("We like what we know.", "People like what they know."),
    "clear they": (
        "They know that I know, and I care.",
        "They know that the authors know, and the authors care.",
    ),
    "both": ("I know what we know.", "The authors know what people know."),
    "you": ("You can open your box.", "Readers can open their box."),
    "mine": ("A friend of mine owns a mine.", "A friend of the authors owns a mine."),
    "but": ("But the door was shut.", "However, the door was shut."),
    "and": ("And there it ended.", "In addition, there it ended."),
    "so": ("So the door was shut.", "Therefore, the door was shut."),
    "so far": ("So far it holds.", "So far it holds."),
    "opinion": ("In my opinion, the door is shut.", "The door is shut."),
    "I think that": ("I think that the door is shut.", "The door is shut."),
    "dash": ("The door — the old one — was shut.", "The door, the old one, was shut."),
    "double hyphen": ("The door--the old one--was shut.", "The door, the old one, was shut."),
    "semicolon": (
        "The old door was shut; but the window was open.",
        "The old door was shut. However, the window was open.",
    ),
    "short clause": ("The door was shut; why so?", "The door was shut, why so?"),
    "cry": ("The door was shut!", "The door was shut."),
    "cry inside": ("Alas! the door was shut.", "Alas, the door was shut."),
    "ellipsis": ("The door… was shut...", "The door, was shut."),
    "why": ("Why do they shut it?", "The question is why they shut it."),
    "can": ("How can we shut it?", "The question is how people can shut it."),
    "what is": ("What is the use of a door?", "The question is what the use of a door is."),
    "whether": ("Is it shut?", "The question is whether it is shut."),
    "not whether": ("Don't they shut it?", "The question is whether they do not shut it."),
    "other question": ("Whose door keeps shutting?", "Whose door keeps shutting?"),
    "very": ("It is a very old door.", "It is an old door."),
    "of course": ("The door, of course, was shut.", "The door was shut."),
    "emphasis": ("The **old** door was *shut*.", "The old door was shut."),
    "list": ("- I'm here!\n- We're there!", "- The authors are here.\n- People are there."),
    "link text": ("[I'm here](x.html)", "[The authors are here](x.html)"),
}


@pytest.mark.parametrize("text", KEPT)
def test_what_is_no_style_of_the_authors_stays(text):
    assert flattened(text) == text


@pytest.mark.parametrize(("text", "expected"), PAIRS.values(), ids=PAIRS)
def test_a_sentence_becomes_plain(text, expected):
    assert flattened(text) == expected


def test_had_is_told_from_would():
    said = flattened("They'd gone before, and they'd better go again, or they'd sleep.")
    assert said == "They had gone before, and they had better go again, or they would sleep."


def test_no_contraction_first_person_or_cry_is_left_in_prose():
    text = (
        "I'd say we're late! Don't you think so? I've lost my key; we couldn't find ours — it's gone.\n\n"
        "But I won't wait for us to look, and you'll have to let me in. Isn't it odd? I am tired, I was ill."
    )
    said = flattened(text)
    assert not re.search(
        r"\b(?:I|me|my|we|us|our|ours|you|your)\b|n't|'(?:d|re|ve|ll|m)\b|it's|[!;—]|\bam\b", said
    )
    assert said.count("\n\n") == 1


def test_a_quoted_word_beside_a_rule_is_the_same_word_after_it():
    assert flattened("I don't say `don't`; I never said \"I don't\"!") == (
        "The authors do not say `don't`. The authors never said \"I don't\"."
    )


PIECES = (
    "I we my us you don't it's let's very But And — ; ! ? . , … `I'm` \"we're\" door the 12 3.5 (no; I) "
    "**me** https://a.example/I [my](we) > # - | ``` \n \n\n why do what is the"
)
WORDS = st.sampled_from(PIECES.split(" "))


@example("https://a.example/I - I")
@example("https://a.example/I ; we")
@example("https://a.example/I —we")
@given(st.lists(WORDS, max_size=40).map(" ".join) | st.text(max_size=200))
def test_any_text_keeps_its_lines_its_figures_and_its_code(text):
    said = flattened(text)
    assert said.count("\n") == text.count("\n")
    for kept in (r"[0-9]+", r"`[^`\n]+`", r"https?://\S+"):
        assert re.findall(kept, said) == re.findall(kept, text)
    assert flattened(text) == said
