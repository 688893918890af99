import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_twin_assets.contracts import CHUNKS
from llm_twin_assets.retrieval.embedding import (
    build_index,
    chunk_terms,
    embedded_text,
    entries,
    holds_chunks,
    indexed_text,
    placed,
    space,
    surroundings,
    wording,
)
from resources.edge_store import EdgeStore
from resources.store import Table
from resources.terms import query_terms
from resources.vector_store import EMBEDDED
from tests.llm_twin_assets.retrieval.words import WordEmbedder, chunk_row, chunk_table, pages

EMBEDDER = WordEmbedder()
TOKENIZER = EMBEDDER.tokenizer()


def embedded(title="Title", heading_path="A > B", text="words", window=256):
    row = {"title": title, "heading_path": heading_path, "text": text}
    return embedded_text(row, TOKENIZER, window)


def test_title_and_headings_stand_before_the_text():
    assert embedded() == "Title\nA > B\nwords"
    assert embedded(heading_path="") == "Title\nwords"
    assert embedded(title="", heading_path="") == "words"


def test_a_title_that_is_the_first_heading_stands_there_once():
    assert embedded(title="A") == "A > B\nwords"
    assert embedded(title="A", heading_path="A") == "A\nwords"
    assert embedded(title="A", heading_path="And > B") == "A\nAnd > B\nwords"


def test_the_headings_give_way_before_the_text_does():
    text = "harbour " * 250
    assert embedded(text=text) == f"Title\nA > B\n{text}"
    one_left = "harbour " * 253
    assert embedded(text=one_left) == f"Title\n{one_left}"
    full = "harbour " * 254
    assert embedded(text=full) == full
    assert embedded(text=full + "and more") == full.strip()


@settings(deadline=None)
@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=200), st.integers(3, 40))
def test_whatever_the_text_it_fits_the_window(title, path, text, window):
    made = embedded(title, path, text, window)
    assert len(TOKENIZER.encode(made).ids) <= window


def test_exactly_the_columns_that_the_stores_compare_are_embedded():
    row = chunk_row("d", 0, "A > B", "some words")
    changed = {column for column in CHUNKS.columns if _text(row | {column: "other"}) != _text(row)}
    assert changed | {"around"} == set(EMBEDDED)


def test_what_stands_around_a_chunk_is_part_of_its_terms_and_of_what_is_compared():
    rows = pages("glue")
    around = surroundings(rows)
    assert around[rows[0]["chunk_id"]] == ("", rows[1]["text"])
    assert around[rows[1]["chunk_id"]] == (rows[0]["text"], rows[2]["text"])
    assert around[rows[-1]["chunk_id"]] == (rows[-2]["text"], "")
    other = [*rows[:1], rows[1] | {"text": "nothing alike"}, *rows[2:]]
    hashes = [row["around"] for row in placed(rows, around)]
    assert [
        position
        for position, row in enumerate(placed(other, surroundings(other)))
        if row["around"] != hashes[position]
    ] == [0, 2]
    assert around == surroundings(rows[::-1])


def test_a_chunks_own_words_weigh_more_than_its_neighbours():
    rows = [chunk_row("d", 0, "", "alpha"), chunk_row("d", 1, "", "bravo"), chunk_row("e", 0, "", "gamma")]
    made = chunk_terms(rows[0], surroundings(rows))
    weights = dict(zip(made.indices, made.weights, strict=True))
    own, beside, far = (query_terms(word).indices[0] for word in ("alpha", "bravo", "gamma"))
    assert weights[own] > weights[beside] > 0
    assert far not in weights


def _text(row):
    return embedded_text(row, TOKENIZER, 256)


def test_progress_is_told_every_tenth_and_the_order_stays():
    chunks, said = pages(*(f"topic{n}" for n in range(20))), []
    made = entries(Slow(), chunks, surroundings(chunks), said.append)
    assert said == [f"embedded {n} of 120 chunks" for n in range(12, 121, 12)]
    last = EMBEDDER.encode([_text(chunks[-1])])
    assert made.vectors.shape == (120, 64)
    assert (made.vectors[-1] == last[0]).all()


class Slow(WordEmbedder):
    """Tells of every single text."""

    def encode(self, texts, progress=None):
        for done in range(1, len(texts) + 1):
            progress(done)
        return super().encode(texts)


def test_terms_are_those_of_the_whole_chunk_and_its_headings():
    long = chunk_row("harbour", 0, "Deep water", "tide " * 300 + "lighthouse")
    made = entries(EMBEDDER, [long], surroundings([long]), print)
    for word in ("harbour", "deep", "lighthouse"):
        assert set(wording(word, made.vectors[0]).terms.indices) <= set(made.terms[0].indices)
    assert indexed_text(long).startswith("harbour\nDeep water\ntide")


def test_a_few_chunks_are_embedded_at_once_and_none_at_all_not():
    embedder, said, glue = WordEmbedder(), [], pages("glue")
    assert entries(embedder, glue, surroundings(glue), said.append).vectors.shape == (6, 64)
    assert said[-1] == "embedded 6 of 6 chunks"
    told = len(said)
    assert entries(embedder, [], {}, said.append).vectors.shape == (0, 64)
    assert len(said) == told


def test_another_model_is_another_space():
    assert space(WordEmbedder()) == space(WordEmbedder()) != space(WordEmbedder("words@2"))


@pytest.fixture
def vectors(tmp_path):
    return EdgeStore(tmp_path / "home")


def test_a_built_index_is_reported_and_stands(store, vectors):
    frame = chunk_table(*pages("glue", "bread"))
    store.materialize("cleaned_chunks", "1", lambda: Table(frame))
    content, numbers = build_index(frame, EMBEDDER, vectors, print)
    assert (content["count"], content["model_id"]) == (12, space(EMBEDDER))
    assert numbers == {"dagster/row_count": 12, "embedded": 12, "deleted": 0}
    store.materialize_report("chunk_embeddings", "1", lambda: (content, numbers))
    assert holds_chunks(store, vectors)
    asked = [wording("glue grow", EMBEDDER.encode(["glue grow"])[0])]
    hit = vectors.search(content["index_id"], asked, 1)[0]
    assert hit.payload["published_at"] is None
    rows = pages("glue")
    assert hit.payload == next(
        row for row in placed(rows, surroundings(rows)) if row["chunk_id"] == hit.chunk_id
    )


def test_an_index_that_is_gone_or_holds_other_chunks_does_not_stand(store, vectors, tmp_path):
    frame = chunk_table(*pages("glue"))
    store.materialize("cleaned_chunks", "1", lambda: Table(frame))
    content, numbers = build_index(frame, EMBEDDER, vectors, print)
    store.materialize_report("chunk_embeddings", "1", lambda: (content, numbers))
    assert not holds_chunks(store, EdgeStore(tmp_path / "another home"))
    store.materialize("cleaned_chunks", "2", lambda: Table(chunk_table(*pages("bread"))))
    assert not holds_chunks(store, vectors)
