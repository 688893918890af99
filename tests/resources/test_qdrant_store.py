"""What only the server's store does: collections brought up to date in place, behind an alias."""

import pytest

from resources.qdrant_store import QdrantStore
from resources.vector_store import UnknownIndex
from tests.resources.vector_corpus import KINDS, MODEL, Embedding, chunk, drop, ids_of, make, words_of

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect")


@pytest.fixture(params=KINDS[1:])
def store(request):
    made = make(request.param, None)
    yield made
    drop(made)


@pytest.fixture
def embed():
    return Embedding()


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


def _dies(*_):
    raise KeyboardInterrupt


def test_a_server_half_updated_is_brought_to_exactly_the_chunks(store, embed, monkeypatch):
    first = store.sync([chunk("a"), chunk("b")], MODEL, embed)
    with monkeypatch.context() as killed:
        killed.setattr(store, "_hold", _dies)
        with pytest.raises(KeyboardInterrupt):
            store.sync([chunk("b"), chunk("c")], MODEL, embed)
    assert store.ids(first.index_id) != ids_of([chunk("a"), chunk("b")]), "the ids tell that it is torn"
    assert store.sync([chunk("a"), chunk("b")], MODEL, embed).index_id == first.index_id
    assert store.ids(first.index_id) == ids_of([chunk("a"), chunk("b")])


def test_a_dropped_collection_is_told_as_an_unknown_index(store, embed):
    first = store.sync([chunk("a", document="d1")], "one@1", embed)
    store.publish(first.index_id)
    assert store.search(first.index_id, words_of("a"), 1)
    second = store.sync([chunk("b", document="d2")], "two@1", embed)
    store.publish(second.index_id)
    with pytest.raises(UnknownIndex):
        store.search(first.index_id, words_of("a"), 1)


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


def test_a_server_that_does_not_answer_is_named_with_the_setting():
    with pytest.raises(ConnectionError, match=r"QDRANT_URL.*127\.0\.0\.1:9.*check the address"):
        QdrantStore("http://127.0.0.1:9").live()


def test_a_reader_that_still_asks_for_a_replaced_index_finds_the_newer_content(store, embed):
    first = store.sync([chunk("a"), chunk("b")], MODEL, embed)
    reader = QdrantStore(store._location, name=store._name)
    reader._connected = store._client
    store.sync([chunk("b"), chunk("c")], MODEL, embed)
    hits = reader.search(first.index_id, words_of("c"), 9)
    assert [hit.payload["text"] for hit in hits] == ["c", "b"]
    assert reader.model(first.index_id) == MODEL
