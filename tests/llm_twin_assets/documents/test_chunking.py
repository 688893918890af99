import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_twin_assets.contracts import CHUNKS, CLEANED_DOCUMENTS, chunk_id, conform, content_hash, empty
from llm_twin_assets.documents.chunking import MAX_CHARACTERS, MAX_TOKENS, Chunker, chunk_documents
from llm_twin_assets.documents.preparing import clean_documents
from llm_twin_assets.documents.rules import Rules
from llm_twin_assets.sources.markdown import headings

SENTENCE = "The water leaves the harbour twice a day, and nobody's boat – not even “his” – stays afloat. "
LONG = (SENTENCE * 14).strip()


@pytest.fixture(scope="session")
def chunker(tokenizer):
    return Chunker(tokenizer)


@pytest.fixture
def cleaned(raw):
    def _cleaned(*texts, **about):
        given = [about | {"text": text} for text in texts]
        return clean_documents(raw(*given), empty(CLEANED_DOCUMENTS), Rules()).rows

    return _cleaned


@pytest.fixture
def chunks(cleaned, tokenizer):
    def _chunks(*texts, **about):
        return chunk_documents(cleaned(*texts, **about), empty(CHUNKS), tokenizer).rows

    return _chunks


_BLOCKS = [
    LONG,
    SENTENCE,
    "# One",
    "## Two",
    "### Three",
    "Under\n=====",
    "```\n# code\n```",
    "- item\n- item",
]
_PIECES = st.sampled_from([*_BLOCKS, "x" * 3000, "漢字" * 150, "é\u0301🧑‍🚀"])
TEXTS = st.lists(_PIECES, min_size=1, max_size=8).map("\n\n".join) | st.text(min_size=1, max_size=400)


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_chunks_stand_at_their_offsets_and_cover_the_text(chunker, text):
    last = 0
    for start, end in chunker.spans(text):
        assert not text[last:start].strip()
        assert start < end
        assert text[start:end].strip()
        assert chunker.count(text[start:end]) <= MAX_TOKENS
        assert end - start <= MAX_CHARACTERS
        last = end
    assert not text[last:].strip()


@pytest.mark.parametrize(
    "text",
    [
        "a" * 9000,
        "a.b" * 2000,
        "漢字" * 2000,
        "🔥" * 3000,
        "QUJD+/" * 1500,
        "'" * 3000,
        "\u0301" * 3000,
        "w " * 5000,
    ],
)
def test_no_chunk_is_above_the_limit_without_a_place_to_cut(chunker, text):
    spans = chunker.spans(text)
    assert max(chunker.counts([text[start:end] for start, end in spans])) <= MAX_TOKENS
    assert max(end - start for start, end in spans) <= MAX_CHARACTERS


def test_a_tokenizer_that_cut_or_padded_would_be_noticed(chunker):
    assert chunker.count("word " * 1000) == 1000
    assert chunker.count("word") == 1


def test_a_smaller_limit_holds_too(tokenizer):
    chunker = Chunker(tokenizer, 30)
    spans = chunker.spans(f"# A heading\n\n{LONG}")
    assert max(chunker.count(LONG[start:end]) for start, end in spans) <= 30
    assert len(spans) > 10


def test_rows_tell_where_they_come_from(chunks):
    rows = chunks(
        f"{LONG}\n\n{LONG}", title="T", uri="https://a/b", published_at="2024-01-01", platform="blog"
    )
    assert rows["ordinal"].tolist() == list(range(len(rows)))
    assert set(rows["content_hash"]) == {content_hash(f"{LONG}\n\n{LONG}")}
    first = rows.iloc[0]
    about = (
        first["title"],
        first["author"],
        first["uri"],
        first["platform"],
        first["kind"],
        first["published_at"],
    )
    assert about == ("T", "Ada", "https://a/b", "blog", "article", "2024-01-01")


def test_the_same_text_twice_has_two_ids(chunks):
    rows = chunks(f"{LONG}\n\n# Again\n\n{LONG}", f"{LONG}")
    repeated = rows[rows.duplicated(["document_id", "text"], keep=False)]
    assert len(repeated) > 0
    assert rows["chunk_id"].is_unique
    second = repeated.iloc[-1]
    assert second["chunk_id"] == chunk_id(second["document_id"], second["text"], 1)


def test_an_untouched_paragraph_keeps_its_id(chunks):
    section = f"# Tides\n\n{(SENTENCE * 6).strip()}"
    other = f"# Other\n\n{LONG}"
    before, after = chunks(f"{other}\n\n{section}"), chunks(f"{other} More.\n\n{section}")
    assert before.iloc[-1]["text"] == section
    assert before.iloc[-1]["chunk_id"] == after.iloc[-1]["chunk_id"]
    assert set(before["chunk_id"]) != set(after["chunk_id"])


def paths(rows):
    return dict.fromkeys(rows["heading_path"])


def test_the_path_names_the_headings_above(chunks):
    parts = [LONG, "# One", LONG, "## **Two**", LONG, "#### Four", LONG, "## Other", LONG, "# Last", LONG]
    rows = chunks("\n\n".join(parts))
    expected = ["", "One", "One > Two", "One > Two > Four", "One > Other", "Last"]
    assert list(paths(rows)) == expected


def test_a_heading_in_code_is_none(chunks):
    rows = chunks(f"# One\n\n```sh\n# not a heading\n```\n\n{LONG}\n\n    # neither this\n\n{LONG}")
    assert list(paths(rows)) == ["One"]


def test_underlined_and_empty_headings(chunks):
    assert list(paths(chunks(f"Title\n=====\n\n{LONG}\n\nPart\n----\n\n{LONG}"))) == ["Title", "Title > Part"]
    assert list(paths(chunks(f"#\n\n{LONG}\n\n# One\n\n##\n\n{LONG}"))) == ["", "One"]


def test_the_path_is_that_of_the_first_words(chunks):
    (row,) = chunks("# One\n\n## Two\n\nShort text.").itertuples()
    assert row.heading_path == "One > Two"
    (row,) = chunks("Before.\n\n# One\n\nShort text.").itertuples()
    assert row.heading_path == ""


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.sampled_from([LONG, SENTENCE.strip(), "# One", "## Two", "### Three"]), min_size=2, max_size=9
    )
)
def test_no_heading_stands_alone_before_a_text(chunker, parts):
    text = "\n\n".join([*parts, LONG])
    chunks = [text[start:end].split("\n") for start, end in chunker.spans(text)]
    assert not [chunk for chunk in chunks if chunk[-1].startswith("#")]


@pytest.mark.parametrize(
    "body", ["x" * 2000, "漢字" * 400, f"- {LONG}\n- {LONG}", f"```\n{LONG}\n{LONG}\n```"]
)
def test_a_heading_goes_with_whatever_follows(chunker, body):
    text = f"{LONG}\n\n## A heading of some words\n\n{body}"
    alone = [text[start:end] for start, end in chunker.spans(text) if text[start:end].startswith("## ")]
    assert alone
    assert all("\n" in chunk for chunk in alone)


def test_what_cannot_be_avoided_is_allowed(chunker):
    text = f"{LONG}\n\n# Last heading"
    assert chunker.spans(text)[-1][1] == len(text)
    long_heading = "# " + "very " * 300
    assert (
        max(chunker.count(long_heading[start:end]) for start, end in chunker.spans(long_heading))
        <= MAX_TOKENS
    )
    assert headings(long_heading)


def marked(rows):
    """Chunks whose paths tell that nobody cut the document again."""
    return conform(rows.assign(heading_path="kept"), CHUNKS)


def test_only_what_changed_is_cut_again(cleaned, chunks, tokenizer):
    before = chunks(LONG, SENTENCE)
    table = chunk_documents(cleaned(LONG, "Another text than before.", "New."), marked(before), tokenizer)
    kept = table.rows[table.rows["heading_path"] == "kept"]
    assert set(kept["uri"]) == {"file:0.md"}
    assert [table.metadata[f"{how}_documents"] for how in ("reused", "computed")] == [1, 2]


def test_a_reused_chunk_says_what_is_known_today(cleaned, chunks, tokenizer):
    before = chunks(LONG, title="Old")
    rows = chunk_documents(cleaned(LONG, title="New"), marked(before), tokenizer).rows
    assert set(rows["title"]) == {"New"}
    assert set(rows["heading_path"]) == {"kept"}


def test_step_by_step_is_the_same_as_from_nothing(cleaned, chunks, tokenizer):
    before = chunks(LONG, SENTENCE, "Gone.")
    now = cleaned(f"# New\n\n{LONG}", SENTENCE)
    step = chunk_documents(now, before, tokenizer).rows
    assert step.equals(chunk_documents(now, empty(CHUNKS), tokenizer).rows)


def test_no_document_at_all(tokenizer):
    assert len(chunk_documents(empty(CLEANED_DOCUMENTS), empty(CHUNKS), tokenizer).rows) == 0
