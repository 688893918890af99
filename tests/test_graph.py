"""The whole graph, run by the command as a person would, and used afterwards."""

import dataclasses
import json

import httpx
import pytest

from resources.releases import Releases
from resources.store import Store
from tests.world import World

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("world"))
    made.call("run")
    yield made
    made.call("stop")


def test_status_counts_every_stage_and_every_twin(world):
    status = world.json("status")
    stages, nora = status["stages"], status["twins"]["nora"]
    assert stages["raw_documents"] == stages["cleaned_documents"] == 11
    assert stages["cleaned_chunks"] == stages["vectors"] > 50
    assert nora["dataset_rows"]["train"] > 10
    assert nora["metrics"]["decision"] == "promote"
    assert nora["metrics"]["improvement"]["mean"] > 0
    assert nora["release_id"] == Releases(world.home).desired("nora")
    assert httpx.get(f"{nora['endpoint']}/healthz").status_code == 200


def test_every_citation_is_true_and_the_authors_own(world):
    answer = world.json("ask", "nora", "Why do you build a twin that quotes?")
    documents = Store(world.home).read("cleaned_documents").set_index("document_id")
    assert answer["citations"]
    assert answer["release_id"] == Releases(world.home).desired("nora")
    for citation in answer["citations"]:
        document = documents.loc[citation["document_id"]]
        assert document["text"][citation["start"] : citation["end"]] == citation["quote"]
        assert document["author"] == "Nora Adeyemi"
        assert citation["quote"] in answer["answer"]
        assert {"uri", "title", "chunk_id"} <= set(citation)


def test_an_asked_question_is_in_the_trace_store_and_then_in_production_traces(world):
    trace_id = world.json("ask", "nora", "What does a split promise?")["trace_id"]
    world.job("monitoring_job", "nora")
    traces = Store(world.home).read("production_traces", "nora").set_index("trace_id")
    assert traces.loc[trace_id, "question"] == "What does a split promise?"
    assert json.loads(traces.loc[trace_id, "retrieved"])


def test_a_second_run_changes_nothing(world):
    before, release = world.versions(), Releases(world.home).desired("nora")
    said = world.call("run")
    assert world.versions() == before
    assert Releases(world.home).all("nora") == [release]
    for asset in ("chunk_embeddings", "base_model", "fine_tuned_model", "aligned_model"):
        assert f"  {asset}: unchanged" in said


def test_a_rollback_serves_the_parent_and_quarantines_what_is_left(world):
    releases = Releases(world.home)
    first = releases.champion("nora")
    second = dataclasses.replace(first, evaluation="another", parent=first.release_id)
    releases.desire("nora", releases.add(second, {}))
    told = world.json("rollback", "nora")
    assert told == {"twin": "nora", "release_id": first.release_id, "left": second.release_id}
    assert world.json("ask", "nora", "What is a release?")["release_id"] == first.release_id
    assert "no earlier release" in world.call("rollback", "nora", code=2)
    assert "nope" in world.call("rollback", "nora", "--to", "nope", code=2)


def test_new_changed_and_deleted_documents_reach_the_answers(world):
    page = world.texts / "zebra.md"
    head = "---\ntitle: Zebras\nauthor: Nora Adeyemi\ndate: 2026-11-11\n---\n\n# Zebras\n\n"
    page.write_text(head + "Zebras wear stripes because flies cannot land on stripes very well at all.\n")
    question = "Why do zebras wear stripes?"
    world.job("documents_job")
    assert "flies" in world.json("ask", "nora", question)["answer"]
    page.write_text(head + "Zebras wear stripes because lions find stripes confusing in a moving herd.\n")
    said = world.job("documents_job")
    answer = world.json("ask", "nora", question)["answer"]
    assert "lions" in answer
    assert "flies" not in answer
    assert "chunk_embeddings: done" in said
    page.unlink()
    world.job("documents_job")
    assert "lions" not in world.json("ask", "nora", question)["answer"]
    assert "zebra" not in "".join(Store(world.home).read("cleaned_chunks")["uri"])


def test_a_mistake_in_the_twins_file_is_one_line_without_a_traceback(world):
    (world.folder / "wrong.yaml").write_text("sources: []\n")
    environment = world.environment | {"LLM_TWIN_CONFIG": str(world.folder / "wrong.yaml")}
    import subprocess

    from tests.world import COMMAND

    done = subprocess.run([*COMMAND, "status"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "wrong.yaml:1: sources" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_twin_is_refused_with_the_names_there_are(world):
    assert "nora" in world.call("ask", "bob", "hello", code=2)
