import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_twin_assets.retrieval.query_vectors import QueryVectors
from tests.llm_twin_assets.retrieval.words import DIMENSION, WordEmbedder


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store" / "vectors.npz"


def remembering(path, *texts, space="words"):
    """What an evaluation does that asks for these texts: how many it embedded, and the vectors."""
    memory = QueryVectors(path, WordEmbedder(), space)
    made = memory.encode(texts)
    memory.keep()
    return memory.embedded, made


def test_what_was_asked_for_before_is_not_embedded_again(path):
    first = remembering(path, "glue", "bread")
    again = remembering(path, "bread", "glue", "tides")
    assert (first[0], again[0]) == (2, 1)
    assert (again[1] == WordEmbedder().encode(["bread", "glue", "tides"])).all()


def test_a_text_that_is_asked_for_twice_is_embedded_once(path):
    memory = QueryVectors(path, embedder := WordEmbedder(), "words")
    assert memory.encode(["glue", "glue"]).shape == (2, DIMENSION)
    assert (memory.encode(["glue"]) == embedder.encode(["glue"])).all()
    assert memory.embedded == 1


def test_only_what_was_asked_for_last_is_kept(path):
    remembering(path, "glue", "bread")
    remembering(path, "bread")
    assert remembering(path, "glue")[0] == 1
    with np.load(path) as stored:
        assert stored["vectors"].shape == (1, DIMENSION)
    assert b"glue" not in path.read_bytes()


def test_before_it_is_kept_nothing_is_written(path):
    QueryVectors(path, WordEmbedder(), "words").encode(["glue"])
    assert not path.exists()


def test_another_space_has_other_vectors(path):
    remembering(path, "glue")
    assert remembering(path, "glue", space="others")[0] == 1


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half of a file", b"no archive"])
def test_a_file_that_cannot_be_read_is_made_again(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    assert remembering(path, "glue")[0] == 1
    assert remembering(path, "glue")[0] == 0


def test_a_file_cut_short_is_made_again(path):
    remembering(path, "glue", "bread")
    path.write_bytes(path.read_bytes()[:-40])
    assert remembering(path, "glue")[0] == 1


def test_nothing_asked_for_is_nothing_kept(path):
    embedded, made = remembering(path)
    assert (embedded, made.shape) == (0, (0, DIMENSION))
    assert remembering(path, "glue")[0] == 1


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdef"), max_size=5), max_size=4))
def test_vectors_are_the_embedders_whatever_was_remembered(tmp_path_factory, runs):
    path = tmp_path_factory.mktemp("memory") / "vectors.npz"
    for texts in runs:
        assert (remembering(path, *texts)[1] == WordEmbedder().encode(texts)).all()
