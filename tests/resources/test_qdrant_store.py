"""What only the server's store does: collections brought up to date in place, behind an alias."""

import numpy as np
import pytest
from qdrant_client import models

from llm_twin_assets.contracts import digest
from resources import qdrant_points, qdrant_query
from resources.qdrant_store import QdrantStore
from resources.terms import Terms
from resources.vector_store import RANK_CONSTANT, Entries, Filters, UnknownIndex, Wording
from tests.resources.qdrant_server import QdrantServer
from tests.resources.vector_corpus import MODEL, SERVER, Embedding, asks, chunk, drop, ids_of, make

KINDS = ["memory", "loopback", *(["server"] if SERVER else [])]
COLUMNS = {"author", "platform", "kind", "document_id", "published_at"}


@pytest.fixture
def server():
    made = QdrantServer()
    yield made
    made.close()


@pytest.fixture(params=KINDS)
def store(request):
    if request.param == "loopback":
        made = QdrantStore(request.getfixturevalue("server").url, name="test")
    else:
        made = make(request.param, None)
    yield made
    drop(made)


@pytest.fixture
def embed():
    return Embedding()


def texts(hits):
    return [hit.payload["text"] for hit in hits]


def test_a_server_keeps_one_collection_a_model_and_drops_the_stale_ones(store, embed):
    worlds = {"one@1": [chunk("a", document="d1"), chunk("b", document="d2")]}
    first = store.sync(worlds["one@1"], "one@1", embed)
    store.publish(first.index_id)
    changed = store.sync([*worlds["one@1"], chunk("c", document="d3")], "one@1", embed)
    assert len(store._collections()) == 1
    assert store.live() == changed.index_id, "a server is brought up to date in place"
    second = store.sync([chunk("a", document="d1"), chunk("b", document="d2")], "two@1", embed)
    assert store.live() == changed.index_id
    store.publish(second.index_id)
    assert store._collections() == [store._collection("two@1")], "d3 vanished, so its collection goes"
    third = store.sync([chunk("a", document="d1"), chunk("b", document="d2")], "three@1", embed)
    store.publish(third.index_id)
    assert set(store._collections()) == {store._collection("two@1"), store._collection("three@1")}
    store.publish(third.index_id)
    assert set(store._collections()) == {store._collection("two@1"), store._collection("three@1")}


def test_the_index_before_can_be_published_again(store, embed):
    chunks = [chunk("a"), chunk("b")]
    first = store.sync(chunks, "one@1", embed)
    store.publish(first.index_id)
    second = store.sync(chunks, "two@1", embed)
    for index in (second, first):
        store.publish(index.index_id)
        assert store.live() == index.index_id
    assert len(store._collections()) == 2
    assert texts(store.search(first.index_id, asks("b"), 1, retriever="dense")) == ["b"]


def _dies(*_):
    raise KeyboardInterrupt


def test_a_server_half_updated_is_brought_to_exactly_the_chunks(store, embed, monkeypatch):
    first = store.sync([chunk("a"), chunk("b")], MODEL, embed)
    with monkeypatch.context() as killed:
        killed.setattr(store, "_hold", _dies)
        with pytest.raises(KeyboardInterrupt):
            store.sync([chunk("b"), chunk("c")], MODEL, embed)
    assert store.ids(first.index_id) != ids_of([chunk("a"), chunk("b")]), "the ids tell that it is torn"
    with pytest.raises(UnknownIndex):
        store.publish(first.index_id)
    assert store.sync([chunk("a"), chunk("b")], MODEL, embed).index_id == first.index_id
    assert store.ids(first.index_id) == ids_of([chunk("a"), chunk("b")])
    store.publish(first.index_id)


def test_an_update_that_only_deletes_is_known_as_torn_too(store, embed, monkeypatch):
    first = store.sync([chunk("a"), chunk("b")], MODEL, embed)
    with monkeypatch.context() as killed:
        killed.setattr(qdrant_points, "delete", _dies)
        with pytest.raises(KeyboardInterrupt):
            store.sync([chunk("b")], MODEL, embed)
    with pytest.raises(UnknownIndex):
        store.publish(first.index_id)


def test_points_that_somebody_deleted_are_put_back(store, embed):
    chunks = [chunk("a"), chunk("b")]
    made = store.sync(chunks, MODEL, embed)
    qdrant_points.delete(store._client, store._collection(MODEL), [chunks[0]["chunk_id"]])
    assert store.sync(chunks, MODEL, embed).embedded == 1
    assert store.ids(made.index_id) == ids_of(chunks)


def test_a_dropped_collection_is_told_as_an_unknown_index(store, embed):
    first = store.sync([chunk("a", document="d1")], "one@1", embed)
    store.publish(first.index_id)
    assert store.search(first.index_id, asks("a"), 1)
    second = store.sync([chunk("b", document="d2")], "two@1", embed)
    store.publish(second.index_id)
    with pytest.raises(UnknownIndex):
        store.search(first.index_id, asks("a"), 1)


def test_another_name_on_the_same_server_is_another_world(store, embed):
    made = store.sync([chunk("a")], MODEL, embed)
    store.publish(made.index_id)
    other = QdrantStore(store._location, name=f"{store._name}x")
    other._connected = store._client
    assert other.live() is None
    other.publish(other.sync([chunk("b")], MODEL, embed).index_id)
    assert store.live() == made.index_id
    assert store.ids(made.index_id) == ids_of([chunk("a")])
    for collection in other._collections():
        other._client.delete_collection(collection)


def test_a_reader_that_still_asks_for_a_replaced_index_finds_the_newer_content(store, embed):
    first = store.sync([chunk("a"), chunk("b")], MODEL, embed)
    reader = QdrantStore(store._location, name=store._name)
    reader._connected = store._client
    store.sync([chunk("b"), chunk("c")], MODEL, embed)
    hits = reader.search(first.index_id, asks("c"), 9)
    assert texts(hits) == ["c", "b"]
    assert reader.model(first.index_id) == MODEL


def test_the_live_index_is_not_dropped_and_another_one_is(store, embed):
    live = store.sync([chunk("a")], "one@1", embed)
    store.publish(live.index_id)
    other = store.sync([chunk("a")], "two@1", embed)
    with pytest.raises(ValueError, match="is live: publish another"):
        store.drop(live.index_id)
    store.drop(other.index_id)
    store.drop("nope")
    assert store._collections() == [store._collection("one@1")]
    with pytest.raises(UnknownIndex):
        store.vectors(other.index_id, [])


def basis(n):
    return np.eye(4, dtype=np.float32)[n]


def by_hand(chunks):
    """Vectors and terms that give both rankings a known order: dense a b c d, terms d c a."""
    numbers = ["abcd".index(one["text"]) for one in chunks]
    made = [np.array([1, n / 4, 0, 0], np.float32) for n in numbers]
    terms = [Terms([7], [(1.0, 0.0, 2.0, 3.0)[n]]) if n != 1 else Terms([9], [1.0]) for n in numbers]
    rows = [row / np.linalg.norm(row) for row in made]
    return Entries(np.array(rows, np.float32).reshape(len(chunks), 4), terms)


def test_rankings_are_fused_by_the_published_formula(store):
    made = store.sync([chunk(text) for text in "abcd"], MODEL, by_hand)
    asked = [Wording(basis(0), Terms([7], [1.0]))]
    hits = store.search(made.index_id, asked, 4)

    def of(*ranks):
        return sum(1 / (RANK_CONSTANT + rank) for rank in ranks)

    # Ranks from 1: dense a b c d, by terms d c a.
    expected = {"a": of(1, 3), "b": of(2), "c": of(3, 2), "d": of(4, 1)}
    assert {hit.payload["text"]: hit.score for hit in hits} == pytest.approx(expected, rel=1e-5)
    assert {hit.payload["text"] for hit in hits if "sparse" in hit.scores} == {"a", "c", "d"}
    terms = {hit.payload["text"]: hit.scores.get("sparse") for hit in hits}
    assert terms["d"] == pytest.approx(3 * terms["a"], rel=1e-5)
    for hit in hits:
        assert hit.scores["dense"] == pytest.approx(float(basis(0) @ hit.vector), abs=1e-6)


def test_a_question_of_stop_words_alone_is_searched_by_its_vector(store, embed):
    made = store.sync([chunk("a"), chunk("b")], MODEL, embed)
    asked = [Wording(asks("b")[0].vector, Terms([], []))]
    assert texts(store.search(made.index_id, asked, 9))[0] == "b"
    assert store.search(made.index_id, asked, 9, retriever="sparse") == []
    assert all("sparse" not in hit.scores for hit in store.search(made.index_id, asked, 9))


def test_equal_sums_come_in_the_order_of_their_ids(store):
    def alike(chunks):
        return Entries(np.tile(basis(0), (len(chunks), 1)), [Terms([7], [1.0]) for _ in chunks])

    chunks = [chunk(f"text {n}") for n in range(9)]
    made = store.sync(chunks, MODEL, alike)
    asked = [Wording(basis(0), Terms([7], [1.0]))]
    for retriever in ("dense", "sparse"):
        hits = store.search(made.index_id, asked, 4, retriever=retriever)
        assert [hit.chunk_id for hit in hits] == sorted(ids_of(chunks))[:4]
    fused = store.search(made.index_id, asked, 4)
    assert [(-hit.score, hit.chunk_id) for hit in fused] == sorted(
        (-hit.score, hit.chunk_id) for hit in fused
    )


def test_a_collection_of_an_earlier_layout_gives_way(store, embed):
    old = f"{store._name}_{digest(MODEL)[:16]}"
    plain = models.VectorParams(size=16, distance=models.Distance.COSINE)
    about = {"model_id": MODEL, "index_id": "older", "earlier": []}
    store._client.create_collection(old, vectors_config=plain, metadata=about)
    alias = models.CreateAlias(collection_name=old, alias_name=store._alias)
    store._client.update_collection_aliases([models.CreateAliasOperation(create_alias=alias)])
    assert (store.live(), store.model("older")) == ("older", MODEL)
    with pytest.raises(UnknownIndex):
        store.search("older", asks("a"), 1)
    made = store.sync([chunk("a")], MODEL, embed)
    store.publish(made.index_id)
    assert store.live() == made.index_id
    assert store.search(made.index_id, asks("a"), 1)


def test_a_last_day_is_searched_to_its_end(store, embed):
    dates = [None, "2026-01-04", "2026-01-05", "2026-01-05T23:59:59Z", "2026-01-06T00:00:00Z"]
    chunks = [chunk(f"word {n}", published_at=at) for n, at in enumerate(dates)]
    made = store.sync(chunks, MODEL, embed)

    def found(**days):
        hits = store.search(made.index_id, asks("word"), 9, Filters(**days))
        return {dates.index(hit.payload["published_at"]) for hit in hits}

    assert found() == {0, 1, 2, 3, 4}
    assert found(since="2026-01-05", until="2026-01-05") == {2, 3}
    assert found(until="2026-01-04") == {1}
    assert found(since="2026-01-06") == {4}


def test_all_values_are_told_though_one_request_may_not_return_them(store, embed, monkeypatch):
    monkeypatch.setattr(qdrant_query, "MOST", 2)
    chunks = [chunk(f"t{n}", author=author) for n, author in enumerate(["Ada", "Bob", "", "Cy", "Ada"])]
    made = store.sync(chunks, MODEL, embed)
    assert store.values(made.index_id, "author") == {"Ada", "Bob", "", "Cy"}
    assert store.values(made.index_id, "platform") == {"folder"}


def test_a_mark_is_stored_with_a_chunk_and_never_shown(store, embed):
    made, tea = store.sync([chunk("green tea")], MODEL, embed), chunk("green tea")
    for retriever in ("dense", "sparse", "hybrid"):
        hits = store.search(made.index_id, asks("green tea"), 1, retriever=retriever)
        assert [hit.payload for hit in hits] == [tea]
    stored = store._client.scroll(store._collection(MODEL))[0][0].payload
    assert set(stored) == {*tea, qdrant_points.MARK}


def test_a_server_that_does_not_answer_is_named_with_the_setting():
    with pytest.raises(ConnectionError, match=r"QDRANT_URL.*127\.0\.0\.1:9.*check the address"):
        QdrantStore("http://127.0.0.1:9").live()


@pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")
def test_the_api_key_is_sent_and_a_wrong_one_is_told():
    server = QdrantServer(api_key="look" + "alike")
    store = QdrantStore(server.url, "look" + "alike")
    assert store.live() is None
    assert set(server.keys) == {"look" + "alike"}
    with pytest.raises(ConnectionError, match=r"(?s)QDRANT_URL.*401.*check the address, QDRANT_API_KEY"):
        QdrantStore(server.url, "another").live()
    store.close()
    server.close()
