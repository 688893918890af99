"""What is accepted stays in its batch, and a batch that a refused model learned from never comes back."""

import json
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_twin_assets.contracts import ACCEPTED_FEEDBACK, FEEDBACK_ROWS, conform, empty
from llm_twin_assets.datasets import accepted_feedback
from llm_twin_assets.datasets.accepted_feedback import (
    Batches,
    UnknownBatch,
    blame,
    guilty,
    stopped,
)
from llm_twin_assets.datasets.decontamination import HeldOut
from llm_twin_assets.datasets.feedback_rows import batches_of, room
from resources.models import Model, ModelStore
from resources.releases import Manifest, Releases
from resources.store import Store

NOTHING = empty(ACCEPTED_FEEDBACK)
NOTHING_HELD_OUT = HeldOut((), ())
MANIFEST = Manifest("ada", "Ada Moor", "good", "f", "base", "f", "", "p", {}, "e", None)


DOCUMENTS = pd.DataFrame(
    [
        {"document_id": f"document-{n}", "text": "words of it", "withheld": None, "split": "train"}
        for n in range(60)
    ]
)


def accepted(stored, before, batches, own, documents=DOCUMENTS, out=NOTHING_HELD_OUT):
    return accepted_feedback.accepted(stored, before, documents, batches, own, out)


def row(number, voter="v", document=None, thread=None):
    return {
        "row_id": f"row-{number}",
        "twin": "ada",
        "trace_id": f"trace-{number}",
        "thread": thread or f"thread-{number}",
        "voter": f"{voter}-{number}" if voter == "v" else voter,
        "release_id": "r",
        "said_at": f"2026-03-{number % 28 + 1:02}T00:00:00.000+00:00",
        "kind": "approved",
        "instruction": f"What is {number}?",
        "answer": "words",
        "document_id": document or f"document-{number}",
        "start": 0,
        "end": 5,
        "answer_hash": "h",
        "rejected": None,
        "rejected_document_id": None,
        "split": "train",
    }


def rows(*numbers, **fields):
    return conform(pd.DataFrame([row(n, **fields) for n in numbers]), FEEDBACK_ROWS)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


@pytest.fixture
def batches(store):
    return Batches(store, "ada")


def reasons(table):
    return dict(zip(table.rejected["item_id"], table.rejected["reason"], strict=True))


def test_rows_keep_their_batch_and_new_ones_are_another(batches):
    first = accepted(rows(1, 2), NOTHING, batches, 100).rows
    assert len(batches_of(first)) == 1
    second = accepted(rows(1, 2, 3), first, batches, 100)
    kept = conform(second.rows, ACCEPTED_FEEDBACK).set_index("row_id")["batch"]
    assert kept["row-1"] == kept["row-2"] == first["batch"][0] != kept["row-3"]
    assert second.metadata == {"batches": 2, "blamed_batches": 0}
    again = accepted(rows(3, 2, 1), second.rows, batches, 100)
    assert again.rows.equals(second.rows)
    gone = accepted(rows(2, 3), second.rows, batches, 100).rows
    assert list(gone["row_id"]) == ["row-2", "row-3"]


def test_no_more_than_a_tenth_and_what_was_accepted_first_stays(batches):
    first = accepted(rows(20, 21), NOTHING, batches, 20).rows
    later = accepted(rows(1, 2, 20, 21), first, batches, 30)
    assert set(later.rows["row_id"]) == {"row-20", "row-21", "row-1"}
    assert reasons(later) == {"row-2": "share_cap"}
    assert accepted(rows(1), NOTHING, batches, 0).rows.empty


@pytest.mark.parametrize("change", [{"text": "other words"}, {"split": "test"}, {"withheld": "no_words"}])
def test_what_left_the_training_documents_goes(batches, change):
    before = accepted(rows(1, 2), NOTHING, batches, 100).rows
    documents = pd.concat(
        [DOCUMENTS[DOCUMENTS["document_id"] != "document-1"], DOCUMENTS[1:2].assign(**change)]
    )
    found = accepted(rows(1, 2), before, batches, 100, documents)
    assert list(found.rows["row_id"]) == ["row-2"]
    assert reasons(found) == {"row-1": "stale_row"}
    other = rows(2).assign(rejected="What was said.", rejected_document_id="document-1")
    assert reasons(accepted(other, NOTHING, batches, 100, DOCUMENTS[2:])) == {"row-2": "stale_row"}


def test_what_a_new_document_is_evaluated_with_goes_though_it_was_accepted(batches):
    asked = rows(1).assign(instruction="Who repairs the frozen lighthouse?")
    stored = pd.concat([asked, rows(2)])
    before = accepted(stored, NOTHING, batches, 100).rows
    assert len(before) == 2
    assert batches.traces() == {"trace-1", "trace-2"}
    found = accepted(stored, before, batches, 100, out=HeldOut(["Who repaired the frozen lighthouses"], ()))
    assert list(found.rows["row_id"]) == ["row-2"]
    assert reasons(found) == {"row-1": "evaluation_question"}


@pytest.mark.parametrize(
    ("number", "fields"),
    [
        (1, {}),
        (50, {"voter": "mallory"}),
        (50, {"thread": "thread-1"}),
        (50, {"document": "document-1"}),
    ],
)
def test_a_blamed_stream_is_known_by_trace_voter_thread_and_span(store, batches, number, fields):
    poison = accepted(rows(1, voter="mallory"), NOTHING, batches, 100).rows
    (batch,) = batches_of(poison)
    batches.blame({batch: "it did harm"})
    again = Batches(store, "ada")
    found = accepted(pd.concat([rows(number, **fields), rows(7)]), poison, again, 100)
    assert list(found.rows["row_id"]) == ["row-7"]
    assert reasons(found) == {f"row-{number}": "blamed"}
    assert found.metadata["blamed_batches"] == 1


def test_a_batch_can_be_pardoned_for_good(batches):
    (batch,) = batches_of(accepted(rows(1), NOTHING, batches, 100).rows)
    batches.blame({batch: "it did harm"})
    assert batches.blamed() == {batch: "it did harm"}
    batches.pardon(batch, "read by the owner")
    batches.blame({batch: "again"})
    assert batches.blamed() == batches.blamed_origins() == {}
    assert len(accepted(rows(1), NOTHING, batches, 100).rows) == 1
    with pytest.raises(UnknownBatch, match=f"no batch 'b'; there are: {batch}"):
        batches.pardon("b", "why not")


def test_blame_is_written_whole_and_the_first_reason_stands(store, batches):
    accepted(rows(1), NOTHING, batches, 100)
    batches.blame({"one": "first"})
    batches.blame({"one": "second", "two": "other"})
    path = store.folder("accepted_feedback", "ada") / "batches.json"
    assert json.loads(path.read_text())["blamed"] == {"one": "first", "two": "other"}
    before = path.stat().st_mtime_ns
    batches.blame({"one": "third"})
    assert path.stat().st_mtime_ns == before
    assert [one.name for one in path.parent.iterdir()] == ["batches.json"]


def model(version, *learned):
    return Model(version, "i", "f", {"feedback": list(learned)})


def test_the_batches_that_only_bad_models_learned_are_guilty():
    known = [model("a", "b1"), model("b", "b1", "b2"), model("c", "b1", "b3"), Model("old", "i", "f")]
    assert guilty(known, {"b": "refused"}, {"a", "b"}) == {"b2": "refused"}
    assert guilty(known, {"b": "refused"}, set()) == {"b1": "refused", "b2": "refused"}
    assert guilty(known, {"a": "x", "b": "y", "c": "z"}, {"a"}) == {"b1": "z", "b2": "y", "b3": "z"}
    assert guilty(known, {"old": "x", "unknown": "y"}, {"old"}) == {}


@pytest.mark.parametrize(
    ("report", "is_stopped"),
    [
        ({"decision": "promote"}, False),
        ({"decision": "refuse"}, True),
        ({"decision": "keep"}, False),
        ({"decision": "keep", "over_champion": {"low": -0.2, "high": 0.1}}, False),
        ({"decision": "keep", "over_champion": {"low": None, "high": None}}, False),
        ({"decision": "keep", "over_champion": {"low": -0.2, "high": -0.1}}, True),
    ],
)
def test_an_evaluation_stops_what_is_refused_or_surely_worse(report, is_stopped):
    assert list(stopped(report | {"challenger": "v"})) == ["v"] * is_stopped


def test_a_refused_and_a_rolled_back_release_put_their_batches_out(store, tmp_path):
    models, releases, batches = ModelStore(tmp_path), Releases(tmp_path), Batches(store, "ada")
    blame(store, models, releases, "ada")
    assert batches.blamed() == {}
    table = NOTHING
    names = []
    for number, version in enumerate(("good", "bad", "worse"), 1):
        table = accepted(rows(*range(1, number + 1)), table, batches, 100).rows
        names.append(table.set_index("row_id")["batch"][f"row-{number}"])
        models.point("aligned_model", model(version, *names), "ada")
    releases.add(MANIFEST, {})
    bad = releases.add(replace(MANIFEST, adapter="bad"), {})
    report = {"decision": "refuse", "challenger": "worse"}
    store.materialize_report("model_evaluation", "i", lambda: (report, {}), "ada")
    blame(store, models, releases, "ada")
    assert set(batches.blamed()) == {names[2]}
    releases.quarantine("ada", bad, "it misquoted")
    blame(store, models, releases, "ada")
    assert set(batches.blamed()) == {names[1], names[2]}
    left = accepted(rows(1, 2, 3), table, batches, 100)
    assert list(left.rows["row_id"]) == ["row-1"]


@given(st.lists(st.integers(1, 30), unique=True, max_size=20), st.integers(0, 150), st.data())
@settings(max_examples=20, deadline=None)
def test_nothing_blamed_and_no_more_than_the_room_in_any_order(tmp_path_factory, numbers, own, data):
    batches = Batches(Store(tmp_path_factory.mktemp("home")), "ada")
    guilty_one = accepted(rows(*numbers[:3]), NOTHING, batches, 1000).rows
    batches.blame(dict.fromkeys(batches_of(guilty_one), "harm"))
    stored = rows(*numbers) if numbers else empty(FEEDBACK_ROWS)
    found = accepted(stored, guilty_one, batches, own)
    assert len(found.rows) <= room(own)
    assert not found.rows["trace_id"].isin(guilty_one["trace_id"]).any()
    mixed = accepted(stored.iloc[data.draw(st.permutations(range(len(stored))))], found.rows, batches, own)
    assert mixed.rows.equals(found.rows)
    assert len(found.rows) + len(found.rejected) == len(stored)
