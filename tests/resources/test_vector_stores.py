"""One suite for every vector store: Edge, the client's memory, and a server where one is named."""

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.edge_store import EdgeStore
from resources.qdrant_store import QdrantStore
from resources.settings import Settings
from resources.vector_store import Mark, UnknownIndex, build_vector_store, changes, index_id, mark
from tests.resources.vector_corpus import (
    KINDS,
    MODEL,
    Embedding,
    chunk,
    drop,
    ids_of,
    make,
    vector,
    words_of,
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
    hits = vectors.search(made.index_id, words_of("text 7"), 5)
    assert len(hits) == 5
    assert hits[0].payload == chunks[7]
    assert hits[0].chunk_id == chunks[7]["chunk_id"]
    assert hits[0].score == pytest.approx(1.0, abs=1e-5)
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


def test_scores_are_cosines(vectors, embed):
    made = vectors.sync([chunk("a"), chunk("b")], MODEL, embed)
    scores = {hit.payload["text"]: hit.score for hit in vectors.search(made.index_id, words_of("a"), 2)}
    assert scores["b"] == pytest.approx(float(words_of("a") @ words_of("b")), abs=1e-4)


def test_only_what_the_newest_index_lacks_is_embedded_and_what_is_gone_is_deleted(vectors, embed):
    first = vectors.sync([chunk("a"), chunk("b"), chunk("c")], MODEL, embed)
    vectors.publish(first.index_id)
    embed.texts.clear()
    second = vectors.sync([chunk("b"), chunk("c"), chunk("d")], MODEL, embed)
    assert embed.texts == ["d"]
    assert (second.count, second.embedded, second.deleted) == (3, 1, 1)
    assert vectors.ids(second.index_id) == ids_of([chunk("b"), chunk("c"), chunk("d")])
    hits = vectors.search(second.index_id, words_of("a"), 10)
    assert {hit.payload["text"] for hit in hits} == {"b", "c", "d"}
    assert vectors.search(second.index_id, words_of("b"), 1)[0].score == pytest.approx(1.0, abs=1e-5)


def test_the_same_chunks_in_another_order_are_the_same_index_and_nothing_is_done(vectors, embed):
    chunks = [chunk("a"), chunk("b")]
    first = vectors.sync(chunks, MODEL, embed)
    embed.texts.clear()
    again = vectors.sync(chunks[::-1], MODEL, embed)
    assert (again.index_id, again.embedded, again.deleted) == (first.index_id, 0, 0)
    assert embed.texts == []


def test_a_chunk_that_only_moved_keeps_its_vector_and_gets_its_new_columns(vectors, embed):
    first = vectors.sync([chunk("a"), chunk("b")], MODEL, embed)
    embed.texts.clear()
    moved = chunk("a", start=100, end=101, published_at="2026-02-01")
    second = vectors.sync([moved, chunk("b")], MODEL, embed)
    assert embed.texts == []
    assert second.embedded == 0
    assert second.index_id != first.index_id
    hit = vectors.search(second.index_id, words_of("a"), 1)[0]
    assert (hit.payload, hit.score) == (moved, pytest.approx(1.0, abs=1e-5))
    assert vectors.count(second.index_id) == 2


@pytest.mark.parametrize("column", ["title", "heading_path"])
def test_a_chunk_under_another_heading_is_embedded_anew(vectors, embed, column):
    vectors.sync([chunk("a"), chunk("b")], MODEL, embed)
    embed.texts.clear()
    renamed = chunk("a", **{column: "Renamed"})
    made = vectors.sync([renamed, chunk("b")], MODEL, embed)
    assert embed.texts == ["a"]
    new = vector(renamed["title"] + renamed["heading_path"] + "a")
    assert vectors.search(made.index_id, new, 1)[0].score == pytest.approx(1.0, abs=1e-5)


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
        vectors.search("nope", words_of("a"), 3)


def test_an_index_stays_searchable_while_a_reader_still_has_it(vectors, embed):
    first = vectors.sync([chunk("a", document="d1"), chunk("b", document="d2")], MODEL, embed)
    vectors.publish(first.index_id)
    assert vectors.search(first.index_id, words_of("a"), 1)
    second = vectors.sync([chunk("b", document="d2")], MODEL, embed)
    vectors.publish(second.index_id)
    assert vectors.search(first.index_id, words_of("b"), 1)[0].payload["text"] == "b"
    with pytest.raises(UnknownIndex):
        vectors.ids(first.index_id)


def test_an_index_without_a_chunk_can_be_made_searched_and_filled(vectors, embed):
    empty = vectors.sync([], MODEL, embed)
    assert (empty.count, vectors.count(empty.index_id)) == (0, 0)
    assert vectors.search(empty.index_id, words_of("a"), 3) == []
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
    with pytest.raises(ValueError, match="2 chunks were to be embedded, but 1 vectors"):
        vectors.sync([chunk("a"), chunk("b")], MODEL, lambda chunks: embed(chunks)[:1])


def test_many_threads_may_search_at_once(vectors, embed):
    chunks = [chunk(f"text {n}", author=f"author {n % 3}") for n in range(60)]
    made = vectors.sync(chunks, MODEL, embed)
    wrong, start = [], threading.Barrier(8)

    def ask(first):
        start.wait()
        for n in range(first, 60, 8):
            hits = vectors.search(made.index_id, words_of(f"text {n}"), 3, author=f"author {n % 3}")
            if hits[0].payload != chunks[n]:
                wrong.append(n)

    threads = [threading.Thread(target=ask, args=(first,)) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_closed_store_opens_again_when_it_is_used(tmp_path, embed):
    store = EdgeStore(tmp_path)
    made = store.sync([chunk("a")], MODEL, embed)
    store.search(made.index_id, words_of("a"), 1)
    store.close()
    assert store.search(made.index_id, words_of("a"), 1)


documents = st.dictionaries(
    st.sampled_from(["d1", "d2", "d3", "d4"]),
    st.lists(st.sampled_from("abcdef"), min_size=1, max_size=3, unique=True),
    max_size=4,
)
authors = {"d1": "Ada", "d2": "Bob", "d3": "Ada", "d4": ""}


def corpus(world):
    return [
        chunk(text, document=document, author=authors[document])
        for document, texts in world.items()
        for text in texts
    ]


def follow(kind, folder, worlds, asked):
    vectors = make(kind, folder)
    for world in worlds:
        chunks = corpus(world)
        made = vectors.sync(chunks, MODEL, Embedding())
        vectors.publish(made.index_id)
        live = vectors.live()
        assert vectors.ids(live) == ids_of(chunks)
        hits = vectors.search(live, words_of(asked), 50)
        assert sorted(hit.chunk_id for hit in hits) == sorted(ids_of(chunks))
        for author in ("Ada", "Bob", "", "Nobody"):
            found = {hit.chunk_id for hit in vectors.search(live, words_of(asked), 50, author)}
            assert found == ids_of(one for one in chunks if one["author"] == author)
    drop(vectors)


histories = st.lists(documents, min_size=2, max_size=3)


# Edge writes real files and waits for the disk, so it follows fewer histories.
@settings(max_examples=4, deadline=None)
@given(worlds=histories, asked=st.sampled_from("abcdef"))
def test_no_filter_leaks_and_no_deleted_document_comes_back_in_edge(tmp_path_factory, worlds, asked):
    follow("edge", tmp_path_factory.mktemp("home"), worlds, asked)


@pytest.mark.parametrize("kind", KINDS[1:])
@settings(max_examples=25, deadline=None)
@given(worlds=histories, asked=st.sampled_from("abcdef"))
def test_no_filter_leaks_and_no_deleted_document_comes_back(kind, tmp_path_factory, worlds, asked):
    follow(kind, tmp_path_factory.mktemp("home"), worlds, asked)


chunk_lists = st.lists(
    st.builds(
        chunk,
        st.sampled_from("abc"),
        document=st.sampled_from(["d1", "d2"]),
        title=st.sampled_from(["T", "U"]),
        ordinal=st.integers(0, 2),
    ),
    max_size=6,
    unique_by=lambda one: one["chunk_id"],
)


@settings(deadline=None)
@given(chunk_lists, chunk_lists)
def test_changes_lead_from_what_is_stored_to_what_should_be(stored, wanted):
    have = {one["chunk_id"]: mark(one) for one in stored}
    todo = changes(wanted, have)
    after = {key: kept for key, kept in have.items() if key not in todo.touched}
    after |= {one["chunk_id"]: mark(one) for one in (*todo.moved, *todo.fresh)}
    assert after == {one["chunk_id"]: mark(one) for one in wanted}
    assert all(have[one["chunk_id"]].words == mark(one).words for one in todo.moved)
    assert all(have.get(one["chunk_id"], Mark("", "")).words != mark(one).words for one in todo.fresh)


@settings(deadline=None)
@given(chunk_lists, chunk_lists)
def test_an_index_id_tells_contents_apart_and_nothing_else(one, other):
    same = sorted(map(mark_key, one)) == sorted(map(mark_key, other))
    assert (index_id(MODEL, one) == index_id(MODEL, other)) == same
    assert index_id(MODEL, one) == index_id(MODEL, one[::-1])
    assert index_id(MODEL, one) != index_id("other", one)


def mark_key(one):
    return one["chunk_id"], one["title"], one["ordinal"]


def test_settings_choose_the_store(tmp_path):
    assert isinstance(build_vector_store(Settings(home=tmp_path)), EdgeStore)
    server = build_vector_store(Settings(home=tmp_path, QDRANT_URL="http://127.0.0.1:9"))
    assert isinstance(server, QdrantStore)
    assert list(tmp_path.iterdir()) == [], "a constructor wrote something"
