import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.retrieval.ordering import ALIKE, LAMBDA, diverse, reordered
from resources.reranker import RerankerError
from resources.vector_store import Hit, ranked

LENGTH = 4


def unit(*values):
    made = np.zeros(LENGTH, dtype=np.float32)
    made[: len(values)] = values
    return made / np.linalg.norm(made)


def hit(name, score, vector=None, **payload):
    columns = {"title": "Tides", "heading_path": "", "text": f"text of {name}", **payload}
    return Hit(name, score, columns, {"dense": 0.5}, vector)


def names(hits):
    return [one.chunk_id for one in hits]


vectors = st.none() | st.tuples(*[st.integers(-2, 2)] * LENGTH).filter(any).map(lambda values: unit(*values))
scores = st.sampled_from([0.0, 0.01, 0.02, 0.5, 0.51, 1.0, 17.0, -1.0])


@st.composite
def candidates(draw):
    size = draw(st.integers(0, 12))
    ids = draw(st.permutations([f"c{number:02}" for number in range(size)]))
    return [hit(one, draw(scores), draw(vectors)) for one in ids]


class Fixed:
    """Gives each text its number and remembers what it was asked."""

    model_id = "fixed@1"

    def __init__(self, numbers):
        self.numbers = numbers
        self.asked = []

    def scores(self, question, passages):
        self.asked.append((question, list(passages)))
        return np.array([self.numbers[text.splitlines()[-1]] for text in passages], dtype=np.float32)


class Failing(Fixed):
    def __init__(self, made=None):
        super().__init__({})
        self.made = made

    def scores(self, question, passages):
        if self.made is None:
            raise RerankerError("LLM_TWIN_RERANKER: cannot use it")
        return self.made


@given(candidates(), st.integers(0, 15))
def test_the_result_is_the_beginning_of_a_permutation_of_the_candidates(hits, k):
    found = reordered("tide?", hits, k)
    assert len(found) == min(k, len(hits))
    assert len(set(names(found))) == len(found)
    assert set(names(found)) <= set(names(hits))
    before = {one.chunk_id: one for one in hits}
    for one in found:
        assert one.score == before[one.chunk_id].score
        assert one.payload is before[one.chunk_id].payload
        assert one.vector is before[one.chunk_id].vector
        assert one.scores.keys() == {"dense", "mmr"}


@given(candidates(), st.randoms(use_true_random=False))
def test_the_order_in_which_candidates_come_does_not_matter(hits, random):
    shuffled = list(hits)
    random.shuffle(shuffled)
    assert names(reordered("tide?", hits, 12)) == names(reordered("tide?", shuffled, 12))


@given(candidates(), st.integers(1, 11))
def test_fewer_are_the_beginning_of_more(hits, k):
    assert names(reordered("tide?", hits, k)) == names(reordered("tide?", hits, 12))[:k]


@given(candidates())
def test_the_best_candidate_stays_first(hits):
    assert names(reordered("tide?", hits, 1)) == names(ranked(hits))[:1]


@given(candidates())
def test_a_weight_of_one_leaves_the_order_of_relevance(hits):
    assert names(diverse(ranked(hits), 12, weight=1.0)) == names(ranked(hits))


@given(candidates())
def test_candidates_without_vectors_stay_in_the_order_of_relevance(hits):
    bare = [hit(one.chunk_id, one.score) for one in hits]
    assert names(reordered("tide?", bare, 12)) == names(ranked(bare))


@given(candidates())
def test_the_order_is_that_of_the_published_formula(hits):
    """One candidate at a time, as it is written: lambda * relevance - (1 - lambda) * max likeness."""
    left, chosen = ranked(hits), []
    low, high = (min(one.score for one in hits), max(one.score for one in hits)) if hits else (0, 0)

    def likeness(one, other):
        if one.vector is None or other.vector is None:
            return 0.0
        return min(1.0, max(0.0, (float(one.vector @ other.vector) - ALIKE) / (1 - ALIKE)))

    def value(one):
        relevance = (one.score - low) / (high - low) if high > low else 1.0
        return LAMBDA * relevance - (1 - LAMBDA) * max(
            (likeness(one, other) for other in chosen), default=0.0
        )

    found = reordered("tide?", hits, 12)
    for one in found:
        best = max(map(value, left))
        assert one.scores["mmr"] == pytest.approx(best, abs=1e-5)
        # Values that differ by rounding only may come in either order.
        assert value(one) == pytest.approx(best, abs=1e-5)
        left = [other for other in left if other.chunk_id != one.chunk_id]
        chosen.append(one)


def test_of_two_copies_one_stands_behind_another_relevant_passage():
    hits = [
        hit("a", 0.0328, unit(1)),
        hit("copy of a", 0.0323, unit(1)),
        hit("b", 0.0317, unit(0, 1)),
        hit("unrelated", 0.0150, unit(0, 0, 1)),
    ]
    assert names(reordered("tide?", hits, 2)) == ["a", "b"]
    assert names(reordered("tide?", hits, 4)) == ["a", "b", "copy of a", "unrelated"]


def test_passages_on_one_subject_are_not_taken_for_copies():
    near = [0.7, (1 - 0.7**2) ** 0.5]
    hits = [hit("a", 0.0328, unit(1)), hit("b", 0.0323, unit(*near)), hit("c", 0.0320, unit(0, 0, 1))]
    assert names(reordered("tide?", [*hits, hit("last", 0.01)], 3)) == ["a", "b", "c"]


def test_equals_stand_in_the_order_of_their_ids():
    assert names(reordered("tide?", [hit(name, 0.5) for name in "cab"], 3)) == ["a", "b", "c"]


def test_a_reranker_decides_the_order():
    hits = [hit("a", 0.9, unit(1)), hit("b", 0.8, unit(1)), hit("c", 0.7, unit(0, 1))]
    reranker = Fixed({"text of a": -3.0, "text of b": 2.5, "text of c": 2.0})
    found = reordered("tide?", hits, 2, reranker)
    assert names(found) == ["b", "c"]
    assert [one.scores for one in found] == [{"dense": 0.5, "rerank": 2.5}, {"dense": 0.5, "rerank": 2.0}]
    assert [one.score for one in found] == [0.8, 0.7]
    assert names(hits) == ["a", "b", "c"]


def test_a_reranker_reads_title_headings_and_the_whole_text():
    reranker = Fixed({"text of a": 1.0, "long " * 1000: 2.0})
    long = hit("b", 0.8, heading_path="Harbours > Ebb", text="long " * 1000)
    reordered("tide?", [hit("a", 0.9), long], 2, reranker)
    assert reranker.asked == [("tide?", ["Tides\ntext of a", f"Tides\nHarbours > Ebb\n{'long ' * 1000}"])]


def test_what_a_reranker_scores_equally_stays_as_it_was():
    # Enough of them that a sort which is not stable shows.
    hits = [hit(f"c{number:02}", 1.0 if number < 25 else 0.5) for number in reversed(range(50))]
    reranker = Fixed({one.payload["text"]: number % 2 for number, one in enumerate(hits)})
    expected = [one for one in ranked(hits) if int(one.chunk_id[1:]) % 2 == 0]
    assert names(reordered("tide?", hits, 25, reranker)) == names(expected)


def test_without_candidates_no_reranker_is_asked():
    reranker = Fixed({})
    assert reordered("tide?", [], 3, reranker) == []
    assert reranker.asked == []


@pytest.mark.parametrize(
    "made",
    [None, np.ones(1), np.ones((2, 1)), np.array([1.0, np.nan]), np.array([np.inf, 1.0])],
    ids=["error", "too few", "two columns", "no number", "infinite"],
)
def test_a_reranker_that_fails_is_warned_of_and_done_without(made, caplog):
    hits = [hit("a", 0.9, unit(1)), hit("b", 0.8, unit(0, 1))]
    with caplog.at_level(logging.WARNING):
        found = reordered("tide?", hits, 2, Failing(made))
    assert names(found) == ["a", "b"]
    assert [one.scores.keys() for one in found] == [{"dense", "mmr"}] * 2
    assert ["ordered without the reranker" in record.message for record in caplog.records] == [True]
