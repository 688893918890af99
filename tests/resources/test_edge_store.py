"""What only the embedded store promises: files that never change, and words that really go."""

import json
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from resources.edge_shard import BLOCK, _copy_sparse
from resources.edge_store import EdgeStore
from resources.vector_store import UnknownIndex
from tests.resources.vector_corpus import MODEL, Embedding, chunk, ids_of, words_of

ROOT = Path(__file__).parents[2]


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
    assert writer.search(made.index_id, words_of("a"), 1)
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
        EdgeStore(tmp_path).search(made[2], words_of("b"), 3)


def test_deleted_words_and_renamed_titles_are_in_no_file(tmp_path, embed):
    # Random letters, so that the payload's compression leaves them as they are.
    secret, kept, title = ("".join(random.Random(n).choices("abcdefghij", k=60)) for n in range(3))
    store = EdgeStore(tmp_path)
    many = [chunk(f"text {n}", document=f"d{n}") for n in range(200)]
    named = chunk(kept, document="kept", published_at=title)
    store.publish(store.sync([*many, named, chunk(secret, document="gone")], MODEL, embed).index_id)
    assert _holding(tmp_path, secret.encode())
    assert _holding(tmp_path, words_of(secret).tobytes()[:32])
    renamed = chunk(kept, document="kept", published_at="2026-01-01")
    store.publish(store.sync([*many, renamed], MODEL, embed).index_id)
    assert _holding(tmp_path, kept.encode())
    assert not _holding(tmp_path, secret.encode())
    assert not _holding(tmp_path, words_of(secret).tobytes()[:32])
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


def test_sweeps_what_a_killed_writer_left(tmp_path, embed):
    store = EdgeStore(tmp_path)
    made = store.sync([chunk("a")], MODEL, embed)
    shards = tmp_path / "vectors/shards"
    (shards / ".new-left").mkdir()
    (shards / ".new-left" / "part").write_text("half")
    (shards / made.index_id / "manifest.json").unlink()
    assert store.live() is None
    with pytest.raises(UnknownIndex):
        store.ids(made.index_id)
    again = store.sync([chunk("a")], MODEL, embed)
    assert (again.index_id, again.embedded) == (made.index_id, 1)
    assert shard_names(tmp_path) == {made.index_id}
    assert store.ids(made.index_id) == ids_of([chunk("a")])


KILLED = """
import os, signal, sys
sys.path.insert(0, {root!r})
from tests.resources import vector_corpus as suite
from pathlib import Path
from resources import {module}
def dies(*a, **k):
    os.kill(os.getpid(), signal.SIGKILL)
{module}.{function} = dies
store = suite.EdgeStore(Path({home!r}))
store.publish(store.sync([suite.chunk("b")], suite.MODEL, suite.Embedding()).index_id)
"""


def _killed_in(module, function, home):
    program = KILLED.format(root=str(ROOT), module=module, function=function, home=str(home))
    done = subprocess.run([sys.executable, "-c", program], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("module", "function"), [("edge_shard", "finish"), ("edge_store", "settle"), ("edge_store", "write_json")]
)
def test_killed_anywhere_the_live_index_answers_and_the_next_run_mends(tmp_path, embed, module, function):
    store = EdgeStore(tmp_path)
    first = store.sync([chunk("a", document="d0")], MODEL, embed)
    store.publish(first.index_id)
    _killed_in(module, function, tmp_path)
    assert len(shard_names(tmp_path)) == 2, "it was killed before it had begun"
    assert store.live() == first.index_id
    assert EdgeStore(tmp_path).search(first.index_id, words_of("a"), 3)[0].payload["text"] == "a"
    second = store.sync([chunk("b")], MODEL, embed)
    store.publish(second.index_id)
    assert store.ids(store.live()) == ids_of([chunk("b")])
    assert shard_names(tmp_path) == {second.index_id}


def test_killed_while_old_shards_are_removed_the_new_index_is_live(tmp_path, embed):
    store = EdgeStore(tmp_path)
    store.publish(store.sync([chunk("a", document="d0")], MODEL, embed).index_id)
    _killed_in("edge_store", "_remove", tmp_path)
    assert store.ids(store.live()) == ids_of([chunk("b")])
    store.publish(store.live())
    assert shard_names(tmp_path) == {store.live()}


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
                if reader.search(reader.live(), words_of("a"), 1)[0].payload["text"] != "a":
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
