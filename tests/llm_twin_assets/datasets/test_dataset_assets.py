"""The asset and its blocking checks, materialized by Dagster on stored documents."""

import json

import dagster as dg
import pytest

from llm_twin_assets.contracts import CHUNKS, INSTRUCT_ROWS, conform, empty
from llm_twin_assets.datasets import assets, checks
from llm_twin_assets.datasets.instruct import GENERATOR
from llm_twin_assets.partitions import TWIN
from resources.settings import Settings
from resources.store import Table
from resources.twins import FileSource, Twin, Twins
from tests.llm_twin_assets.datasets.conftest import passage

NAME = TWIN.get_partition_keys()[0]
AUTHOR = "Ada Moor"
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

    def _run(*stage):
        return dg.materialize(
            stage or [assets.instruct_dataset, *CHECKS],
            partition_key=NAME,
            resources={"store": store, "twins": twins, "settings": Settings(home=tmp_path)},
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


def metadata_of(done):
    return {
        key: value.value
        for event in done.get_asset_materialization_events()
        for key, value in event.materialization.metadata.items()
    }


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
        return run(assets.instruct_dataset, assets.preference_dataset, checks.pairs_are_sound)

    return made


def test_pairs_are_made_of_the_rows_and_their_check_passes(pairs, store):
    done = pairs()
    assert done.success
    assert verdicts_of(done) == {"pairs_are_sound": True}
    rows = store.read("preference_dataset", NAME)
    assert len(rows) == metadata_of(done)["dagster/row_count"]
    assert set(rows["twin"]) <= {NAME}
    assert metadata_of(pairs())["reused"] is True


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
