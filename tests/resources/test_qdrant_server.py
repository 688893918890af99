"""What is on the wire to a Qdrant server: settings, portions, snapshots, and what a kill leaves."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from qdrant_client.http.exceptions import UnexpectedResponse

from resources import qdrant_points, qdrant_query, qdrant_store
from resources.qdrant_store import QdrantStore
from resources.terms import Terms
from resources.vector_store import DEPTH, Entries, Filters, Wording, WrongVectors
from tests.resources.qdrant_server import QdrantServer
from tests.resources.vector_corpus import MODEL, Embedding, asks, chunk, ids_of, make

COLUMNS = {"author", "platform", "kind", "document_id", "published_at"}


@pytest.fixture
def server():
    made = QdrantServer()
    yield made
    made.close()


@pytest.fixture
def served(server):
    made = QdrantStore(server.url, name="test")
    yield made
    made.close()


@pytest.fixture
def embed():
    return Embedding()


def _dies(*_, **__):
    raise KeyboardInterrupt


def test_vectors_of_another_length_are_refused_before_anything_is_written(served, server, embed):
    made = served.sync([chunk("a")], MODEL, embed)
    server.requests.clear()

    def shorter(chunks):
        whole = embed(chunks)
        return Entries(whole.vectors[:, :8], whole.terms)

    with pytest.raises(WrongVectors, match="words@1 holds vectors of 16 numbers, but one of 8 came"):
        served.sync([chunk("a"), chunk("b")], MODEL, shorter)
    assert server.writes == []
    with pytest.raises(WrongVectors, match="have 16 numbers, but the question's has 4"):
        served.search(made.index_id, [Wording(np.ones(4, np.float32), Terms([], []))], 1)


def test_a_collection_of_another_model_is_refused(served, server, embed):
    served.sync([chunk("a")], MODEL, embed)
    served._client.update_collection(served._collection(MODEL), metadata={"model_id": "stranger"})
    server.requests.clear()
    with pytest.raises(WrongVectors, match=r"is of the model stranger, not of words@1"):
        served.sync([chunk("b")], MODEL, embed)
    assert server.writes == []


def test_a_collection_is_made_to_be_filtered_by_author_and_kept_small_in_memory(served, server, embed):
    served.sync([chunk("a")], MODEL, embed)
    asked = [request.split("/", 3)[0] + "/".join(request.split("/")[3:]) for request in server.writes]
    assert [one.split(" ")[0] for one in server.writes[:2]] == ["PUT", "PUT"]
    indexed = [n for n, request in enumerate(server.writes) if request.endswith("/index")]
    inserted = [n for n, request in enumerate(server.writes) if request.endswith("/points")]
    assert max(indexed) < min(inserted), asked
    bodies = server.asked(r"PUT /collections/[^/]+/index")
    schemas = {body["field_name"]: body["field_schema"] for body in bodies}
    assert set(schemas) == COLUMNS
    assert schemas["author"] == {"type": "keyword", "is_tenant": True}
    assert schemas["published_at"]["type"] == "datetime"
    [created] = server.asked(r"PUT /collections/[^/]+")
    assert created["vectors"] == {"dense": {"size": 16, "distance": "Cosine", "on_disk": True}}
    assert created["sparse_vectors"] == {"bm25": {"modifier": "idf"}}
    assert created["on_disk_payload"] is True
    assert created["quantization_config"]["scalar"] == {"type": "int8", "quantile": 0.99, "always_ram": True}
    assert created["hnsw_config"] == {"m": 16, "payload_m": 16, "ef_construct": 128}


def test_strict_mode_is_on_before_the_first_insert_and_forbids_what_has_no_index(served, server, embed):
    made = served.sync([chunk("a")], MODEL, embed)
    strict = next(n for n, (_, body) in enumerate(server.requests) if body and "strict_mode_config" in body)
    first = next(n for n, (asked, _) in enumerate(server.requests) if asked.endswith("/points"))
    assert strict < first
    collection = served._collection(MODEL)
    heading = qdrant_query.condition(Filters(author="Ada"))
    heading.must[0].key = "heading_path"
    with pytest.raises(UnexpectedResponse, match="Index required but not found for"):
        served._client.count(collection, heading)
    with pytest.raises(UnexpectedResponse, match="Index required but not found for"):
        served._client.delete(collection, heading)
    with pytest.raises(UnexpectedResponse, match="Limit exceeded 1001 > 1000"):
        served.search(made.index_id, asks("a"), 1001)


def test_a_search_filters_in_every_prefetch_and_rescores(served, server, embed):
    made = served.sync([chunk("green tea"), chunk("plum pie", author="Bob")], MODEL, embed)
    served.search(made.index_id, [*asks("tea"), *asks("pie")], 3, Filters(author="Ada"))
    [body] = server.asked(r"POST .*/points/query/batch")
    fused, scores = body["searches"]
    assert [one["using"] for one in fused["prefetch"]] == ["dense", "bm25", "dense", "bm25"]
    ada = {"must": [{"key": "author", "match": {"value": "Ada"}}]}
    assert all(one["filter"] == ada and one["limit"] == DEPTH for one in fused["prefetch"])
    assert fused["prefetch"][0]["params"]["quantization"]["rescore"] is True
    assert fused["prefetch"][0]["params"]["quantization"]["oversampling"] == 2.0
    assert (scores["using"], scores["filter"]) == ("bm25", ada)
    assert fused["with_payload"] is scores["with_payload"] is False


def test_a_wording_of_stop_words_has_no_ranking_by_terms(served, server, embed):
    made = served.sync([chunk("green tea")], MODEL, embed)
    served.search(made.index_id, [*asks("tea"), *asks("the")], 3)
    [body] = server.asked(r"POST .*/points/query/batch")
    assert [one["using"] for one in body["searches"][0]["prefetch"]] == ["dense", "bm25", "dense"]


def test_an_unchanged_corpus_is_counted_and_nothing_is_written_or_read(served, server, embed):
    chunks = [chunk("a"), chunk("b")]
    made = served.sync(chunks, MODEL, embed)
    served.publish(made.index_id)
    server.requests.clear()
    again = served.sync(chunks[::-1], MODEL, embed)
    served.publish(again.index_id)
    assert (again.index_id, again.embedded, server.writes) == (made.index_id, 0, [])
    assert server.asked(r".*/points(/scroll)?") == []


def test_a_change_is_found_without_reading_a_text(served, server, embed):
    served.sync([chunk("a"), chunk("b")], MODEL, embed)
    server.requests.clear()
    served.sync([chunk("a", ordinal=4), chunk("b"), chunk("c")], MODEL, embed)
    [read] = server.asked(r"POST .*/points/scroll")
    assert read["with_payload"] == ["_mark", "document_id"]
    assert server.asked(r"POST .*/points") == [], "a chunk that moved keeps its vector on the server"
    [[inserted]] = [body["points"] for body in server.asked(r"PUT .*/points")]
    assert inserted["payload"]["text"] == "c"


def test_large_corpora_are_read_and_written_in_pages(served, server, embed, monkeypatch):
    monkeypatch.setattr(qdrant_points, "MOST", 7)
    chunks = [chunk(f"text {n}") for n in range(600)]
    made = served.sync(chunks, MODEL, embed)
    assert [len(body["points"]) for body in server.asked(r"PUT .*/points")] == [256, 256, 88]
    assert served.ids(made.index_id) == ids_of(chunks)
    found = served.vectors(made.index_id, [one["chunk_id"] for one in chunks[:300]])
    assert found.keys() == ids_of(chunks[:300])
    assert found[chunks[7]["chunk_id"]] == pytest.approx(asks("text 7")[0].vector, abs=1e-6)


# Embeds one portion, says so at the second, and waits to be killed.
KILLED = """
import sys
from resources import qdrant_store
from tests.resources.vector_corpus import MODEL, Embedding, chunk

qdrant_store.EMBEDDED_AT_ONCE = 10
embed = Embedding()

def until_the_second(chunks):
    if embed.texts:
        print("second", flush=True)
        sys.stdin.read()
    return embed(chunks)

store = qdrant_store.QdrantStore(sys.argv[1], name="test")
store.sync([chunk(f"text {n}") for n in range(25)], MODEL, until_the_second)
"""


def _killed_between_two_portions(url):
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert process.stdout.readline() == "second\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def test_a_kill_between_two_portions_loses_one_portion(served, server, embed, monkeypatch):
    _killed_between_two_portions(server.url)
    collection = served._collection(MODEL)
    assert served._client.count(collection).count == 10
    assert (served.live(), served._aliased()) == (None, None)
    assert served.holding("d1") == [collection], "an unfinished collection is told by its name"
    chunks = [chunk(f"text {n}") for n in range(25)]
    monkeypatch.setattr(qdrant_store, "EMBEDDED_AT_ONCE", 10)
    made = served.sync(chunks, MODEL, embed)
    assert (made.embedded, made.count, len(embed.texts)) == (15, 25, 15)
    assert (served.ids(made.index_id), served.count(made.index_id)) == (ids_of(chunks), 25)
    undisturbed = make("memory", None)
    assert undisturbed.sync(chunks, MODEL, Embedding()).index_id == made.index_id
    served.publish(made.index_id)
    assert served.live() == made.index_id


@pytest.mark.parametrize("step", ["create_payload_index", "update_collection", "upsert"])
def test_what_a_kill_left_out_of_a_new_collection_is_made_good(served, server, embed, monkeypatch, step):
    with monkeypatch.context() as killed:
        killed.setattr(served._client, step, _dies)
        with pytest.raises(KeyboardInterrupt):
            served.sync([chunk("a")], MODEL, embed)
    assert served.live() is None
    assert served.holding("d1") == [], "no step leaves a collection that may not be asked"
    made = served.sync([chunk("a")], MODEL, embed)
    kept = server.kept[served._collection(MODEL)]
    assert (set(kept.indexes), kept.strict.enabled) == (COLUMNS, True)
    assert served.count(made.index_id) == 1


def test_payload_indexes_that_a_kill_left_out_are_made(served, server, embed):
    served.sync([chunk("a")], MODEL, embed)
    kept = server.kept[served._collection(MODEL)]
    del kept.indexes["kind"]
    served.sync([chunk("a"), chunk("b")], MODEL, embed)
    assert set(kept.indexes) == COLUMNS


def _snapshots(server, collection):
    return [one.name for one in server.kept[collection].snapshots]


def test_what_is_published_is_snapshotted_and_the_newest_two_are_kept(served, server, embed):
    collection, chunks = served._collection(MODEL), []
    for n in range(4):
        chunks.append(chunk(f"text {n}"))
        served.publish(served.sync(chunks, MODEL, embed).index_id)
    assert _snapshots(server, collection) == [f"{collection}-3.snapshot", f"{collection}-4.snapshot"]


def test_no_snapshot_outlives_a_document_in_it(served, server, embed):
    collection = served._collection(MODEL)
    both = [chunk("a", document="kept"), chunk("b", document="gone")]
    first = served.sync(both, MODEL, embed)
    served.publish(first.index_id)
    second = served.sync(both[:1], MODEL, embed)
    assert _snapshots(server, collection) == []
    served.publish(second.index_id)
    assert _snapshots(server, collection) == [f"{collection}-2.snapshot"]
    served.publish(served.sync(both, MODEL, embed).index_id)
    served.publish(served.sync(both, "two@1", embed).index_id)
    assert len(_snapshots(server, collection)) == 2, "no document vanished: the collection before stays"
    served.publish(served.sync(both[:1], "two@1", embed).index_id)
    assert collection not in server.kept
    assert len(server.asked(r"DELETE /collections/[^/]+/snapshots/.*")) == 4


def test_an_index_that_comes_back_is_snapshotted_again(served, server, embed):
    both = [chunk("a", document="kept"), chunk("b", document="gone")]
    served.publish(served.sync(both[:1], MODEL, embed).index_id)
    served.sync(both, MODEL, embed)
    served.publish(served.sync(both[:1], MODEL, embed).index_id)
    assert len(_snapshots(server, served._collection(MODEL))) == 1


def test_snapshots_go_before_the_points_and_so_a_kill_hides_none(served, server, embed, monkeypatch):
    both = [chunk("a", document="kept"), chunk("b", document="gone")]
    served.publish(served.sync(both, MODEL, embed).index_id)
    with monkeypatch.context() as killed:
        killed.setattr(qdrant_points, "delete", _dies)
        with pytest.raises(KeyboardInterrupt):
            served.sync(both[:1], MODEL, embed)
    assert _snapshots(server, served._collection(MODEL)) == []


def test_another_models_collection_is_built_beside_and_the_alias_moves_in_one_call(served, server, embed):
    first = served.sync([chunk("a")], "one@1", embed)
    served.publish(first.index_id)
    server.requests.clear()
    second = served.sync([chunk("a")], "two@1", embed)
    assert served.live() == first.index_id
    touched = {request.split("/")[2] for request in server.writes}
    assert touched == {served._collection("two@1")}, "what readers use was not written"
    served.publish(second.index_id)
    [moved] = server.asked(r"POST /collections/aliases")
    assert [next(iter(action)) for action in moved["actions"]] == ["delete_alias", "create_alias"]
    assert served.live() == second.index_id
