import numpy as np
import pytest

from llm_twin_assets.retrieval import checks
from llm_twin_assets.retrieval.embedding import build_index, entries, space, surroundings
from llm_twin_assets.retrieval.spot_check import LEAST_COSINE, LOOKED_AT, again
from llm_twin_assets.sources.rows import records
from resources.edge_store import EdgeStore
from resources.store import Table
from resources.vector_store import Entries
from tests.llm_twin_assets.retrieval.words import TOPICS, WordEmbedder, chunk_table, pages

EMBEDDER = WordEmbedder()


@pytest.fixture
def vectors(tmp_path):
    return EdgeStore(tmp_path / "home")


def built(vectors, table, damage=lambda made: made):
    def embed(fresh):
        found = entries(EMBEDDER, fresh, surroundings(fresh), lambda said: None)
        return Entries(damage(found.vectors), found.terms)

    return vectors.sync(records(table), space(EMBEDDER), embed).index_id


def test_a_sound_index_holds_the_models_vectors(vectors):
    table = chunk_table(*pages(*TOPICS))
    cosines = again(table, EMBEDDER, vectors, built(vectors, table))
    assert len(cosines) == LOOKED_AT
    assert min(cosines.values()) > 0.99999


def _slipped(made):
    return np.roll(made, 1, axis=0)


def _noisy(made):
    noise = np.random.default_rng(1).normal(0, 0.01, made.shape).astype(np.float32)
    return made + noise


@pytest.mark.parametrize("damage", [_slipped, _noisy])
def test_vectors_of_other_chunks_and_noisy_ones_are_noticed(vectors, damage):
    table = chunk_table(*pages(*TOPICS))
    cosines = again(table, EMBEDDER, vectors, built(vectors, table, damage))
    assert min(cosines.values()) < LEAST_COSINE


def test_a_chunk_without_a_vector_is_noticed(vectors):
    table = chunk_table(*pages("glue"))
    index = built(vectors, table[1:])
    assert again(table, EMBEDDER, vectors, index)[table["chunk_id"][0]] == 0.0


def test_another_index_has_others_looked_at(vectors):
    table, more = (chunk_table(*pages(*topics)) for topics in (TOPICS, [*TOPICS, "kites"]))
    looked = [set(again(one, EMBEDDER, vectors, built(vectors, one))) for one in (table, more)]
    assert looked[0] != looked[1]


def test_no_chunk_is_nothing_to_look_at(vectors):
    index = built(vectors, chunk_table(*pages("glue")))
    assert again(chunk_table(), EMBEDDER, vectors, index) == {}


@pytest.mark.parametrize(("embedder", "passed"), [(WordEmbedder(), True), (WordEmbedder("words@2"), False)])
def test_the_check_passes_with_the_model_that_made_the_index_only(store, vectors, embedder, passed):
    table = chunk_table(*pages(*TOPICS[:4]))
    store.materialize("cleaned_chunks", "1", lambda: Table(table))
    content, numbers = build_index(table, EMBEDDER, vectors, print)
    store.materialize_report("chunk_embeddings", "1", lambda: (content, numbers))
    if not passed:
        embedder.encode = lambda texts, progress=None: -EMBEDDER.encode(texts)
    found = checks.vectors_are_the_models(store=store, embedder=embedder, vectors=vectors)
    assert found.passed is passed
    assert found.metadata["looked_at"].value == LOOKED_AT
    assert (found.description or "").startswith("" if passed else "other vectors than the model's: ")


def test_a_published_index_is_not_looked_at_again_but_one_changed_in_place_is(store, vectors):
    table, embedder = chunk_table(*pages("glue")), WordEmbedder()
    content, numbers = build_index(table, EMBEDDER, vectors, print)
    store.materialize("cleaned_chunks", "1", lambda: Table(table))
    store.materialize_report("chunk_embeddings", "1", lambda: (content, numbers))
    # A server's collection is live as soon as it is changed, before anything was measured.
    vectors.publish(content["index_id"])
    assert checks.vectors_are_the_models(store=store, embedder=embedder, vectors=vectors).passed
    assert embedder.calls.pop()
    store.materialize_report("search_index", "1", lambda: ({"index_id": content["index_id"]}, {}))
    assert checks.vectors_are_the_models(store=store, embedder=embedder, vectors=vectors).passed
    assert embedder.calls == []
