import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_twin_assets.retrieval.embedding import entries, surroundings, wording
from llm_twin_assets.retrieval.measuring import (
    AS_LIVE,
    READ_PATH,
    RETRIEVERS,
    Measured,
    Score,
    interval,
    score,
)
from llm_twin_assets.retrieval.qrels import Query, heading_queries
from llm_twin_assets.sources.rows import records
from resources.edge_store import EdgeStore
from tests.llm_twin_assets.retrieval.words import TOPICS, Confused, WordEmbedder, chunk_table, pages


def scored(relevant, ranked):
    return score(Query("q", frozenset(relevant)), ranked)


def test_numbers_worked_out_by_hand():
    found = scored("abc", ["x", "a", "y", "b"])
    best = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert (found.hit, found.reciprocal_rank, found.relevant) == (1.0, 0.5, 3)
    assert found.recall == pytest.approx(2 / 3, abs=1e-6)
    assert found.ndcg == pytest.approx((1 / math.log2(3) + 1 / math.log2(5)) / best, abs=1e-6)


def test_all_right_is_one_and_nothing_right_is_zero():
    assert scored("ab", ["b", "a", "x"]) == Score("q", 2, 1.0, 1.0, 1.0, 1.0)
    assert scored("ab", []) == Score("q", 2, 0.0, 0.0, 0.0, 0.0)


def test_what_comes_after_the_tenth_place_does_not_count():
    ranked = [*"0123456789", "a"]
    assert scored("a", ranked).hit == 0
    assert scored("a", ranked[1:]).reciprocal_rank == 0.1


def test_a_section_of_many_chunks_can_reach_one_but_not_in_recall():
    many = [f"c{n}" for n in range(25)]
    assert (scored(many, many[:10]).ndcg, scored(many, many[:10]).recall) == (1.0, 0.4)


@settings(deadline=None)
@given(st.permutations("abcdefghijkl"), st.sets(st.sampled_from("abcdefghijkl"), min_size=1))
def test_scores_lie_between_none_and_all_and_a_better_place_is_never_worse(ranked, relevant):
    found = scored(relevant, ranked)
    for number in (found.hit, found.recall, found.reciprocal_rank, found.ndcg):
        assert 0 <= number <= 1
    assert found.recall <= found.hit
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


class Searched:
    """A store of indexes, and what each retriever finds in one of pages for their headings."""

    def __init__(self, folder):
        self.vectors = EdgeStore(folder)

    def measured(self, rows, known=None, embedder=None, reranker=None):
        have = documents(rows)
        new = {name for name in have if known is not None and known.get(name) != have[name]}
        embedder, table = embedder or WordEmbedder(), chunk_table(*rows)
        made = self.vectors.sync(
            records(table), "m", lambda fresh: entries(embedder, fresh, surroundings(fresh), print)
        )
        queries = heading_queries(table)
        asked = [[wording(query.text, embedder.encode([query.text])[0])] for query in queries]
        return Measured(self.vectors, made.index_id, reranker, frozenset(new)), queries, asked

    def scores(self, *arguments, **named):
        measured, queries, asked = self.measured(*arguments, **named)
        return measured.scores(queries, asked)

    def stored(self, *arguments, **named):
        measured, queries, asked = self.measured(*arguments, **named)
        return measured.stored(queries, asked)


@pytest.fixture
def searched(tmp_path):
    return Searched(tmp_path)


def documents(rows):
    return {row["document_id"]: row["content_hash"] for row in rows}


def mean(scores):
    return float(np.mean([one.ndcg for one in scores]))


def by_query(scores):
    return {one.query: one.ndcg for one in scores}


def test_every_retriever_answers_every_query(searched):
    found = searched.scores(pages(*TOPICS))
    assert set(found) == {*RETRIEVERS, AS_LIVE}
    assert {len(scores) for scores in found.values()} == {30}
    assert all(mean(scores) > 0.8 for scores in found.values())
    assert found["dense"] == searched.stored(pages(*TOPICS))["dense"]


def test_vectors_that_say_nothing_are_seen_in_the_dense_retriever_alone(searched):
    found = searched.scores(pages(*TOPICS), embedder=Confused())
    assert mean(found["dense"]) < 0.3
    assert mean(found["sparse"]) > 0.8
    assert mean(found["dense"]) < mean(found["hybrid"])
    assert mean(searched.stored(pages(*TOPICS), embedder=Confused())["dense"]) < 0.3


class Backwards:
    """A reranker that likes what has nothing to do with the question, and keeps what it was asked."""

    model_id = "backwards@1"

    def __init__(self):
        self.asked = []

    def scores(self, question, passages):
        self.asked.append(len(passages))
        shared = [len(set(question.split()) & set(text.lower().split())) for text in passages]
        return -np.array(shared, dtype=np.float32)


def test_the_read_path_orders_the_first_fifty_of_the_hybrid(searched):
    reranker = Backwards()
    found = searched.scores(pages(*TOPICS), reranker=reranker)
    assert mean(found[READ_PATH]) < 0.1 < mean(found["hybrid"])
    assert set(reranker.asked) == {50}


def rivals(*topics, times):
    """Documents that compete for the questions of others with the very words of their headings."""
    return [
        row | {"text": f"How {topic} grow slowly {n} How {topic} grow slowly", "heading_path": ""}
        for n in range(times)
        for topic in topics
        for row in pages(f"{topic} rival {n}")[:1]
    ]


def test_new_documents_compete_in_the_plain_numbers_and_not_in_those_as_live(searched):
    rows, crowded = pages("glue", "bread", "tides"), "how glue grow slowly"
    before = searched.scores(rows)
    # More than are put in order: as live, it is searched deeper.
    crowd = [*rows, *rivals("glue", times=80)]
    after = searched.scores(crowd, documents(rows))
    assert by_query(after[READ_PATH])[crowded] < by_query(before[READ_PATH])[crowded]
    # Not equal: how rare a term is, and ranks that are fused, hang on all documents.
    assert by_query(after[AS_LIVE])[crowded] > 0.8
    assert mean(after[AS_LIVE]) == pytest.approx(mean(before[READ_PATH]), abs=0.1)
    stored = searched.stored(crowd, documents(rows))
    assert by_query(stored["dense"])[crowded] < by_query(before["dense"])[crowded]
    assert by_query(stored[AS_LIVE]) == by_query(before["dense"])


def test_where_nothing_is_live_every_document_counts(searched):
    found = searched.scores([*pages("glue", "bread"), *rivals("glue", times=30)])
    assert found[AS_LIVE] == found[READ_PATH]


def test_a_changed_document_still_answers_its_own_questions_as_live(searched):
    rows = pages("glue", "bread", "tides")
    known = documents(rows) | {rows[0]["document_id"]: "its hash before the change"}
    assert by_query(searched.scores(rows, known)[AS_LIVE])["how glue grow slowly"] > 0.8


def test_a_question_of_stop_words_finds_nothing_sparse_and_scores_nothing(searched):
    measured, _, _ = searched.measured(pages("glue"))
    query = Query("how it is", frozenset({pages("glue")[0]["chunk_id"]}))
    found = measured.scores([query], [[wording(query.text, WordEmbedder().encode([query.text])[0])]])
    assert found["sparse"] == [Score("how it is", 1, 0.0, 0.0, 0.0, 0.0)]
    assert len(found[READ_PATH]) == 1


def test_no_query_has_no_score(searched):
    measured, _, _ = searched.measured(pages("glue"))
    assert measured.scores([], []) == {name: [] for name in (*RETRIEVERS, AS_LIVE)}
