"""Where a document is, and that forgetting takes it away; the whole command is tested on the whole graph."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from llm_twin_assets.contracts import chunk_id, content_hash, document_id, rejected, row_id
from llm_twin_assets.forgetting import footprint, forget, summary
from llm_twin_assets.reasons import Reason
from resources import s3
from resources.catalog import Catalog
from resources.edge_store import EdgeStore
from resources.models import Model, ModelStore
from resources.opik_outbox import EXPERIMENT, Outbox
from resources.releases import Manifest, Releases
from resources.store import Store, Table
from resources.terms import document_terms
from resources.traces import Trace, TraceStore, new_trace_id
from resources.twins import FileSource, Twin, Twins
from resources.vector_store import Entries
from tests.resources.homes import S3Server, surroundings
from tests.rows import MADE, ORIGIN

GONE, KEPT = "file:texts/gone.md", "file:texts/kept.md"


def _document(uri):
    known = {"title": "T", "author": "Ada", "kind": "article", "platform": "folder", "language": None}
    text = f"Words of {uri}."
    ids = {"document_id": document_id(uri), "uri": uri, "published_at": None}
    return ids | known | {"text": text, "content_hash": content_hash(text)}


def _chunk(uri):
    one = _document(uri)
    place = {"ordinal": 0, "start": 0, "end": len(one["text"]), "heading_path": "", "n_tokens": 3}
    identity = {"chunk_id": chunk_id(one["document_id"], one["text"], 0)}
    return identity | {key: one[key] for key in one if key != "language"} | place


def _row(uri):
    one = _document(uri)
    span = {"document_id": one["document_id"], "start": 0, "end": len(one["text"])}
    identity = {"row_id": row_id("ada", one["document_id"], 0, span["end"], "post"), "twin": "ada"}
    return (
        identity
        | span
        | {
            "instruction": "Say it.",
            "answer": one["text"],
            "intent": "post",
            "generator": "template",
            "split": "train",
        }
    )


def _pair(uri):
    """A pair that sets another author's words against those of a document."""
    row = _row(uri)
    own = {
        name: row[name] for name in ("row_id", "twin", "instruction", "document_id", "start", "end", "split")
    }
    return own | {
        "chosen": row["answer"],
        "rejected": "Worse.",
        "kind": "other_author",
        "rejected_document_id": document_id(f"{uri} by another"),
    }


def _judged(uri):
    """What a reader turned down in favour of a document's words."""
    row = {name: value for name, value in _row(uri).items() if name not in ("intent", "generator")}
    said = dict.fromkeys(("trace_id", "thread", "voter", "release_id", "answer_hash"), "1")
    worse = {"rejected": "Worse.", "rejected_document_id": document_id(f"{uri} by another")}
    return row | said | worse | {"said_at": "2026-01-01T00:00:00.000+00:00", "kind": "rejected"}


def _fill(resources, uris):
    """What the stages leave behind that know these documents."""
    store = resources["store"]
    raw = [_document(uri) | ORIGIN | {"item": uri.removeprefix("file:")} for uri in uris]
    made = [_document(uri) | MADE | {"cluster_id": document_id(uri), "split": "train"} for uri in uris]
    for asset, rows, twin in [
        ("raw_documents", raw, None),
        ("cleaned_documents", made, None),
        ("cleaned_chunks", [_chunk(uri) for uri in uris], None),
        ("instruct_dataset", [_row(uri) for uri in uris], "ada"),
        ("preference_dataset", [_pair(uri) for uri in uris], "ada"),
        ("feedback_dataset", [_judged(uri) for uri in uris], "ada"),
        ("accepted_feedback", [_judged(uri) | {"batch": "b"} for uri in uris], "ada"),
    ]:
        store.materialize(asset, str(uris), lambda rows=rows: Table(pd.DataFrame(rows)), twin)
    chunks = [_chunk(uri) for uri in uris]

    def embed(fresh):
        return Entries(np.eye(len(fresh), 4, dtype=np.float32), [document_terms("words")] * len(fresh))

    index = resources["vectors"].sync(chunks, "words", embed)
    resources["vectors"].publish(index.index_id)


@pytest.fixture
def twins(tmp_path):
    (tmp_path / "texts").mkdir()
    source = FileSource(kind="folder", path=tmp_path / "texts")
    return Twins(root=tmp_path, sources=[source], twins=[Twin(name="ada", author="Ada")])


@pytest.fixture
def resources(tmp_path, twins):
    home = tmp_path / "home"
    made = {
        "store": Store(home),
        "models": ModelStore(home),
        "releases": Releases(home),
        "vectors": EdgeStore(home),
        "traces": TraceStore(home),
        "catalog": Catalog(twins, home),
    }
    _fill(made, [GONE, KEPT])
    both = [[document_id(uri), "hash", 3] for uri in (GONE, KEPT)]
    made["models"].point("base_model", Model("base", "i", "f", {"trained_on": both}))
    made["models"].point("fine_tuned_model", Model("old", "i", "f", {"trained_on": [both[0][0]]}), "ada")
    made["models"].point("aligned_model", Model("old", "i", "f", {"trained_on": [both[0][0]]}), "ada")
    made["models"].point("fine_tuned_model", Model("new", "i", "f", {"trained_on": [both[1][0]]}), "ada")
    manifest = Manifest("ada", "Ada", "old", "f", "base", "f", "", "p", {}, "e", None)
    made["releases"].add(manifest, {})
    passage = {"chunk_id": _chunk(GONE)["chunk_id"], "content_hash": "h", "score": 1.0}
    trace = Trace(new_trace_id(), "ada", "2026-01-01", "r", "i", "Why?", "So.", retrieved=[passage])
    made["traces"].append(trace)
    yield made
    made["vectors"].close()


def test_everything_that_holds_a_document_or_learned_from_it_is_found(twins, resources):
    found = footprint(GONE, twins, resources)
    assert (found.known, found.chunks, found.vectors, found.dataset_rows) == (True, 1, 1, {"ada": 4})
    assert found.indexes == [resources["vectors"].live()]
    assert (found.base_models, found.adapters) == (["base"], {"ada": ["old"]})
    assert found.releases == {"ada": resources["releases"].all("ada")}
    assert found.traces == 1
    assert not found.is_gone
    assert json.dumps(found.told())


def test_another_document_is_told_apart(twins, resources):
    found = footprint(KEPT, twins, resources)
    assert (found.adapters, found.releases, found.traces) == ({"ada": ["new"]}, {}, 0)


def test_an_unknown_address_is_nowhere(twins, resources):
    assert footprint("file:texts/other.md", twins, resources).is_gone


class Runs:
    """Runs jobs as the graph would: the documents' job leaves out what is forgotten."""

    def __init__(self, resources, fails=False, jobs_fill=True):
        self.resources, self.fails, self.jobs_fill, self.asked = resources, fails, jobs_fill, []

    def __call__(self, job, **options):
        self.asked.append((job, options))
        if self.fails:
            return ["the index is worse than the live one"]
        left = [uri for uri in (GONE, KEPT) if uri not in self.resources["catalog"].forgotten.uris()]
        if self.jobs_fill:
            _fill(self.resources, left)
        return []


def test_after_forgetting_only_what_was_learned_is_left(twins, resources):
    runs = Runs(resources)
    before = footprint(GONE, twins, resources)
    assert forget(GONE, twins, resources, runs) == []
    after = footprint(GONE, twins, resources, before)
    assert after.is_gone
    assert after.traces == 1
    assert after.base_models == ["base"]
    assert runs.asked == [
        ("documents_job", {}),
        (
            "twin_job",
            {"twin": "ada", "assets": ["accepted_feedback", "instruct_dataset", "preference_dataset"]},
        ),
        ("monitoring_job", {"twin": "ada", "assets": ["feedback_dataset"]}),
    ]
    told = summary(before, after, dry_run=False)
    assert "chunks: 1 -> 0" in told
    assert "base model base learned from it" in told
    assert "adapters of ada learned from it: old" in told


def test_a_run_that_fails_is_told_and_the_address_stays_noted(twins, resources):
    errors = forget(GONE, twins, resources, Runs(resources, fails=True))
    assert errors == ["the index is worse than the live one"]
    assert resources["catalog"].forgotten.uris() == [GONE]
    assert not footprint(GONE, twins, resources).is_gone


def test_stored_copies_of_its_page_and_its_feed_go_too(twins, resources, monkeypatch):
    dropped = []
    resources["catalog"].__dict__["fetcher"] = SimpleNamespace(forget=dropped.append)
    forget(GONE, twins, resources, Runs(resources))
    assert sorted(dropped) == [GONE, GONE.removeprefix("file:")]


def test_a_dry_run_speaks_of_what_would_be(twins, resources):
    found = footprint(GONE, twins, resources)
    assert "would be forgotten" in summary(found, found, dry_run=True)
    assert "->" not in summary(found, found, dry_run=True)


def test_copies_that_would_step_into_its_place_are_named(twins, resources):
    detail = f"file:texts/copy.md: a copy (similarity 0.84) of {GONE}, kept because it was published first"
    left = rejected([("id", Reason.NEAR_DUPLICATE, detail)], "cleaned_documents")
    rows = resources["store"].read("cleaned_documents")
    resources["store"].materialize("cleaned_documents", "2", lambda: Table(rows, left))
    found = footprint(GONE, twins, resources)
    assert found.copies == ["file:texts/copy.md"]
    assert footprint(KEPT, twins, resources).copies == []
    assert "forget it too" in summary(found, found, dry_run=True)


def test_what_a_teacher_wrote_of_it_and_a_training_cut_short_go_too(twins, resources):
    home = resources["store"].home
    (home / "teacher_cache.db").write_text("answers")
    (home / "checkpoints" / "fine_tuned_model").mkdir(parents=True)
    forget(GONE, twins, resources, Runs(resources))
    assert not (home / "teacher_cache.db").exists()
    assert not (home / "checkpoints").exists()


def test_an_evaluation_on_its_way_to_opik_goes_too(twins, resources):
    outbox = Outbox(resources["store"].home, "there")
    outbox.add(EXPERIMENT, "ada", "one", {"wanted": "Words."})
    forget(GONE, twins, resources, Runs(resources))
    assert outbox.pending([EXPERIMENT], 1) == []


@pytest.fixture
def s3_home(tmp_path, monkeypatch):
    server = S3Server()
    surroundings(monkeypatch, server)
    yield server.home(tmp_path / "scratch")
    server.close()


def test_what_jobs_read_and_made_for_a_home_in_s3_goes_too(twins, resources, s3_home):
    training = s3_home / "training"
    names = ("inputs/1/tables/part.parquet", "checkpoints/1/step", "output/job/model.tar.gz", "pipes/job/1")
    for name in names:
        s3.put(training / name, b"words")
    for _ in range(2):
        forget(GONE, twins, resources | {"store": Store(s3_home)}, Runs(resources, jobs_fill=False))
        assert [s3.etag(training / name) is not None for name in names] == [False, False, False, True]


def test_rows_that_only_set_its_words_against_others_are_counted(twins, resources):
    assert footprint(f"{KEPT} by another", twins, resources).dataset_rows == {"ada": 3}


def test_a_twin_that_nobody_judged_has_no_feedback_to_make_again(twins, resources):
    shutil.rmtree(resources["store"].folder("feedback_dataset"))
    runs = Runs(resources, jobs_fill=False)
    forget(GONE, twins, resources, runs)
    assert [job for job, _ in runs.asked] == ["documents_job", "twin_job"]
