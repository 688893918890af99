import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.contracts import CLEANED_DOCUMENTS, RAW_DOCUMENTS, conform, content_hash, empty
from llm_twin_assets.documents.cleaning import clean, clean_documents

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


def test_a_cleaned_row_keeps_what_is_known_of_its_document(raw):
    before = raw({"text": "One.\n\n\nTwo.", "title": "A", "published_at": "2024-01-01", "uri": "https://a/b"})
    (row,) = clean_documents(before, empty(CLEANED_DOCUMENTS)).rows.itertuples()
    assert (row.text, row.content_hash) == ("One.\n\nTwo.", content_hash("One.\n\nTwo."))
    assert (row.title, row.uri, row.published_at) == ("A", "https://a/b", "2024-01-01")
    assert (row.split, row.cluster_id) == ("train", row.document_id)


def test_what_was_furniture_only_is_rejected(raw):
    menu = "Share this post\n\nCopy link\n\nFacebook\n\nEmail\n\nOther\n"
    table = clean_documents(raw({"text": menu, "uri": "https://a/b"}, {}), empty(CLEANED_DOCUMENTS))
    assert len(table.rows) == 1
    assert table.rejected["reason"].tolist() == ["nothing_left_after_cleaning"]
    assert "https://a/b" in table.rejected["detail"][0]


def marked(rows):
    """Rows whose texts tell that nobody cleaned the document again."""
    return conform(rows.assign(text="kept"), CLEANED_DOCUMENTS)


def texts(table):
    return dict(zip(table.rows["uri"], table.rows["text"], strict=True))


def test_only_what_changed_is_cleaned(raw):
    first = clean_documents(raw({"text": "Same."}, {"text": "Old."}), empty(CLEANED_DOCUMENTS))
    changed = raw({"text": "Same."}, {"text": "New."}, {"text": "Added."})
    second = clean_documents(changed, marked(first.rows))
    assert texts(second) == {"file:0.md": "kept", "file:1.md": "New.", "file:2.md": "Added."}
    assert [second.metadata[f"{how}_documents"] for how in ("reused", "computed")] == [1, 2]


@pytest.mark.parametrize("field", ["title", "author", "published_at", "kind"])
def test_a_change_of_what_is_known_is_a_change(raw, field):
    first = clean_documents(raw({"text": "Same."}), empty(CLEANED_DOCUMENTS))
    second = clean_documents(raw({"text": "Same.", field: "2020-01-01"}), marked(first.rows))
    assert second.rows[field].tolist() == ["2020-01-01"]
    assert texts(second) == {"file:0.md": "Same."}


def test_a_vanished_document_is_gone(raw):
    first = clean_documents(raw({}, {}), empty(CLEANED_DOCUMENTS))
    assert len(clean_documents(raw({}), first.rows).rows) == 1


def test_numbers_of_splits_and_authors(raw):
    documents = [
        {"text": "one two three", "author": "Ada", "published_at": f"2024-01-{n:02d}"} for n in range(1, 7)
    ]
    given = [document | {"text": f"{document['text']} {n}"} for n, document in enumerate(documents)]
    table = clean_documents(raw(*given, {"text": "five", "author": "Grace"}), empty(CLEANED_DOCUMENTS))
    numbers = table.metadata
    assert [numbers[f"documents/{split}"] for split in ("train", "validation", "test")] == [4, 1, 2]
    assert [numbers[f"words/{split}"] for split in ("train", "validation", "test")] == [13, 4, 8]
    assert {name: (of["documents"], of["train_words"]) for name, of in numbers["authors"].items()} == {
        "Ada": (6, 12),
        "Grace": (1, 1),
    }


def test_the_train_hash_follows_the_train_split_only(raw):
    base = [{"text": f"text {n}", "published_at": f"2024-01-0{n}"} for n in range(1, 6)]

    def train_hash(documents):
        table = clean_documents(raw(*documents), empty(CLEANED_DOCUMENTS))
        return table.metadata["authors"]["Ada"]["train_hash"]

    assert train_hash(base) == train_hash(list(base))
    assert train_hash([*base[:4], base[4] | {"text": "other"}]) == train_hash(base)
    assert train_hash([base[0] | {"text": "other"}, *base[1:]]) != train_hash(base)


def test_no_document_at_all(raw):
    table = clean_documents(empty(RAW_DOCUMENTS), empty(CLEANED_DOCUMENTS))
    assert len(table.rows) == 0
    assert table.metadata["authors"] == {}
