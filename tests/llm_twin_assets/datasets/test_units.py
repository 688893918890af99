"""Units are spans of the text: in order, apart from each other, and of a usable length."""

from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.datasets.units import (
    ENOUGH_WORDS,
    MAX_WORDS,
    MIN_WORDS,
    blocks,
    plain,
    units,
    word_count,
)

PIECES = st.sampled_from(
    [
        "# A heading\n",
        "### Deeper #\n",
        "\n",
        "  \n",
        "word " * 30 + "end.\n\n",
        "sentence one. " * 400,
        "longword" * 50,
        "- an item\n- another\n",
        "1. first\n2. second\n",
        "> quoted\n",
        "```python\ncode()\n\nmore()\n```\n",
        "~~~\nnever closed\n",
        "    indented code\n",
        "ünïcödé “quoted.” ",
    ]
)


def kinds(text):
    return [block.kind for block in blocks(text)]


@given(st.lists(PIECES, max_size=12).map("".join))
def test_units_are_trimmed_spans_in_order_and_never_too_long(text):
    found = units(text)
    end = 0
    for unit in found:
        assert end <= unit.start < unit.end <= len(text)
        passage = text[unit.start : unit.end]
        assert passage == passage.strip()
        assert word_count(passage) <= MAX_WORDS
        assert 0 <= unit.prose <= 1
        end = unit.end


@given(st.lists(PIECES, max_size=12).map("".join))
def test_every_word_outside_headings_is_in_exactly_one_unit(text):
    bodies = [block for block in blocks(text) if block.kind != "heading"]
    expected = sum(word_count(text[block.start : block.end]) for block in bodies)
    assert sum(word_count(text[unit.start : unit.end]) for unit in units(text)) == expected


@given(st.text(alphabet="a#`~> -\n\t1.", max_size=60))
def test_blocks_cover_everything_that_is_not_white_space(text):
    covered = "".join(text[block.start : block.end] for block in blocks(text))
    assert "".join(covered.split()) == "".join(text.split())


def test_the_kind_of_a_block_is_read_off_its_first_line():
    text = "# One\nprose\n\n- item\n\n> quote\n\n    code\n\n```\n# no heading\n\nfenced\n```\nprose again"
    assert kinds(text) == ["heading", "prose", "list", "quote", "code", "code", "prose"]


def test_a_fence_that_is_never_closed_reaches_to_the_end():
    assert kinds("before\n\n```\n# still code\n\nand this") == ["prose", "code"]


def test_headings_above_a_unit_are_its_ancestors_only():
    body = "word " * 70
    text = f"# A\n\n{body}\n\n## B\n\n{body}\n\n### C\n\n{body}\n\n## D\n\n{body}\n"
    assert [unit.headings for unit in units(text)] == [("A",), ("A", "B"), ("A", "B", "C"), ("A", "D")]


def test_paragraphs_are_grouped_until_there_are_enough_words_and_a_short_rest_joins():
    paragraph = "word " * 80
    text = "\n\n".join([paragraph] * 4 + ["a short rest of six words"])
    sizes = [word_count(text[unit.start : unit.end]) for unit in units(text)]
    assert sizes == [160, 166]
    assert all(size >= ENOUGH_WORDS for size in sizes)


def test_units_of_a_section_are_counted_from_zero():
    text = "# A\n\n" + "\n\n".join(["word " * 150] * 3) + "\n\n# B\n\n" + "word " * 150
    assert [unit.ordinal for unit in units(text)] == [0, 1, 2, 0]


def test_a_paragraph_of_a_book_is_cut_between_sentences():
    text = " ".join(f"Sentence {number} of the long paragraph ends here." for number in range(200))
    found = [text[unit.start : unit.end] for unit in units(text)]
    assert len(found) > 1
    assert all(MIN_WORDS <= word_count(one) <= MAX_WORDS and one.endswith(".") for one in found)
    assert " ".join(found) == text


def test_prose_share_counts_code_as_no_prose():
    text = "ten words of prose stand here, not one fewer, see\n\n    " + "code " * 10
    assert abs(units(text)[0].prose - 0.5) < 0.01


def test_headings_lose_their_markup():
    assert plain("**3\\. The** [`flow`](http://x/y_z) of it") == "3. The flow of it"
