import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_twin_assets.retrieval.measuring import Score, interval, measure, report, score
from llm_twin_assets.retrieval.qrels import Query, heading_queries
from llm_twin_assets.sources.rows import records
from resources.edge_store import EdgeStore
from tests.llm_twin_assets.retrieval.words import TOPICS, Confused, WordEmbedder, chunk_table, pages


def scored(relevant, ranked):
    return score(Query("q", frozenset(relevant)), ranked, ranked)


def test_numbers_worked_out_by_hand():
    found = scored("ab", ["x", "a", "y", "b"])
    best = 1 + 1 / math.log2(3)
    assert (found.hit, found.reciprocal_rank, found.relevant) == (1.0, 0.5, 2)
    assert found.ndcg == pytest.approx((1 / math.log2(3) + 1 / math.log2(5)) / best, abs=1e-6)


def test_all_right_is_one_and_nothing_right_is_zero():
    assert scored("ab", ["b", "a", "x"]) == Score("q", 2, 1.0, 1.0, 1.0, 1.0)
    assert scored("ab", []) == Score("q", 2, 0.0, 0.0, 0.0, 0.0)


def test_what_comes_after_the_tenth_place_does_not_count():
    ranked = [*"0123456789", "a"]
    assert scored("a", ranked).hit == 0
    assert scored("a", ranked[1:]).reciprocal_rank == 0.1


def test_a_section_of_many_chunks_can_reach_one():
    many = [f"c{n}" for n in range(25)]
    assert scored(many, many[:10]).ndcg == 1.0


@settings(deadline=None)
@given(st.permutations("abcdefghijkl"), st.sets(st.sampled_from("abcdefghijkl"), min_size=1))
def test_scores_lie_between_none_and_all_and_a_better_place_is_never_worse(ranked, relevant):
    found = scored(relevant, ranked)
    for number in (found.hit, found.reciprocal_rank, found.ndcg):
        assert 0 <= number <= 1
    raised = sorted(ranked, key=lambda item: item not in relevant)
    assert scored(relevant, raised).ndcg >= found.ndcg
    assert scored(relevant, raised).reciprocal_rank == 1


def test_an_interval_holds_the_mean_and_narrows_with_more_values():
    few = np.random.default_rng(1).normal(0.5, 0.1, size=20).tolist()
    found, narrower = interval(few), interval(few * 20)
    assert found.low < found.mean < found.high
    assert found.high - found.low > 2 * (narrower.high - narrower.low)
    assert found == interval(few)
    half = 1.96 * np.std(few) / math.sqrt(20)
    assert found.high - found.mean == pytest.approx(half, rel=0.2)


def test_an_interval_misses_the_truth_about_one_time_in_twenty():
    draw = np.random.default_rng(2)
    found = [interval(draw.normal(0, 1, size=50).tolist()) for _ in range(200)]
    missed = sum(not one.low <= 0 <= one.high for one in found)
    assert 2 <= missed <= 24


@pytest.fixture
def searchable(tmp_path):
    """A store, and a function that indexes pages with an embedder and measures them."""
    vectors = EdgeStore(tmp_path)

    def measured(rows, known=None, embedder=None):
        embedder, table = embedder or WordEmbedder(), chunk_table(*rows)
        made = vectors.sync(
            records(table), "m", lambda fresh: embedder.encode([one["text"] for one in fresh])
        )
        return measure(embedder, vectors, made.index_id, heading_queries(table), known)

    return measured


def documents(rows):
    return {row["document_id"]: row["content_hash"] for row in rows}


def test_an_index_that_finds_and_one_that_does_not(searchable):
    rows = pages(*TOPICS)
    good = searchable(rows)
    assert len(good) == 30
    assert np.mean([one.ndcg for one in good]) > 0.8
    bad = searchable([row | {"title": "other"} for row in rows], embedder=Confused())
    assert np.mean([one.ndcg for one in bad]) < 0.3


def rivals(*topics, times):
    """Documents that compete for the questions of others with the very words of their headings."""
    return [
        row | {"text": f"How {topic} grow slowly {n} How {topic} grow slowly", "heading_path": ""}
        for n in range(times)
        for topic in topics
        for row in pages(f"{topic} rival {n}")[:1]
    ]


def test_new_documents_compete_in_the_plain_numbers_and_not_in_those_as_live(searchable):
    rows = pages("glue", "bread", "tides")
    before = {one.query: one for one in searchable(rows)}
    crowd = rivals("glue", times=30)
    after = {one.query: one for one in searchable([*rows, *crowd], documents(rows))}
    crowded = "how glue grow slowly"
    assert after[crowded].ndcg < before[crowded].ndcg
    assert {query: one.ndcg_as_live for query, one in after.items()} == {
        query: one.ndcg for query, one in before.items()
    }


def test_a_changed_document_still_answers_its_own_questions_as_live(searchable):
    rows = pages("glue", "bread", "tides")
    known = documents(rows) | {rows[0]["document_id"]: "its hash before the change"}
    found = {one.query: one for one in searchable(rows, known)}
    assert found["how glue grow slowly"].ndcg_as_live > 0.8


def test_a_report_of_fewer_than_five_queries_is_insufficient():
    few, enough = [[scored("a", ["a"])] * n for n in (4, 5)]
    assert report("i", {}, few)["state"] == "insufficient"
    assert report("i", {}, few)["metrics"] == {}
    made = report("i", {"d": "h"}, enough)
    assert made["state"] == "measured"
    assert set(made["metrics"]) == {"hit@10", "mrr@10", "ndcg@10"}
    assert made["metrics"]["ndcg@10"] == {"mean": 1.0, "low": 1.0, "high": 1.0}
    assert made["documents"] == {"d": "h"}
