"""The assets and checks of the stage, materialized by Dagster on stored documents."""

from dataclasses import replace

import dagster as dg
import pandas as pd
import pytest

from llm_twin_assets.contracts import CHUNKS, CLEANED_DOCUMENTS, digest, empty
from llm_twin_assets.documents import assets, checks
from llm_twin_assets.documents.chunking import chunk_documents
from llm_twin_assets.documents.cleaning import clean_documents
from resources.store import Table

STAGE = [
    assets.cleaned_documents,
    assets.cleaned_chunks,
    checks.splits_are_closed_under_clusters,
    checks.chunks_stand_at_their_offsets,
    checks.chunks_fit_the_embedder,
]
TEXT = "# Tides\n\nThe water leaves the harbour twice a day. " + "Nobody minds. " * 100


@pytest.fixture
def run(store, embedder, raw):
    def _run(*documents):
        rows = raw(*documents)
        store.materialize("raw_documents", digest(rows["source_hash"].tolist()), lambda: Table(rows))
        done = dg.materialize(STAGE, resources={"store": store, "embedder": embedder}, raise_on_error=False)
        found = {}
        for event in done.get_asset_materialization_events():
            metadata = {key: value.value for key, value in event.materialization.metadata.items()}
            found[event.asset_key.to_user_string()] = metadata
        verdicts = {check.check_name: check.passed for check in done.get_asset_check_evaluations()}
        return done, found, verdicts

    return _run


def test_documents_and_chunks_are_stored_and_checked(run, store):
    done, found, verdicts = run({"text": TEXT}, {"text": f"{TEXT} And more."})
    assert done.success
    assert verdicts == dict.fromkeys(verdicts, True)
    assert len(verdicts) == 3
    assert found["cleaned_documents"]["documents/train"] == 2
    assert found["cleaned_documents"]["authors"]["Ada"]["documents"] == 2
    assert found["cleaned_chunks"]["dagster/row_count"] == len(store.read("cleaned_chunks")) > 2
    assert "| Title 0 |" in found["cleaned_documents"]["preview"]


def test_a_second_run_computes_nothing(run, store):
    run({"text": TEXT})
    versions = [store.version(name) for name in ("cleaned_documents", "cleaned_chunks")]
    _, found, _ = run({"text": TEXT})
    for name in ("cleaned_documents", "cleaned_chunks"):
        assert found[name]["reused"] is True
        assert (found[name]["reused_documents"], found[name]["computed_documents"]) == (1, 0)
    assert [store.version(name) for name in ("cleaned_documents", "cleaned_chunks")] == versions


def test_one_more_document_is_all_that_is_computed(run):
    run({"text": TEXT}, {"text": f"{TEXT} Two."})
    _, found, _ = run({"text": TEXT}, {"text": f"{TEXT} Two."}, {"text": f"{TEXT} Three."})
    for name in ("cleaned_documents", "cleaned_chunks"):
        assert (found[name]["reused_documents"], found[name]["computed_documents"]) == (2, 1)


def test_another_recipe_cuts_everything_again(run, store):
    run({"text": TEXT})
    record = store.record("cleaned_chunks")
    other = replace(record, metadata=record.metadata | {"recipe": "older"}, inputs="older")
    rows = store.read("cleaned_chunks")
    store.materialize("cleaned_chunks", "older", lambda: Table(rows, metadata=other.metadata))
    _, found, _ = run({"text": TEXT})
    assert found["cleaned_chunks"]["computed_documents"] == 1


@pytest.fixture
def stored(store, raw, tokenizer):
    """Two stored copies of a document and their chunks, as the assets leave them."""
    documents = raw({"text": TEXT}, {"text": TEXT})
    cleaned = store.materialize(
        "cleaned_documents", "1", lambda: clean_documents(documents, empty(CLEANED_DOCUMENTS))
    )
    rows = store.read("cleaned_documents")
    store.materialize(
        "cleaned_chunks", cleaned.version, lambda: chunk_documents(rows, empty(CHUNKS), tokenizer)
    )

    def _change(asset, change):
        path = store.folder(asset) / "part.parquet"
        change(pd.read_parquet(path)).to_parquet(path)

    return _change


def test_a_divided_cluster_is_found(stored, store):
    assert checks.splits_are_closed_under_clusters(store).passed
    stored("cleaned_documents", lambda rows: rows.assign(split=["train", "test"]))
    assert not checks.splits_are_closed_under_clusters(store).passed


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.assign(start=rows["start"] + 1),
        lambda rows: rows.assign(text=rows["text"] + "."),
        lambda rows: rows.assign(document_id="unknown"),
        lambda rows: rows[rows["document_id"] == rows["document_id"][0]],
    ],
)
def test_a_chunk_off_its_place_is_found(stored, store, change):
    assert checks.chunks_stand_at_their_offsets(store).passed
    stored("cleaned_chunks", change)
    assert not checks.chunks_stand_at_their_offsets(store).passed


def test_a_chunk_beyond_the_window_is_found(stored, store, embedder):
    assert checks.chunks_fit_the_embedder(store, embedder).passed
    stored("cleaned_chunks", lambda rows: rows.assign(text="word " * 255))
    assert not checks.chunks_fit_the_embedder(store, embedder).passed


def test_a_repeated_chunk_id_is_found(stored, store, embedder):
    stored("cleaned_chunks", lambda rows: rows.assign(chunk_id="same"))
    assert not checks.chunks_fit_the_embedder(store, embedder).passed
