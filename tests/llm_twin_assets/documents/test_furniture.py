"""Lines that an author's documents share; the words here are made up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.documents.cleaning import clean
from llm_twin_assets.documents.furniture import found_in, line_hashes, repeated, without_furniture
from llm_twin_assets.sources.markdown import lines

PROMOTION = "Every Tuesday the harbour letter brings you the tides of the week, free of charge."
GREETING = "A calm week to you all!"


def own(number: int) -> str:
    """What only the document of this number says."""
    return (
        f"On day {number} the water stood {number} feet high, and boat {number} lay on its side in the mud."
    )


def cleaned(*texts: str) -> list[str]:
    found = repeated(map(line_hashes, texts))
    return [without_furniture(text, found) for text in texts]


def test_what_three_documents_say_goes_and_the_rest_stays():
    texts = [f"{own(n)}\n\n{PROMOTION}\n\n{own(n + 10)}" for n in range(3)]
    assert cleaned(*texts) == [f"{own(n)}\n\n{own(n + 10)}" for n in range(3)]


def test_what_two_documents_say_stays():
    texts = [f"{own(n)}\n\n{PROMOTION}" for n in range(2)] + [own(3)]
    assert cleaned(*texts) == texts


def test_of_many_documents_one_in_twenty_has_to_say_it():
    texts = [f"{own(n)}\n\n{own(n + 100)}" + (f"\n\n{PROMOTION}" if n < 4 else "") for n in range(81)]
    assert len(repeated(map(line_hashes, texts))) == 0
    assert len(repeated(map(line_hashes, texts[:80]))) == 1


@pytest.mark.parametrize(
    "variant",
    [
        "_Every Tuesday_ the **harbour letter** brings you the tides of the week, free of charge. 👋",
        "> ↳🔗 Every Tuesday the harbour letter brings you the tides of the week, free of charge",
        "* Every Tuesday theharbour letter brings you the  tides of the week, free of charge.",
        "3. [Every Tuesday](https://example.org/?ref=3) the harbour letter brings you the tides of the week, "
        "free of charge.",
        "𝗘𝘃𝗲𝗿𝘆 𝗧𝘂𝗲𝘀𝗱𝗮𝘆 the harbour letter brings you the tides of the week, free of charge.",
    ],
)
def test_marks_bullets_links_and_styled_letters_make_no_difference(variant):
    texts = [f"{own(n)}\n\n{line}" for n, line in enumerate([PROMOTION, PROMOTION, variant])]
    assert cleaned(*texts) == [own(0), own(1), own(2)]


@pytest.mark.parametrize(
    "line",
    [
        "Yes.",
        "For example:",
        "You will learn from this long chapter the following things:",
        "- Ropes",
        "2. The harbour wall and the boats",
        "1984",
        "* * *",
        "“The sea is never full, says the preacher, and never still.”",
        "> The sea is never full, says the preacher, and never still.",
        "## What the oldest of the fishermen told me about the tides",
        "    water = tide(hour=12, moon='full', harbour='north')",
    ],
)
def test_what_authors_write_often_stays(line):
    texts = [f"{own(n)}\n\n{line}\n\n{own(n + 10)}" for n in range(5)]
    assert cleaned(*texts) == texts


def test_a_stanza_keeps_its_refrain():
    stanza = "The boat {0} comes home,\nthe rope {0} is wet,\nAnd nobody asks what the water has taken"
    texts = [stanza.format(n) for n in range(4)]
    assert cleaned(*texts) == texts


def test_rows_of_a_table_stay():
    row = "| the height of the water at noon, in feet | 3 |"
    texts = [f"| day | {n} |\n|---|---|\n{row}\n{row}" for n in range(4)]
    assert cleaned(*texts) == texts


def test_a_short_line_goes_beside_a_long_one_only():
    texts = [f"{GREETING}\n\n{own(n)}\n\n{GREETING}\n\n{PROMOTION}\n\n{GREETING}\n\nAda" for n in range(3)]
    assert cleaned(*texts) == [f"{GREETING}\n\n{own(n)}" for n in range(3)]


def test_a_list_goes_whole_where_most_of_it_is_repeated():
    known = (
        "- Lesson one: how the moon pulls at the water in the bay\n- Lesson two: how the bay pulls back at it"
    )
    newest = [f"- Lesson {n}: about boat {n}" for n in range(3)]
    texts = [f"{own(n)}\n\n## Lessons\n\n{known}\n{newest[n]}" for n in range(3)]
    assert cleaned(*texts) == [own(0), own(1), own(2)]


def test_a_title_goes_with_all_that_stood_under_it():
    texts = [
        f"# Tides\n\n{own(n)}\n\n## Notes\n\n### More\n\n{PROMOTION}\n\n# End\n\n{own(n + 9)}"
        for n in range(3)
    ]
    assert cleaned(*texts) == [f"# Tides\n\n{own(n)}\n\n# End\n\n{own(n + 9)}" for n in range(3)]


def test_an_empty_title_that_was_empty_before_stays():
    texts = [f"{PROMOTION}\n\n{own(n)}\n\n## Notes" for n in range(3)]
    assert cleaned(*texts) == [f"{own(n)}\n\n## Notes" for n in range(3)]


def test_rules_around_what_went_go_but_for_one():
    framed = f"* * *\n\n{PROMOTION}\n\n* * *"
    texts = [f"{PROMOTION}\n\n* * *\n\n{own(n)}\n\n{framed}\n\n{own(n + 9)}" for n in range(3)]
    assert cleaned(*texts) == [f"{own(n)}\n\n* * *\n\n{own(n + 9)}" for n in range(3)]


def test_a_rule_at_the_end_goes_with_what_followed():
    texts = [f"{own(n)}\n\n* * *\n\n{own(n + 9)}\n\n* * *\n\n{PROMOTION}" for n in range(3)]
    assert cleaned(*texts) == [f"{own(n)}\n\n* * *\n\n{own(n + 9)}" for n in range(3)]


def test_an_underline_is_no_rule():
    texts = [f"Notes\n-----\n\n{PROMOTION}\n\n-----\n\n{own(n)}" for n in range(3)]
    assert cleaned(*texts) == [f"Notes\n-----\n\n-----\n\n{own(n)}" for n in range(3)]


def test_an_essay_published_at_many_places_is_no_furniture():
    essay = "\n\n".join(own(n) for n in range(20))
    texts = [f"{essay}\n\nFirst published as number {n} of a letter that nobody reads." for n in range(5)]
    assert cleaned(*texts) == texts


def test_short_letters_full_of_promotions_are_no_copies():
    known = [f"{PROMOTION} Number {n} of our many offers is the rope." for n in range(5)]
    texts = ["\n\n".join([own(n), *known]) for n in range(4)]
    assert cleaned(*texts) == [own(n) for n in range(4)]


def test_hashes_are_small_sorted_and_distinct():
    hashes = line_hashes(f"{PROMOTION}\n\n{own(1)}\n\n**{PROMOTION}**\n\n## {own(2)}")
    parts = [hashes[:8], hashes[8:]]
    assert len(hashes) == 16
    assert parts == sorted(set(parts))
    assert line_hashes(f"```\n{PROMOTION}\n```\n\n* * *\n\n1984") == b""


def test_found_in_names_what_stands_in_one_document():
    others = frozenset({b"12345678"})
    promotion = line_hashes(PROMOTION)
    assert found_in(line_hashes(f"{own(1)}\n\n{PROMOTION}"), others | {promotion}) == {promotion}


BLOCKS = [
    PROMOTION,
    GREETING,
    "Ada",
    "For example:",
    own(1),
    f"{own(2)}\n{PROMOTION}",
    f"{PROMOTION}\n    lazy",
    f"- {own(3)}\n- {PROMOTION}\n- Ropes",
    "# Tides",
    "## Notes",
    "Notes\n---",
    "* * *",
    "```\nwater = 1\n\n\nEvery\n```",
    f"    {PROMOTION}\n\n\n    more = 2",
    "> quoted\n>\n> twice",
]
DOCUMENTS = st.lists(st.sampled_from(BLOCKS), min_size=1, max_size=10).map(
    lambda blocks: clean("\n\n".join(blocks), "Tides").text
)
REPEATED = repeated(
    [line_hashes("\n\n".join([PROMOTION, GREETING, "Ada", "For example:", own(n)])) for n in (4, 5, 6)]
)


@given(DOCUMENTS)
def test_twice_is_once(text):
    once = without_furniture(text, REPEATED)
    assert without_furniture(once, REPEATED) == once
    assert clean(once, "Tides").text == once


@given(DOCUMENTS)
def test_nothing_is_added_and_no_code_is_lost(text):
    after = without_furniture(text, REPEATED)
    left = iter(text.split("\n"))
    assert all(line in left for line in after.split("\n") if line)
    still = iter(line.text for line in lines(after) if line.code)
    assert all(line.text in still for line in lines(text) if line.code)


@given(DOCUMENTS)
def test_without_repeated_lines_nothing_changes(text):
    assert without_furniture(text, frozenset()) == text
