"""A process that is killed in any step of making an index: readers notice nothing, the next run mends it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from resources.edge_store import EdgeStore
from resources.vector_store import UnknownIndex
from tests.resources.vector_corpus import MODEL, Embedding, asks, chunk, ids_of

ROOT = Path(__file__).parents[2]


@pytest.fixture
def embed():
    return Embedding()


def shard_names(home):
    return {path.name for path in (home / "vectors" / "shards").iterdir()}


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
    ("module", "function"),
    [
        ("edge_shard", "finish"),
        ("edge_manifest", "write_json"),
        ("edge_store", "settle"),
        ("edge_store", "write_json"),
    ],
)
def test_killed_anywhere_the_live_index_answers_and_the_next_run_mends(tmp_path, embed, module, function):
    store = EdgeStore(tmp_path)
    first = store.sync([chunk("a", document="d0")], MODEL, embed)
    store.publish(first.index_id)
    _killed_in(module, function, tmp_path)
    assert len(shard_names(tmp_path)) == 2, "it was killed before it had begun"
    assert store.live() == first.index_id
    assert EdgeStore(tmp_path).search(first.index_id, asks("a"), 3)[0].payload["text"] == "a"
    second = store.sync([chunk("b")], MODEL, embed)
    store.publish(second.index_id)
    assert store.ids(store.live()) == ids_of([chunk("b")])
    assert shard_names(tmp_path) == {second.index_id}


def test_killed_while_old_shards_are_removed_the_new_index_is_live(tmp_path, embed):
    store = EdgeStore(tmp_path)
    store.publish(store.sync([chunk("a", document="d0")], MODEL, embed).index_id)
    _killed_in("edge_store", "drop", tmp_path)
    assert store.ids(store.live()) == ids_of([chunk("b")])
    store.publish(store.live())
    assert shard_names(tmp_path) == {store.live()}


PORTIONS = """
import os, signal, sys
sys.path.insert(0, {root!r})
from pathlib import Path
from resources import edge_store
from tests.resources import vector_corpus as suite
edge_store.EMBEDDED_AT_ONCE = 2
embed, asked = suite.Embedding(), []
def dies(chunks):
    asked.append(chunks)
    if len(asked) > {survived}:
        os.kill(os.getpid(), signal.SIGKILL)
    return embed(chunks)
store = edge_store.EdgeStore(Path({home!r}))
chunks = [suite.chunk(f"text {{n}}", document=f"d{{n}}") for n in range({count})]
store.publish(store.sync(chunks, suite.MODEL, dies).index_id)
"""


@pytest.mark.parametrize("first", [0, 2])
@pytest.mark.parametrize("survived", [0, 1, 2])
def test_killed_between_any_two_portions_the_next_run_makes_the_same_index(tmp_path, embed, survived, first):
    chunks = [chunk(f"text {n}", document=f"d{n}") for n in range(6 + first)]
    home, store = tmp_path / "killed", EdgeStore(tmp_path / "killed")
    live = store.sync(chunks[:first], MODEL, embed).index_id
    store.publish(live)
    whole = EdgeStore(tmp_path / "whole").sync(chunks, MODEL, Embedding())

    program = PORTIONS.format(root=str(ROOT), survived=survived, home=str(home), count=len(chunks))
    done = subprocess.run([sys.executable, "-c", program], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert store.live() == live
    assert EdgeStore(home).ids(live) == ids_of(chunks[:first])
    with pytest.raises(UnknownIndex):
        store.count(whole.index_id)

    embed.texts.clear()
    again = store.sync(chunks, MODEL, embed)
    assert (again.index_id, again.count) == (whole.index_id, whole.count)
    assert sorted(embed.texts) == sorted(one["text"] for one in chunks[first:])
    store.publish(again.index_id)
    assert store.ids(store.live()) == ids_of(chunks)
    assert shard_names(home) == {live, again.index_id}
