"""The asset and its blocking checks, materialized by Dagster on stored documents."""

import json

import dagster as dg
import pandas as pd
import pytest

from llm_twin_assets.contracts import CHUNKS, INSTRUCT_ROWS, conform, empty
from llm_twin_assets.datasets import assets, checks
from llm_twin_assets.datasets.accepted_feedback import Batches
from llm_twin_assets.datasets.feedback_rows import batches_of, is_feedback
from llm_twin_assets.datasets.instruct import GENERATOR
from llm_twin_assets.partitions import TWIN
from llm_twin_assets.training import lora
from resources.models import Model, ModelStore
from resources.releases import Releases
from resources.settings import Settings
from resources.store import Table
from resources.twins import FileSource, Twin, Twins
from tests.llm_twin_assets.datasets.conftest import passage
from tests.llm_twin_assets.datasets.test_feedback_rows import feedback
from tests.llm_twin_assets.monitoring.feedback_world import DOCUMENTS

NAME = TWIN.get_partition_keys()[0]
AUTHOR = "Ada Moor"
DATASETS = [assets.accepted_feedback, assets.instruct_dataset, assets.preference_dataset]
CHECKS = [
    checks.answers_stand_in_their_documents,
    checks.splits_are_their_documents,
    checks.there_is_a_training_row,
    checks.nothing_leaks_between_splits,
]


@pytest.fixture
def run(store, tmp_path):
    twins = Twins(
        root=tmp_path,
        sources=[FileSource(kind="folder", path=tmp_path)],
        twins=[Twin(name=NAME, author=AUTHOR, licence="CC BY 4.0")],
    )

    def _run(*stage, **changed):
        return dg.materialize(
            stage or [assets.accepted_feedback, assets.instruct_dataset, *CHECKS],
            partition_key=NAME,
            resources={
                "store": store,
                "twins": twins,
                "settings": Settings(home=tmp_path, **changed),
                "models": ModelStore(store.home),
                "releases": Releases(store.home),
            },
            raise_on_error=False,
        )

    return _run


@pytest.fixture
def keep(store, documents):
    def _keep(*triples):
        rows = documents(*triples)
        store.materialize("cleaned_documents", repr(triples), lambda: Table(rows))
        store.materialize("cleaned_chunks", "none", lambda: Table(empty(CHUNKS)))
        return rows

    return _keep


@dg.asset(name="instruct_dataset", partitions_def=TWIN)
def as_it_is() -> None:
    """Leaves the stored rows alone, so that the checks can look at them."""


def metadata_of(done, asset="instruct_dataset"):
    (found,) = done.asset_materializations_for_node(asset)
    return {key: value.value for key, value in found.metadata.items()}


def verdicts_of(done):
    return {one.check_name: one.passed for one in done.get_asset_check_evaluations()}


def test_rows_card_and_numbers_are_there_and_every_check_passes(run, keep, store):
    keep((AUTHOR, "train", passage(1)), (AUTHOR, "test", passage(2)))
    done = run()
    assert done.success
    assert verdicts_of(done) == {check.check_key.name: True for check in CHECKS}
    metadata = metadata_of(done)
    assert metadata["dagster/row_count"] == len(store.read("instruct_dataset", NAME)) > 2
    assert "| continue | 1 | 0 | 1 |" in metadata["card"]
    assert GENERATOR in metadata["card"]
    assert (store.folder("instruct_dataset", NAME) / "README.md").read_text() == metadata["card"]
    card = json.loads((store.folder("instruct_dataset", NAME) / "dataset_card.json").read_text())
    assert (card["author"], card["licence"], card["consent"]) == (AUTHOR, "CC BY 4.0", None)
    assert (metadata["train_words"], metadata["reused"]) == (90, False)


def test_a_second_run_reuses_the_rows_also_when_another_author_changed(run, keep, store):
    keep((AUTHOR, "train", passage(1)), ("Bo Rask", "train", passage(2)))
    run()
    version = store.version("instruct_dataset", NAME)
    keep((AUTHOR, "train", passage(1)), ("Bo Rask", "train", passage(3)))
    assert metadata_of(run())["reused"] is True
    assert store.version("instruct_dataset", NAME) == version


def test_new_text_of_the_author_gives_new_rows(run, keep, store):
    keep((AUTHOR, "train", passage(1)))
    run()
    keep((AUTHOR, "train", passage(2)))
    assert metadata_of(run())["reused"] is False
    assert store.read("instruct_dataset", NAME)["answer"].str.contains(passage(2)[:30]).any()


def test_without_a_training_row_the_run_is_red(run, keep):
    keep((AUTHOR, "test", passage(1)))
    done = run()
    assert not done.success or not verdicts_of(done)["there_is_a_training_row"]
    assert verdicts_of(done)["there_is_a_training_row"] is False


@pytest.mark.parametrize(
    ("column", "value", "check"),
    [
        ("answer", "Not what the author wrote.", "answers_stand_in_their_documents"),
        ("document_id", "nowhere", "answers_stand_in_their_documents"),
        ("split", "test", "splits_are_their_documents"),
    ],
)
def test_a_row_that_was_tampered_with_is_caught(run, keep, store, column, value, check):
    keep((AUTHOR, "train", passage(1)), (AUTHOR, "train", passage(2)))
    run()
    rows = store.read("instruct_dataset", NAME)
    rows.loc[0, column] = value
    store.materialize("instruct_dataset", "tampered", lambda: Table(conform(rows, INSTRUCT_ROWS)), NAME)
    verdicts = verdicts_of(run(as_it_is, *CHECKS))
    assert verdicts[check] is False
    assert verdicts["there_is_a_training_row"] is True


@pytest.fixture
def pairs(run, keep):
    """Materializes rows and pairs of two authors, two documents each."""

    def made():
        keep(
            *[
                (author, "train", passage(n))
                for n, author in enumerate([AUTHOR, AUTHOR, "Bo Rask", "Bo Rask"])
            ]
        )
        return run(*DATASETS, checks.pairs_are_sound)

    return made


def test_pairs_are_made_of_the_rows_and_their_check_passes(pairs, store):
    done = pairs()
    assert done.success
    assert verdicts_of(done) == {"pairs_are_sound": True}
    rows = store.read("preference_dataset", NAME)
    assert len(rows) == metadata_of(done, "preference_dataset")["dagster/row_count"]
    assert set(rows["twin"]) <= {NAME}
    assert metadata_of(pairs(), "preference_dataset")["reused"] is True


def test_a_pair_that_is_not_the_authors_span_stops_the_run(pairs, run, store):
    pairs()
    rows = store.read("preference_dataset", NAME)
    spoilt = rows.assign(chosen="Somebody else wrote this.")
    store.materialize("preference_dataset", "spoilt", lambda: Table(spoilt), NAME)
    done = run(pairs_as_they_are, checks.pairs_are_sound)
    assert len(rows)
    assert verdicts_of(done) == {"pairs_are_sound": False}


@dg.asset(name="preference_dataset", partitions_def=TWIN)
def pairs_as_they_are() -> None:
    """Leaves the stored pairs alone."""


@pytest.fixture
def judged(run, store):
    """Materializes all datasets beside the feedback that an earlier cycle stored, with every check."""
    store.materialize("cleaned_documents", "feedback world", lambda: Table(DOCUMENTS))
    store.materialize("cleaned_chunks", "none", lambda: Table(empty(CHUNKS)))

    def _judged():
        done = run(*DATASETS, *CHECKS, checks.pairs_are_sound)
        assert done.success
        assert all(verdicts_of(done).values())
        return {asset.key.path[0]: metadata_of(done, asset.key.path[0]) for asset in DATASETS}

    return _judged


def told(store):
    """An earlier cycle's feedback: six rows."""
    rows = feedback().drop(columns="batch").assign(twin=NAME)
    store.materialize("feedback_dataset", "earlier", lambda: Table(rows), NAME)
    return rows


def learned(store):
    """What the twin's adapter is trained on, of the questions that readers asked."""
    rows = lora.training_rows(store.read("instruct_dataset", NAME), {"passages": False})
    return rows[is_feedback(rows)]


def test_without_feedback_everything_is_reused_from_the_second_run_on(judged, store):
    judged()
    assert store.read("accepted_feedback", NAME).empty
    assert [one["reused"] for one in judged().values()] == [True] * 3


def test_accepted_feedback_is_trained_on_and_reused_without_more(judged, store):
    judged()
    rows = told(store)
    numbers = judged()
    assert numbers["accepted_feedback"]["dagster/row_count"] == len(rows)
    assert set(learned(store)["instruction"]) <= set(rows["instruction"])
    assert len(learned(store)) == numbers["instruct_dataset"]["rows/feedback"] > 3
    assert numbers["preference_dataset"]["pairs/feedback/train"] > 0
    assert "| reader |" in numbers["instruct_dataset"]["card"]
    assert [one["reused"] for one in judged().values()] == [True] * 3


def test_what_is_evaluated_with_by_now_goes_though_nothing_else_changed(judged, run, store):
    judged()
    rows = told(store)
    judged()
    held = store.read("instruct_dataset", NAME)
    one = held.head(1).assign(row_id="held", split="test", instruction=rows["instruction"][0])
    more = pd.concat([held, one], ignore_index=True)
    store.materialize("instruct_dataset", "more", lambda: Table(conform(more, INSTRUCT_ROWS)), NAME)
    done = run(assets.accepted_feedback, checks.accepted_feedback_is_fit_to_learn_from)
    assert verdicts_of(done) == {"accepted_feedback_is_fit_to_learn_from": True}
    assert metadata_of(done, "accepted_feedback")["rejected/evaluation_question"] == 1


def test_other_rules_of_redaction_are_another_table(judged, run):
    judged()
    done = run(assets.accepted_feedback, redaction="presidio")
    assert metadata_of(done, "accepted_feedback")["reused"] is False


def test_the_first_run_has_no_room_for_feedback(judged, store):
    told(store)
    assert judged()["accepted_feedback"]["rejected/share_cap"] == 6


def test_a_batch_that_a_refused_model_learned_is_out(judged, store):
    judged()
    told(store)
    judged()
    (batch,) = batches_of(store.read("accepted_feedback", NAME))
    ModelStore(store.home).point("aligned_model", Model("bad", "i", "f", {"feedback": [batch]}), NAME)
    report = {"decision": "refuse", "challenger": "bad"}
    store.materialize_report("model_evaluation", "i", lambda: (report, {}), NAME)
    numbers = judged()
    assert list(Batches(store, NAME).blamed()) == [batch]
    assert numbers["accepted_feedback"]["rejected/blamed"] == 6
    assert numbers["instruct_dataset"]["rows/feedback"] == 0
    assert learned(store).empty
