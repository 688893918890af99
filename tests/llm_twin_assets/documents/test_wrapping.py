import textwrap

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from llm_twin_assets.documents.wrapping import join_wraps

PROSE = (
    "It’s a long way to the harbour – so my father said – and nobody who’d walked it in winter, with the "
    "wind from the north-east, would’ve called him a liar. “Take the coat,” he’d say. The coat stayed on "
    "its hook; one doesn’t listen, at nine. Mrs. Example of Harbour Street lent me hers, and it’s the only "
    "reason that I have all ten of my fingers, as she never tired of pointing out to anyone who’d listen."
)


@pytest.mark.parametrize("width", [50, 60, 72, 78, 100])
@pytest.mark.parametrize("hyphens", [True, False])
def test_wrapped_prose_is_one_line_again(width, hyphens):
    wrapped = textwrap.fill(PROSE, width, break_on_hyphens=hyphens)
    assert "\n" in wrapped
    assert join_wraps(f"# Title\n\n{wrapped}\n\n{wrapped}") == f"# Title\n\n{PROSE}\n\n{PROSE}"


_WORDS = st.lists(st.sampled_from(PROSE.split()), min_size=30, max_size=90)


# A line of prose that ends with a semicolon is no line of code.
_SEMICOLON = [["It’s"] * 60, ["It’s"] * 60, ["It’s"] * 18 + ["hook;"] + ["It’s"] * 12]


@settings(max_examples=50, deadline=None)
@example(_SEMICOLON, 95)
@given(st.lists(_WORDS, min_size=3, max_size=5), st.integers(55, 100))
def test_a_wrapped_document_loses_no_word_and_no_paragraph(paragraphs, width):
    whole = [" ".join(words) for words in paragraphs]
    wrapped = [textwrap.fill(text, width, break_on_hyphens=False) for text in whole]
    assume(sum(text.count("\n") for text in wrapped) >= 6)
    # Where a line happens to end before a dash, nobody can tell it from a list.
    assume(not any(line.startswith("–") for text in wrapped for line in text.split("\n")))
    assert join_wraps("\n\n".join(wrapped)) == "\n\n".join(whole)


@pytest.mark.parametrize(
    ("wrapped", "joined"),
    [
        ("A short line that is\ncut in two.", "A short line that is cut in two."),
        ("It was the state-of-the-\nart.", "It was the state-of-the-art."),
        ("It was both pre-\nand post-war.", "It was both pre- and post-war."),
        ("He waited for hours--\nand nothing came.", "He waited for hours--and nothing came."),
        (
            "A paragraph whose last line is very short, it\nis:",
            "A paragraph whose last line is very short, it is:",
        ),
        (
            "One clause of a sentence that has no end yet,\nand another, longer than the first one,\nthen x.",
            "One clause of a sentence that has no end yet, and another, longer than the first one, then x.",
        ),
    ],
)
def test_small_cases(wrapped, joined):
    assert join_wraps(wrapped) == joined


KEPT = {
    "sentences on lines of their own": "This is the first sentence of it.\nThis is the second one of it.",
    "verse": "So strange, the sea had lost its way\nAnd wandered up the street,\n"
    "The boats went looking for the bay\nWith weed about their feet.",
    "free verse": "The harbour waits\nfor somebody to come back\nwith a lantern",
    "an address": "Ada Example\n12 Harbour Street\nPorttown",
    "words, one a line": "apples\npears\nplums",
    "forced breaks": "The first line of this paragraph goes here  \nand the second one here\\\nand a third.",
    "a small beginning": "This first sentence of it has an end of its own.\nvon Neumann begins the second.",
    "arrows": "We looked at everything that was still left in there, and at all the rest too:\n"
    "→ one more thing",
    "a list": "- an item of a list that goes on for so long that\n  it was wrapped by hand\n- another item",
    "a lazy list": "* an item of a list that goes on for so\nlong that it was wrapped, and\nagain",
    "a numbered list": "1. one of these items is rather long, so that it\n   had to be wrapped\n2. two",
    "a quotation": "> a quotation that goes on for so long, and longer,\n> that it was wrapped by hand",
    "a table": "| name | what it does for those who live beside it |\n|---|---|\n| tide | comes and goes |",
    "a bare table": "name of the thing | what it does here\n---|---\ntide in the harbour of our town | goes\n"
    "boats in the harbour of our town | they lie",
    "a heading": "## A heading that is followed at once by a text of\nthe same size",
    "an underlined heading": "A heading\n=========",
    "a fence": "```\nthis looks like prose that was wrapped by somebody\nwho had too little room\n```",
    "indented code": "Text:\n\n    this looks like prose that was wrapped by one\n    who had little room",
    "python": "import os\nfrom pathlib import Path\nfor name in os.listdir(a_folder_with_a_long_name):\n"
    "  print(name)\n  total = total + size_of(name)",
    "shell": "pip install a-package-with-quite-a-long-name another-one\npython run.py --all",
    "yaml": "base_model: someone/a-model-with-a-long-name\nlayers:\n  - sources:\n    weight: 0.3",
    "json": '{\n"name": "a value that goes on and on for quite a while",\n"other": "value"\n}',
    "calls": "model.fit(training_rows, epochs=3, batch_size=32)\nmodel.save(folder)\nmodel.test(rows)",
    "html": "<p>a paragraph that goes on for so long in its own tags\nthat it was wrapped</p>",
}


@pytest.mark.parametrize("name", KEPT)
def test_a_break_that_may_be_the_authors_stays(name):
    assert join_wraps(KEPT[name]) == KEPT[name]


@pytest.mark.parametrize("name", KEPT)
def test_it_stays_in_a_document_that_is_wrapped_all_over(name):
    wrapped = "\n\n".join([textwrap.fill(PROSE, 78)] * 3)
    kept = join_wraps(f"{wrapped}\n\n{KEPT[name]}\n\n{wrapped}").split("\n\n", 3)[3]
    assert kept.startswith(KEPT[name])


def test_headings_of_a_page_are_wrapped_too():
    text = "# A heading that\nwent on\n\nText."
    assert join_wraps(text, page=True) == "# A heading that went on\n\nText."
    assert join_wraps(text) == text


_LINES = [
    "The harbour lies so still that nobody who looks down into it, on a day",
    "in",
    "goes on.",
    "x = f(y)",
]
_LINES += [
    "and then a part of a sentence which is longer than the line that stood above",
    "Ends.",
    "",
    "- item",
]
_LINES += [
    "which was pre-",
    "and post-",
    "> quoted",
    "    code",
    "```",
    "# Heading",
    "forced  ",
    "a|b",
    "---|---",
]


@given(st.lists(st.sampled_from(_LINES), max_size=14).map("\n".join))
def test_joining_twice_is_joining_once(text):
    once = join_wraps(text)
    assert join_wraps(once) == once
    assert "".join(once.split()) == "".join(text.split())
