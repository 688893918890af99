import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_twin_assets.retrieval.unheaded import all_unheaded, is_only_headings, normal, unheaded
from tests.llm_twin_assets.retrieval.words import chunk_row

ASKED = {"how glue dries slowly"}


def bare(heading_path="", text="Some words.", title="glue", asked=ASKED):
    found = unheaded(chunk_row("glue", 0, heading_path, text) | {"title": title}, asked)
    return found["title"], found["heading_path"], found["text"]


def test_a_heading_that_is_asked_for_leaves_path_and_text():
    text = "## How glue dries slowly\n\nIt takes a day."
    assert bare("On glue > How glue dries slowly > Winter", text) == (
        "glue",
        "On glue > Winter",
        "It takes a day.",
    )


@pytest.mark.parametrize(
    "line",
    [
        "# How glue dries slowly",
        "###  **How glue** dries  slowly ##",
        "How glue dries slowly\n=====",
        "How *glue* dries slowly\n---",
        "How glue dries slowly",
        "  HOW GLUE DRIES SLOWLY",
    ],
)
def test_however_the_line_is_written_it_goes(line):
    assert bare("How glue dries slowly", f"{line}\nIt takes a day.")[2] == "It takes a day."


def test_a_sentence_with_the_same_words_and_a_rule_below_it_stay():
    text = "We asked how glue dries slowly.\n\n---\n\nIt takes a day."
    assert bare("How glue dries slowly", text)[2] == text


def test_a_title_goes_where_it_is_asked_for_or_holds_what_is():
    assert bare(title="How glue dries slowly")[0] == ""
    assert bare("How glue dries slowly", title="How Glue Dries Slowly, a diary")[:2] == ("", "")
    assert bare("Elsewhere", title="Another page")[:2] == ("Another page", "Elsewhere")


def test_a_chunk_below_no_asked_heading_is_given_back_itself():
    row = chunk_row("glue", 0, "On glue > Winter", "## How glue dries slowly\nIt takes a day.")
    assert unheaded(row, ASKED) is row


def test_a_chunk_of_which_nothing_is_left_is_left_out():
    rows = [
        chunk_row("glue", 0, "How glue dries slowly", "## How glue dries slowly"),
        chunk_row("glue", 1, "How glue dries slowly", "It takes a day."),
    ]
    assert [row["text"] for row in all_unheaded(rows, ASKED)] == ["It takes a day."]


def test_only_headings_are_told_from_text():
    assert is_only_headings("# One\n\n## Two\n")
    assert is_only_headings("One\n===")
    assert not is_only_headings("# One\nand words")
    assert not is_only_headings("```\n# no heading\n```")


words = st.lists(st.sampled_from(["How", "glue", "*dries*", "slowly", "`it`"]), min_size=1, max_size=4)
lines = st.builds(lambda signs, found: signs + " ".join(found), st.sampled_from(["", "## ", "# "]), words)


@settings(deadline=None)
@given(words, st.lists(lines, min_size=1, max_size=6))
def test_afterwards_nothing_asked_for_is_left_and_doing_it_again_changes_nothing(heading, text):
    asked = {normal(" ".join(heading))}
    row = chunk_row("page", 0, f"{normal(' '.join(heading))} > Below", "\n".join(text))
    once = unheaded(row, asked)
    left = [once["title"], *once["heading_path"].split(" > "), *once["text"].split("\n")]
    assert asked.isdisjoint(normal(line.lstrip("# ")) for line in left)
    assert unheaded(once, asked) == once
