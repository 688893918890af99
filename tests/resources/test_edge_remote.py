"""Indexes whose home lies in S3: built on one machine, searched on another, gone everywhere when they go."""

import pytest

from resources.edge_store import EdgeStore
from resources.files import copy_of, listed
from resources.packing import BLOCK
from resources.vector_store import UnknownIndex
from tests.resources.vector_corpus import MODEL, Embedding, asks, chunk, ids_of


@pytest.fixture
def elsewhere(machine):
    return machine("elsewhere")


def test_an_index_built_here_is_searched_elsewhere_and_changed_there(s3_home, s3_server, elsewhere):
    here, there, embed = EdgeStore(s3_home), EdgeStore(elsewhere), Embedding()
    first = here.sync([chunk("a"), chunk("b")], MODEL, embed)
    assert there.live() is None
    here.publish(first.index_id)
    assert there.live() == first.index_id
    assert there.search(first.index_id, asks("a"), 1)[0].payload["text"] == "a"
    asked = len(s3_server.asked)
    assert there.search(first.index_id, asks("b"), 1)
    assert len(s3_server.asked) == asked, "a search of an open index went over the network"

    second = there.sync([chunk("b"), chunk("c")], MODEL, embed)
    assert (second.embedded, second.deleted) == (1, 1)
    there.publish(second.index_id)
    assert here.live() == second.index_id
    assert here.ids(second.index_id) == ids_of([chunk("b"), chunk("c")])
    shards = listed(s3_home / "vectors" / "shards", "*")
    assert {folder.name for folder in shards} == {first.index_id, second.index_id}, "the one before is kept"


def test_a_vanished_document_leaves_the_other_machine_with_the_next_index(s3_home, elsewhere):
    here, there, embed = EdgeStore(s3_home), EdgeStore(elsewhere), Embedding()
    first = here.sync([chunk("a", document="d1"), chunk("b", document="d2")], MODEL, embed)
    here.publish(first.index_id)
    assert there.count(first.index_id) == 2
    second = here.sync([chunk("b", document="d2")], MODEL, embed)
    here.publish(second.index_id)
    assert here.holding("d1") == []
    assert there.count(second.index_id) == 1
    copies = copy_of(elsewhere / "vectors" / "shards")
    assert [folder.name for folder in copies.iterdir()] == [second.index_id]
    with pytest.raises(UnknownIndex):
        EdgeStore(elsewhere).ids(first.index_id)


def test_what_a_killed_writer_uploaded_is_no_index_and_is_built_anew(s3_home):
    store, embed = EdgeStore(s3_home), Embedding()
    made = store.sync([chunk("a")], MODEL, embed)
    (s3_home / "vectors" / "shards" / made.index_id / "manifest.json").unlink()
    again = EdgeStore(s3_home)
    with pytest.raises(UnknownIndex):
        again.ids(made.index_id)
    assert again.sync([chunk("a")], MODEL, embed).embedded == 1
    assert again.count(made.index_id) == 1


def test_the_holes_of_a_shard_are_neither_sent_nor_stored(s3_home, elsewhere):
    made = EdgeStore(s3_home).sync([chunk("a")], MODEL, Embedding())
    folder = s3_home / "vectors" / "shards" / made.index_id
    assert (folder / "folder.tar.gz").stat().st_size < 2 * BLOCK
    EdgeStore(elsewhere).ids(made.index_id)
    stored = [file.stat() for file in copy_of(elsewhere).rglob("*") if file.is_file()]
    assert sum(one.st_blocks * 512 for one in stored) < sum(one.st_size for one in stored) / 4


def test_the_live_index_is_not_dropped_and_another_is(s3_home):
    store, embed = EdgeStore(s3_home), Embedding()
    live = store.sync([chunk("a")], MODEL, embed).index_id
    store.publish(live)
    other = store.sync([chunk("c")], MODEL, embed).index_id
    with pytest.raises(ValueError, match="is live"):
        store.drop(live)
    store.drop(other)
    store.drop(other)
    with pytest.raises(UnknownIndex):
        store.ids(other)
    assert store.count(live) == 1
