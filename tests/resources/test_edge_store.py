"""What only the embedded store promises: files that never change, and words that really go."""

import json
import random
import threading
from dataclasses import asdict

import pytest

from resources import edge_shard, edge_store
from resources.edge_shard import _copy_sparse
from resources.edge_store import EdgeStore
from resources.packing import BLOCK
from resources.vector_store import Entries, UnknownIndex, WrongVectors, mark
from tests.resources.vector_corpus import MODEL, Embedding, asks, chunk, ids_of, vector


@pytest.fixture
def embed():
    return Embedding()


def text_files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def shard_names(home):
    return {path.name for path in (home / "vectors" / "shards").iterdir()}


def test_files_say_what_is_in_a_shard_and_which_is_live(tmp_path, embed):
    store = EdgeStore(tmp_path)
    chunks = [chunk("a", document="d2"), chunk("b", document="d1")]
    made = store.sync(chunks, MODEL, embed)
    store.publish(made.index_id)
    manifest = json.loads((tmp_path / "vectors/shards" / made.index_id / "manifest.json").read_text())
    assert (manifest["index_id"], manifest["model_id"], manifest["count"]) == (made.index_id, MODEL, 2)
    assert manifest["document_ids"] == ["d1", "d2"]
    assert set(manifest["marks"]) == ids_of(chunks)
    assert json.loads((tmp_path / "vectors/live.json").read_text())["index_id"] == made.index_id


def test_reading_leaves_every_file_as_it_was(tmp_path, embed):
    writer, reader = EdgeStore(tmp_path), EdgeStore(tmp_path)
    made = writer.sync([chunk("a"), chunk("b")], MODEL, embed)
    folder = tmp_path / "vectors/shards" / made.index_id
    before = text_files(folder)
    assert writer.search(made.index_id, asks("a"), 1)
    assert reader.ids(made.index_id)
    assert text_files(folder) == before
    reader.close()
    assert text_files(folder) == before


def test_a_change_leaves_the_shard_before_untouched(tmp_path, embed):
    store = EdgeStore(tmp_path)
    first = store.sync([chunk("a"), chunk("b")], MODEL, embed)
    store.publish(first.index_id)
    before = text_files(tmp_path / "vectors/shards" / first.index_id)
    store.publish(store.sync([chunk("a"), chunk("b"), chunk("c")], MODEL, embed).index_id)
    assert text_files(tmp_path / "vectors/shards" / first.index_id) == before


def test_keeps_the_index_before_only_while_its_documents_stand(tmp_path, embed):
    store = EdgeStore(tmp_path)
    worlds = [
        [chunk("a", document="d1")],
        [chunk("a", document="d1"), chunk("b", document="d2")],
        [chunk("a2", document="d1"), chunk("b", document="d2")],
    ]
    made = [store.sync(world, MODEL, embed).index_id for world in worlds]
    assert shard_names(tmp_path) == set(made)
    store.publish(made[1])
    assert shard_names(tmp_path) == {made[1]}
    made[2] = store.sync(worlds[2], MODEL, embed).index_id
    store.publish(made[2])
    assert shard_names(tmp_path) == {made[1], made[2]}
    forgotten = store.sync([chunk("a2", document="d1")], MODEL, embed).index_id
    store.publish(forgotten)
    assert shard_names(tmp_path) == {forgotten}
    with pytest.raises(UnknownIndex):
        EdgeStore(tmp_path).search(made[2], asks("b"), 3)


def test_deleted_words_and_renamed_titles_are_in_no_file(tmp_path, embed):
    # Random letters, so that the payload's compression leaves them as they are.
    secret, kept, title = ("".join(random.Random(n).choices("abcdefghij", k=60)) for n in range(3))
    store = EdgeStore(tmp_path)
    many = [chunk(f"text {n}", document=f"d{n}") for n in range(200)]
    named = chunk(kept, document="kept", published_at=title)
    store.publish(store.sync([*many, named, chunk(secret, document="gone")], MODEL, embed).index_id)
    assert _holding(tmp_path, secret.encode())
    assert _holding(tmp_path, vector("T" + secret).tobytes()[:32])
    renamed = chunk(kept, document="kept", published_at="2026-01-01")
    store.publish(store.sync([*many, renamed], MODEL, embed).index_id)
    assert _holding(tmp_path, kept.encode())
    assert not _holding(tmp_path, secret.encode())
    assert not _holding(tmp_path, vector("T" + secret).tobytes()[:32])
    assert not _holding(tmp_path, title.encode())


def _holding(folder, wanted):
    return [path for path in folder.rglob("*") if path.is_file() and wanted in path.read_bytes()]


def test_copying_keeps_holes_and_every_byte(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    with source.open("wb") as file:
        file.write(b"head")
        file.seek(9 * BLOCK)
        file.write(b"middle" * BLOCK)
        file.truncate(40 * BLOCK)
    _copy_sparse(str(source), str(target))
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_blocks * 512 < 9 * BLOCK


def test_a_readers_temporary_files_are_not_copied(tmp_path, embed):
    store = EdgeStore(tmp_path)
    first = store.sync([chunk("a")], MODEL, embed)
    left = tmp_path / "vectors/shards" / first.index_id / ".atomicwriteXY"
    left.mkdir()
    (left / "vanishes").symlink_to(left / "nowhere")
    second = store.sync([chunk("a"), chunk("b")], MODEL, embed)
    assert not (tmp_path / "vectors/shards" / second.index_id / left.name).exists()


def test_readers_open_and_search_while_a_writer_builds_and_publishes(tmp_path, embed):
    writer = EdgeStore(tmp_path)
    writer.publish(writer.sync([chunk("a")], MODEL, embed).index_id)
    wrong, done = [], threading.Event()

    def read():
        while not done.wait(0.02):
            reader = EdgeStore(tmp_path)
            try:
                if reader.search(reader.live(), asks("a"), 1)[0].payload["text"] != "a":
                    wrong.append("another text")
            except Exception as error:
                wrong.append(repr(error))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for n in range(2):
        writer.publish(writer.sync([chunk("a"), chunk(f"b{n}")], MODEL, embed).index_id)
    done.set()
    for reader in readers:
        reader.join()
    assert wrong == []


def test_two_writers_take_turns_and_the_second_finds_the_work_done(tmp_path):
    stores, embeds = [EdgeStore(tmp_path), EdgeStore(tmp_path)], [Embedding(), Embedding()]
    made = []

    def write(store, embed):
        made.append(store.sync([chunk("a"), chunk("b")], MODEL, embed))

    pairs = zip(stores, embeds, strict=True)
    writers = [threading.Thread(target=write, args=pair) for pair in pairs]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len({one.index_id for one in made}) == 1
    assert sorted(one.embedded for one in made) == [0, 2]


def test_an_older_versions_shard_is_listed_and_counted_and_neither_searched_nor_built_on(tmp_path, embed):
    chunks = [chunk("a", document="d1"), chunk("b", document="d2")]
    older = _older_index(tmp_path, chunks)
    store = EdgeStore(tmp_path)
    assert (store.live(), store.model(older), store.count(older)) == (older, MODEL, 2)
    assert store.ids(older) == ids_of(chunks)
    assert store.holding("d2") == [older]
    for ask in (
        lambda: store.search(older, asks("a"), 1),
        lambda: store.vectors(older, []),
        lambda: store.values(older, "author"),
    ):
        with pytest.raises(UnknownIndex, match=f"{older} was made by an earlier version.*llm-twin run"):
            ask()
    chunks = [*chunks, chunk("c", document="d3")]
    made = store.sync(chunks, MODEL, embed)
    assert made.embedded == 3, "the older shard has no terms to build on"
    assert store.live() == older
    store.publish(made.index_id)
    assert [hit.payload["text"] for hit in store.search(made.index_id, asks("c"), 1)] == ["c"]
    store.publish(store.sync(chunks[1:], MODEL, embed).index_id)
    assert older not in shard_names(tmp_path), "a document in it has vanished"


def _older_index(home, chunks):
    """Put down the live index of a version that had one vector without a name, and no dimension."""
    from qdrant_edge import Distance, EdgeConfig, EdgeShard, EdgeVectorParams, Point, UpdateOperation

    index_id, folder = "0" * 64, home / "vectors/shards" / ("0" * 64)
    folder.mkdir(parents=True)
    config = EdgeConfig(vectors=EdgeVectorParams(16, Distance.Cosine), wal_enabled=False)
    shard = EdgeShard.create(str(folder), config)
    points = [Point(one["chunk_id"], vector(one["text"]).tolist(), one) for one in chunks]
    shard.update(UpdateOperation.upsert_points(points))
    edge_shard.finish(shard, folder)
    manifest = {
        "index_id": index_id,
        "model_id": MODEL,
        "count": len(chunks),
        "document_ids": sorted({one["document_id"] for one in chunks}),
        "marks": {one["chunk_id"]: asdict(mark(one)) for one in chunks},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (home / "vectors/live.json").write_text(json.dumps({"index_id": index_id, "previous": None}))
    return index_id


def test_a_large_index_is_embedded_in_portions_whose_vectors_are_all_as_long(tmp_path, monkeypatch):
    monkeypatch.setattr(edge_store, "EMBEDDED_AT_ONCE", 3)
    sizes, embed, store = [], Embedding(), EdgeStore(tmp_path)
    chunks = [chunk(f"one text {n}") for n in range(8)]

    def counted(some):
        sizes.append(len(some))
        return embed(some)

    made = store.sync(chunks, MODEL, counted)
    assert (sizes, made.embedded) == ([3, 3, 2], 8)
    for n in (0, 3, 7):
        best = store.search(made.index_id, asks(f"one text {n}"), 1)[0]
        assert best.payload == chunks[n]
        assert best.scores["dense"] == pytest.approx(1.0)

    def shrinks(some):
        made = embed(some)
        return Entries(made.vectors[:, : len(some) * 5], made.terms)

    with pytest.raises(WrongVectors, match="vectors of 15 numbers, but one of 10"):
        store.sync(chunks, "other@1", shrinks)
    store.sync(chunks, MODEL, embed)
    assert shard_names(tmp_path) == {made.index_id}
