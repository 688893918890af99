"""One suite for every vector store: Edge, the client's memory, and a server where one is named."""

import numpy as np
import pytest

from resources.edge_store import EdgeStore
from resources.qdrant_store import QdrantStore
from resources.settings import Settings
from resources.vector_store import Entries, UnknownIndex, WrongVectors, build_vector_store
from tests.resources.vector_corpus import (
    KINDS,
    MODEL,
    Embedding,
    asks,
    chunk,
    drop,
    ids_of,
    make,
    vector,
)

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect")


@pytest.fixture(params=KINDS)
def vectors(request, tmp_path):
    made = make(request.param, tmp_path / "home")
    yield made
    drop(made)


@pytest.fixture
def embed():
    return Embedding()


def test_an_index_holds_exactly_the_chunks_and_finds_the_nearest_first(vectors, embed):
    chunks = [chunk(f"text {n}", published_at="2026-01-05", ordinal=n) for n in range(30)]
    made = vectors.sync(chunks, MODEL, embed)
    assert (made.count, made.embedded, made.deleted, made.model_id) == (30, 30, 0, MODEL)
    assert vectors.ids(made.index_id) == ids_of(chunks)
    assert vectors.count(made.index_id) == 30
    assert vectors.model(made.index_id) == MODEL
    hits = vectors.search(made.index_id, asks("text 7"), 5)
    assert len(hits) == 5
    assert hits[0].payload == chunks[7]
    assert hits[0].chunk_id == chunks[7]["chunk_id"]
    assert hits[0].scores["dense"] == pytest.approx(1.0, abs=1e-5)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_a_document_is_found_in_every_index_that_holds_it(vectors, embed):
    kept, gone = chunk("a", document_id="kept"), chunk("b", document_id="gone")
    first = vectors.sync([kept, gone], MODEL, embed)
    vectors.publish(first.index_id)
    assert vectors.holding("gone") == vectors.holding("kept") == [first.index_id]
    second = vectors.sync([kept], MODEL, embed)
    vectors.publish(second.index_id)
    assert vectors.holding("gone") == []
    assert vectors.holding("kept") == [second.index_id]


def test_only_what_the_newest_index_lacks_is_embedded_and_what_is_gone_is_deleted(vectors, embed):
    first = vectors.sync([chunk("a"), chunk("b"), chunk("c")], MODEL, embed)
    vectors.publish(first.index_id)
    embed.texts.clear()
    second = vectors.sync([chunk("b"), chunk("c"), chunk("d")], MODEL, embed)
    assert embed.texts == ["d"]
    assert (second.count, second.embedded, second.deleted) == (3, 1, 1)
    assert vectors.ids(second.index_id) == ids_of([chunk("b"), chunk("c"), chunk("d")])
    hits = vectors.search(second.index_id, asks("a"), 10)
    assert {hit.payload["text"] for hit in hits} == {"b", "c", "d"}
    assert vectors.search(second.index_id, asks("b"), 1)[0].scores["dense"] == pytest.approx(1.0, abs=1e-5)


def test_the_same_chunks_in_another_order_are_the_same_index_and_nothing_is_done(vectors, embed):
    chunks = [chunk("a"), chunk("b")]
    first = vectors.sync(chunks, MODEL, embed)
    embed.texts.clear()
    again = vectors.sync(chunks[::-1], MODEL, embed)
    assert (again.index_id, again.embedded, again.deleted) == (first.index_id, 0, 0)
    assert embed.texts == []


def test_a_chunk_that_only_moved_keeps_its_vector_and_gets_its_new_columns(vectors, embed):
    first = vectors.sync([chunk("the a1"), chunk("the b1")], MODEL, embed)
    embed.texts.clear()
    moved = chunk("the a1", start=100, end=101, published_at="2026-02-01")
    second = vectors.sync([moved, chunk("the b1")], MODEL, embed)
    assert embed.texts == []
    assert second.embedded == 0
    assert second.index_id != first.index_id
    hit = vectors.search(second.index_id, asks("the a1"), 1)[0]
    assert (hit.payload, hit.scores["dense"]) == (moved, pytest.approx(1.0, abs=1e-5))
    # Its terms are kept as well: of two texts, the one with the word.
    assert [one.payload for one in vectors.search(second.index_id, asks("a1"), 2, retriever="sparse")] == [
        moved
    ]
    assert vectors.count(second.index_id) == 2


@pytest.mark.parametrize("column", ["title", "heading_path"])
def test_a_chunk_under_another_heading_is_embedded_anew(vectors, embed, column):
    vectors.sync([chunk("a"), chunk("b")], MODEL, embed)
    embed.texts.clear()
    renamed = chunk("a", **{column: "Renamed"})
    made = vectors.sync([renamed, chunk("b")], MODEL, embed)
    assert embed.texts == ["a"]
    new = vector(renamed["title"] + renamed["heading_path"] + "a")
    np.testing.assert_allclose(
        vectors.vectors(made.index_id, [renamed["chunk_id"]])[renamed["chunk_id"]], new, atol=1e-6
    )


def test_another_model_makes_an_index_of_its_own_and_the_live_one_stays(vectors, embed):
    first = vectors.sync([chunk("a")], MODEL, embed)
    vectors.publish(first.index_id)
    second = vectors.sync([chunk("a")], "other@2", embed)
    assert second.embedded == 1
    assert second.index_id != first.index_id
    assert (vectors.model(second.index_id), vectors.model(first.index_id)) == ("other@2", MODEL)
    assert vectors.live() == first.index_id
    vectors.publish(second.index_id)
    assert vectors.live() == second.index_id


def test_nothing_is_live_before_the_first_publication(vectors, embed):
    assert vectors.live() is None
    made = vectors.sync([chunk("a")], MODEL, embed)
    assert vectors.live() is None
    vectors.publish(made.index_id)
    assert vectors.live() == made.index_id
    vectors.publish(made.index_id)
    assert vectors.live() == made.index_id


@pytest.mark.parametrize("ask", ["publish", "ids", "count", "model"])
def test_an_index_that_is_not_there_is_named(vectors, ask):
    with pytest.raises(UnknownIndex, match="no index nope"):
        getattr(vectors, ask)("nope")
    with pytest.raises(UnknownIndex, match="no index nope"):
        vectors.search("nope", asks("a"), 3)


def test_an_index_stays_searchable_while_a_reader_still_has_it(vectors, embed):
    first = vectors.sync([chunk("a", document="d1"), chunk("b", document="d2")], MODEL, embed)
    vectors.publish(first.index_id)
    assert vectors.search(first.index_id, asks("a"), 1)
    second = vectors.sync([chunk("b", document="d2")], MODEL, embed)
    vectors.publish(second.index_id)
    assert vectors.search(first.index_id, asks("b"), 1)[0].payload["text"] == "b"
    with pytest.raises(UnknownIndex):
        vectors.ids(first.index_id)


def test_an_index_without_a_chunk_can_be_made_searched_and_filled(vectors, embed):
    empty = vectors.sync([], MODEL, embed)
    assert (empty.count, vectors.count(empty.index_id)) == (0, 0)
    assert vectors.search(empty.index_id, asks("a"), 3) == []
    full = vectors.sync([chunk("a")], MODEL, embed)
    assert vectors.count(full.index_id) == 1
    emptied = vectors.sync([], MODEL, embed)
    assert emptied.index_id == empty.index_id
    assert vectors.count(emptied.index_id) == 0


def test_a_failed_embedding_leaves_what_was_there(vectors, embed):
    first = vectors.sync([chunk("a")], MODEL, embed)
    vectors.publish(first.index_id)

    def breaks(chunks):
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        vectors.sync([chunk("b")], MODEL, breaks)
    assert vectors.live() == first.index_id
    assert vectors.ids(first.index_id) == ids_of([chunk("a")])
    assert vectors.sync([chunk("b")], MODEL, embed).embedded == 1


def test_a_vector_too_few_is_an_error_and_not_a_shift(vectors, embed):
    def one_too_few(chunks):
        made = embed(chunks)
        return Entries(made.vectors[:1], made.terms)

    with pytest.raises(ValueError, match="2 chunks were to be embedded, but 1 vectors"):
        vectors.sync([chunk("a"), chunk("b")], MODEL, one_too_few)


def test_vectors_of_another_length_are_told_before_anything_is_written(vectors, embed):
    first = vectors.sync([chunk("a")], MODEL, embed)
    vectors.publish(first.index_id)

    def shorter(chunks):
        made = embed(chunks)
        return Entries(made.vectors[:, :5], made.terms)

    with pytest.raises(WrongVectors, match="vectors of 16 numbers") as told:
        vectors.sync([chunk("a"), chunk("b")], MODEL, shorter)
    assert MODEL in str(told.value)
    assert " 5" in str(told.value)
    assert vectors.live() == first.index_id
    assert vectors.ids(first.index_id) == ids_of([chunk("a")])
    assert vectors.sync([chunk("a"), chunk("b")], MODEL, embed).embedded == 1


def test_an_index_is_dropped_unless_it_is_live(vectors, embed):
    kept = vectors.sync([chunk("a", document="d1")], "one@1", embed).index_id
    vectors.publish(kept)
    other = vectors.sync([chunk("b", document="d2")], "two@1", embed).index_id
    assert vectors.search(other, asks("b"), 1)
    with pytest.raises(ValueError, match=f"{kept} is live"):
        vectors.drop(kept)
    vectors.drop(other)
    vectors.drop(other)
    vectors.drop("never there")
    assert vectors.holding("d2") == []
    for ask in (vectors.ids, vectors.model, lambda index_id: vectors.search(index_id, asks("b"), 1)):
        with pytest.raises(UnknownIndex):
            ask(other)
    assert vectors.live() == kept
    assert vectors.search(kept, asks("a"), 1)[0].payload["text"] == "a"


def test_a_closed_store_opens_again_when_it_is_used(tmp_path, embed):
    store = EdgeStore(tmp_path)
    made = store.sync([chunk("a")], MODEL, embed)
    store.search(made.index_id, asks("a"), 1)
    store.close()
    assert store.search(made.index_id, asks("a"), 1)


def test_settings_choose_the_store(tmp_path):
    assert isinstance(build_vector_store(Settings(home=tmp_path)), EdgeStore)
    server = build_vector_store(Settings(home=tmp_path, QDRANT_URL="http://127.0.0.1:9"))
    assert isinstance(server, QdrantStore)
    assert list(tmp_path.iterdir()) == [], "a constructor wrote something"
