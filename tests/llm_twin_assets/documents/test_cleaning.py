import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.documents.cleaning import clean

# Blocks with nothing wrong in them: what an author may write, and no cleaner may touch.
BLOCKS = [
    "It’s “quoted” – and 'straight' — isn't it?  Two spaces stay; so does an ellipsis… or two...",
    "«Guillemets», ‹single›, „low“ and ´accents`; naïve café, Ångström, ﬁne ligatures, ｆｕｌｌ width.",
    "She'd've known: rock 'n' roll, the '90s, o'clock — the dogs' bowl & the cat’s.",
    "# A heading with “quotes” – and a dash",
    "### 1. A *slanted* heading",
    "- an item\n- another – with a dash\n  - a nested one\n  its continuation",
    "1. first\n2. second",
    "> A quotation,\n> line by line —\n> as it was.",
    "| a | b |\n|---|---|\n| 1 | “two” |",
    "```python\ndef f(x):\n    # a comment\n\n\n    return {'a': \"b\"} if x else None\n```",
    "    indented = 'code'\n\n    more = indented  # with a blank line above",
    "A forced break  \nstays, and so does this\\\none.",
    "Roses are red,\nViolets are blue.",
    "Final sentence with https://example.org/a_b?c=d&e=f and `inline -- code`.",
    "𝗕𝗼𝗹𝗱 letters, emoji 🧑‍🚀 and 中文。",
    "* * *",
]
DOCUMENTS = st.lists(st.sampled_from(BLOCKS), min_size=1, max_size=12).map("\n\n".join)


@given(DOCUMENTS)
def test_a_text_with_nothing_wrong_comes_back_as_it_is(text):
    assert clean(text, "Title").text == text


MARKS = "’‘“”„«»–—…'\"`-"


@given(st.text(st.sampled_from(MARKS + "ab c.\n"), max_size=80))
def test_no_mark_and_no_word_is_lost(text):
    cleaned = clean(text, "Title").text
    assert [letter for letter in cleaned if letter in MARKS] == [letter for letter in text if letter in MARKS]
    assert "".join(cleaned.split()) == "".join(text.split())


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_cleaning_twice_is_cleaning_once(text):
    once = clean(text, "Title").text
    assert clean(once, "Title").text == once


@given(st.lists(st.sampled_from(BLOCKS), min_size=2, max_size=6), st.integers(2, 5))
def test_paragraphs_stay_apart_by_one_empty_line(blocks, gap):
    spread = ("\n" * gap).join(blocks)
    cleaned = clean(f"\n\n{spread}\n \t\n", "Title").text
    between_code = any("    indented" in a or "```" in a for a in blocks)
    assert between_code or cleaned == "\n\n".join(blocks)


@pytest.mark.parametrize(
    ("faulty", "mended"),
    [
        ("One\r\n\r\ntwo\rthree.", "One\n\ntwo\nthree."),
        ("cafe\u0301", "café"),
        ("one\u2028two", "one\ntwo"),
        ("\ufeffone\u0000two", "onetwo"),
        ("doesnâ€™t", "doesn’t"),
        ("&lt;p&gt; &amp; stay", "&lt;p&gt; &amp; stay"),
        ("One.\n\n\n\n  \n\nTwo.", "One.\n\nTwo."),
        ("    code = 1\n\n\n    more = 2\n\n\n\nText.", "    code = 1\n\n\n    more = 2\n\nText."),
        ("Text.\n   \n```\n\n\ncode\n```\n\n", "Text.\n\n```\n\n\ncode\n```"),
    ],
)
def test_named_faults_are_mended(faulty, mended):
    cleaned = clean(faulty, "Title").text
    assert cleaned == mended
    assert unicodedata.is_normalized("NFC", cleaned)
