"""How near sentences are to a question, with what was embedded before kept."""

import threading

import numpy as np
import pytest

from llm_twin_assets.serving.similarity import SentenceVectors
from tests.llm_twin_assets.serving.small import WordEmbedder

BEES = ("bees", ["Bees hum in winter.", "Honey is sweet."])
STONE = ("stone", ["Stone is hard."])
NONE = ("none", [])


class Counting(WordEmbedder):
    def __init__(self):
        self.texts = []

    def encode(self, texts):
        self.texts += texts
        return super().encode(texts)


@pytest.fixture
def embedder():
    return Counting()


def test_similarities_are_cosines_in_the_passages_order(embedder):
    found = SentenceVectors(embedder).similarities("sweet honey", [BEES, STONE, NONE])
    asked, *others = WordEmbedder().encode(["sweet honey", *BEES[1], "Stone is hard."])
    assert [len(one) for one in found] == [2, 1, 0]
    assert np.allclose([value for one in found for value in one], np.array(others) @ asked)
    assert found[0][1] == pytest.approx(1.0)


def test_a_passage_that_comes_back_is_not_embedded_again(embedder):
    vectors = SentenceVectors(embedder)
    first = vectors.similarities("honey", [BEES, STONE])
    embedder.texts.clear()
    assert vectors.similarities("honey", [STONE, BEES]) == first[::-1]
    assert embedder.texts == ["honey"]


def test_what_was_used_least_recently_is_forgotten(embedder):
    vectors = SentenceVectors(embedder, limit=2)
    for passage in (BEES, STONE, BEES, NONE):
        vectors.similarities("honey", [passage])
    embedder.texts.clear()
    vectors.similarities("honey", [BEES])
    vectors.similarities("honey", [STONE])
    assert embedder.texts == ["honey", "honey", *STONE[1]]


def test_more_passages_than_are_kept_are_still_answered(embedder):
    found = SentenceVectors(embedder, limit=1).similarities("honey", [BEES, STONE])
    assert [len(one) for one in found] == [2, 1]


def test_many_threads_get_what_one_would_get(embedder):
    vectors = SentenceVectors(embedder, limit=1)
    wanted = vectors.similarities("honey", [BEES, STONE])
    wrong = []

    def ask():
        for _ in range(50):
            if vectors.similarities("honey", [BEES, STONE]) != wanted:
                wrong.append(1)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
