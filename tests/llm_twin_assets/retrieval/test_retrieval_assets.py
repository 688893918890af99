"""The three assets with their checks, materialized by Dagster on stored chunks."""

import datetime
import shutil

import dagster as dg
import numpy as np
import pytest

from llm_twin_assets.retrieval import assets, checks
from llm_twin_assets.retrieval.embedding import build_index
from llm_twin_assets.retrieval.search import Searcher
from resources.edge_store import EdgeStore
from resources.qdrant_store import QdrantStore
from resources.twins import Twins
from tests.llm_twin_assets.retrieval.stage import CHECKS, Stage
from tests.llm_twin_assets.retrieval.words import (
    TOPICS,
    Confused,
    WordEmbedder,
    chunk_row,
    chunk_table,
    pages,
)

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect")


@pytest.fixture
def stage(store):
    return Stage(store, EdgeStore(store.home))


@pytest.fixture(params=["edge", "memory"])
def either(request, store):
    return Stage(store, EdgeStore(store.home) if request.param == "edge" else QdrantStore(":memory:"))


def test_chunks_become_a_live_index_with_its_measurement(either):
    either.put(*pages(*TOPICS[:6]))
    ran = either.run()
    assert ran.success
    assert ran.passed == dict.fromkeys(
        [
            "vectors_are_the_chunks",
            "vectors_are_the_models",
            "not_worse_than_live",
            "not_crowded_out",
            "live_is_this_index",
        ],
        True,
    )
    live = either.vectors.live()
    assert ran.versions["chunk_embeddings"] == ran.versions["search_index"] == live
    assert ran.metadata["chunk_embeddings"]["embedded"] == 36
    assert ran.metadata["retrieval_evaluation"]["queries"] == 18
    assert ran.metadata["retrieval_evaluation"]["ndcg@10"] > 0.3
    assert "| how " in ran.metadata["retrieval_evaluation"]["hardest_queries"]
    assert "| headings | hybrid+rerank | " in ran.metadata["retrieval_evaluation"]["retrievers"]
    assert ran.metadata["retrieval_evaluation"]["chart"].startswith("![")
    assert ran.metadata["search_index"]["dagster/row_count"] == 36
    assert either.store.report("search_index")["evaluation"] == either.store.report("retrieval_evaluation")


def test_a_second_run_computes_nothing(either):
    either.put(*pages(*TOPICS[:6]))
    first = either.run()
    again = either.run()
    assert either.embedded() == 0
    assert again.versions == first.versions
    assert [again.metadata[name]["reused"] for name in again.metadata] == [True] * 3
    assert (again.metadata["chunk_embeddings"]["embedded"], again.success) == (0, True)


def test_added_changed_and_deleted_documents_reach_the_live_index_alone(either):
    rows = pages(*TOPICS[:6])
    either.put(*rows)
    either.run()
    changed = rows[0] | {"title": "glue and size"}
    either.put(changed, *rows[1:30], *pages("bells"))
    ran = either.run()
    assert ran.success
    numbers = ran.metadata["chunk_embeddings"]
    assert (numbers["embedded"], numbers["deleted"]) == (7, 6)
    found = Searcher(either.embedder, either.vectors).search("how bells grow", 99).hits
    assert {hit.payload["title"] for hit in found} == {"glue and size", *TOPICS[:5], "bells"}
    assert either.vectors.ids(either.vectors.live()) == set(either.store.read("cleaned_chunks")["chunk_id"])


def test_a_worse_index_is_not_published_and_the_run_is_red(stage):
    stage.put(*pages(*TOPICS))
    stage.run()
    live = stage.vectors.live()
    stage.embedder = Confused("words@confused")
    ran = stage.run()
    assert not ran.success
    assert ran.passed["not_worse_than_live"] is False
    assert "worse than the live index: nDCG@10 " in ran.checks["not_worse_than_live"].description
    assert ran.checks["not_worse_than_live"].metadata["high"].value < 0
    assert "search_index" not in ran.versions
    assert stage.vectors.live() == live
    found = Searcher(WordEmbedder(), stage.vectors).search("how glue grow", 1)
    assert found.hits[0].payload["title"] == "glue"


def test_a_refused_index_cannot_be_published_by_a_run_of_its_own(stage):
    stage.put(*pages(*TOPICS))
    stage.run()
    live = stage.vectors.live()
    stage.embedder = Confused("words@confused")
    stage.run()
    assert not stage.run(assets.search_index).success
    assert stage.vectors.live() == live


def test_an_index_that_was_not_measured_cannot_be_published(stage):
    stage.put(*pages(*TOPICS[:4]))
    stage.run()
    live = stage.vectors.live()
    stage.put(*pages(*TOPICS[:5]))
    assert stage.run(assets.chunk_embeddings).success
    assert not stage.run(assets.search_index).success
    assert stage.vectors.live() == live


def test_going_back_from_a_refused_index_reuses_what_is_live(stage):
    stage.put(*pages(*TOPICS))
    first = stage.run()
    stage.embedder = Confused("words@confused")
    stage.run()
    stage.embedder = WordEmbedder()
    back = stage.run()
    assert back.success
    assert stage.embedded() == 0, "neither chunks nor questions are embedded again"
    assert back.versions == first.versions
    assert back.metadata["search_index"]["reused"] is True


def test_many_good_documents_more_do_not_block_but_are_told(stage):
    few = pages("glue", "bread", "tides")
    stage.put(*few)
    stage.run()
    crowd = [
        row | {"text": f"How {topic} {verb} slowly How {topic} {verb} slowly {n}", "heading_path": ""}
        for topic in ("glue", "bread", "tides")
        for verb in ("grow", "break", "rest")
        for n in range(12)
        for row in [chunk_row(f"crowd {topic} {verb} {n}", 0, "", f"{topic} {verb} {n}")]
    ]
    stage.put(*few, *crowd)
    ran = stage.run()
    assert ran.success
    assert ran.passed["not_worse_than_live"] is True
    assert ran.passed["not_crowded_out"] is False
    assert ran.checks["not_crowded_out"].severity == dg.AssetCheckSeverity.WARN
    assert stage.vectors.count(stage.vectors.live()) == len(few) + len(crowd)


def test_hand_written_questions_are_measured_and_lost_ones_named(stage, tmp_path):
    file = tmp_path / "questions.yaml"
    file.write_text("- {question: 'Why do they rest?', uri: glue.md, quote: nowhere}")
    stage.twins = Twins.model_construct(questions=file)
    stage.put(*pages(*TOPICS[:4]))
    first = stage.run().metadata["retrieval_evaluation"]
    assert (first["questions"], len(first["lost_questions"])) == (0, 1)
    file.write_text("- {question: 'Why do they rest?', uri: glue.md, quote: glue rest}")
    mended = stage.run()
    assert mended.metadata["retrieval_evaluation"]["questions"] == 1
    assert mended.metadata["retrieval_evaluation"]["lost_questions"] == []
    assert 1 <= stage.embedded() <= 3, "only the new question, in its wordings, is embedded"


def test_a_corpus_without_headings_is_insufficient_and_passes(stage):
    stage.put(*[row | {"heading_path": ""} for row in pages(*TOPICS)])
    ran = stage.run()
    assert ran.success
    assert ran.metadata["retrieval_evaluation"]["state"] == "insufficient"
    assert ran.checks["not_worse_than_live"].description.startswith("insufficient: 0 queries")


def test_no_chunk_at_all_is_an_empty_index(either):
    either.put()
    ran = either.run()
    assert ran.success
    assert either.vectors.count(either.vectors.live()) == 0


def test_an_index_that_vanished_is_built_again_under_the_same_name(stage):
    stage.put(*pages(*TOPICS[:4]))
    first = stage.run()
    stage.vectors.close()
    shutil.rmtree(stage.store.home / "vectors")
    again = stage.run()
    assert again.success
    assert again.versions == first.versions
    assert again.metadata["chunk_embeddings"]["reused"] is False
    assert again.metadata["search_index"]["reused"] is False
    assert stage.vectors.count(stage.vectors.live()) == 24


def test_another_store_is_filled_although_the_chunks_are_the_same(stage):
    stage.put(*pages(*TOPICS[:4]))
    stage.run()
    moved = Stage(stage.store, QdrantStore(":memory:"))
    ran = moved.run()
    assert ran.success
    assert ran.metadata["chunk_embeddings"]["embedded"] == 24
    assert moved.vectors.live() == stage.vectors.live()


def test_a_torn_index_stops_the_run_before_it_is_measured(stage, monkeypatch):
    stage.put(*pages(*TOPICS[:4]))
    real = stage.vectors.ids
    monkeypatch.setattr(stage.vectors, "ids", lambda index_id: set(sorted(real(index_id))[1:]))
    ran = stage.run()
    assert ran.passed == {"vectors_are_the_chunks": False, "vectors_are_the_models": True}
    assert ran.checks["vectors_are_the_chunks"].metadata["missing"].value == 1
    assert "retrieval_evaluation" not in ran.versions
    assert stage.vectors.live() is None


def test_a_pointer_moved_by_somebody_else_is_noticed(stage):
    stage.put(*pages(*TOPICS[:4]))
    stage.run()
    other, _ = build_index(chunk_table(*pages("bells")), stage.embedder, stage.vectors, print)
    stage.vectors.publish(other["index_id"])
    resources = {"store": stage.store, "vectors": stage.vectors}
    assert not checks.live_is_this_index(**resources).passed


def test_progress_stands_in_the_runs_log(stage, capfd):
    stage.put(*pages(*(f"topic{n}" for n in range(120))))
    stage.run(assets.chunk_embeddings)
    said = capfd.readouterr().err
    assert "embedded 72 of 720 chunks" in said
    assert "embedded 720 of 720 chunks" in said


def test_the_stage_retries_and_says_when_it_is_stale():
    assert assets.chunk_embeddings.op.retry_policy.max_retries == 2
    policy = next(iter(assets.search_index.specs)).freshness_policy
    assert policy.warn_window.to_timedelta() == datetime.timedelta(days=7)
    assert policy.fail_window.to_timedelta() == datetime.timedelta(days=14)


def test_vectors_that_are_not_the_models_stop_the_run_before_it_is_measured(stage):
    class Slipped(WordEmbedder):
        """A model whose vectors hang on what else is embedded with a text."""

        def encode(self, texts, progress=None):
            return np.roll(super().encode(texts, progress), 1, axis=0)

    stage.embedder = Slipped()
    stage.put(*pages(*TOPICS[:4]))
    ran = stage.run()
    assert ran.passed == {"vectors_are_the_chunks": True, "vectors_are_the_models": False}
    assert ran.checks["vectors_are_the_models"].metadata["lowest_cosine"].value < 0.999
    assert "retrieval_evaluation" not in ran.versions


def test_exactly_the_named_checks_block():
    blocking = {spec.name for check in CHECKS for spec in check.check_specs if spec.blocking}
    assert blocking == {
        "vectors_are_the_chunks",
        "vectors_are_the_models",
        "not_worse_than_live",
        "live_is_this_index",
    }
