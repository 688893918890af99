import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.sources.markdown import headings, lines, plain

_MARKDOWN = st.lists(
    st.sampled_from(
        ["# A", "## B ##", "text", "", "```", "~~~~", "    code", "\tcode", "===", "---", "#no", " "]
    )
).map("\n".join)


def found(text: str) -> list[tuple[int, str]]:
    return [(heading.level, heading.words) for heading in headings(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# One\ntext\n### Three", [(1, "One"), (3, "Three")]),
        ("   ## Indented by three", [(2, "Indented by three")]),
        ("    # Indented by four", []),
        ("#hashtag\n\n####### seven", []),
        ("# Closed #\n\n## C# and F#", [(1, "Closed"), (2, "C# and F#")]),
        ("```python\n# comment\n```\n# Real", [(1, "Real")]),
        ("````\n```\n# inside\n````\n# Real", [(1, "Real")]),
        ("~~~\n# inside\n```\n# inside\n~~~\n# Real", [(1, "Real")]),
        ("```\n# never closed", []),
        ("```inline``` code\n# Real", [(1, "Real")]),
        ("Title\n=====\n\nPart\n----", [(1, "Title"), (2, "Part")]),
        ("A paragraph\nof two lines\n----", []),
        ("text\n\n---\n\ntext", []),
        ("- item\n---", []),
        ("", []),
    ],
)
def test_headings(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("**Bold** and _slanted_", "Bold and slanted"),
        ("1\\. System `design`", "1. System design"),
        ("snake_case stays", "snake_case stays"),
        ("  many   spaces ", "many spaces"),
        ("C\\:\\\\ and \\*", "C:\\ and *"),
    ],
)
def test_plain_words(written, words):
    assert plain(written) == words


@given(_MARKDOWN)
def test_lines_give_the_text_back_at_their_offsets(text):
    assert "\n".join(line.text for line in lines(text)) == text
    assert all(text[line.start : line.end] == line.text for line in lines(text))


@given(_MARKDOWN)
def test_headings_stand_where_they_say(text):
    for heading in headings(text):
        assert plain(text[heading.start : heading.end].split("\n")[0].strip("# ")) == heading.words
        assert heading.start == 0 or text[heading.start - 1] == "\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a\n\n    b\n\nc", [False, False, True, False, False]),
        ("a\n    b", [False, False]),
        ("```\nx\n\ny\n```\nz", [True, True, True, True, True, False]),
        ("\tx\n\ty\nz", [True, True, False]),
    ],
)
def test_code_lines(text, code):
    assert [line.code for line in lines(text)] == code
