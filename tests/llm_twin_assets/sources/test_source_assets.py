"""The assets and checks of the stage, materialized by Dagster."""

import dagster as dg
import pandas as pd
import pytest

from llm_twin_assets.sources import assets, checks

STAGE = [
    assets.source_documents,
    assets.raw_documents,
    checks.documents_are_well_formed,
    checks.there_is_a_document,
]


@pytest.fixture
def run(store, catalog):
    def _run():
        done = dg.materialize(STAGE, resources={"store": store, "catalog": catalog()}, raise_on_error=False)
        verdicts = {check.check_name: check.passed for check in done.get_asset_check_evaluations()}
        (event,) = done.get_asset_materialization_events()
        metadata = {key: value.value for key, value in event.materialization.metadata.items()}
        return done, metadata, event.materialization.tags["dagster/data_version"], verdicts

    return _run


def test_documents_are_stored_and_reported(run, write, store):
    write("a.md", "# A\n\nText.")
    write("b.md", b"\x00")
    done, metadata, version, verdicts = run()
    assert done.success
    assert set(verdicts.values()) == {True}
    assert store.version("raw_documents") == version
    assert (metadata["dagster/row_count"], metadata["rejected/binary"], metadata["added"]) == (1, 1, 1)
    assert "| A | Ada Example |" in metadata["preview"]


def test_a_second_run_changes_nothing(run, write):
    write("a.md")
    _, first, version, _ = run()
    _, second, again, _ = run()
    assert (first["reused"], second["reused"]) == (False, True)
    assert version == again
    assert (second["added"], second["unchanged"]) == (0, 1)


def test_a_touched_file_gives_the_same_version(run, write):
    path = write("a.md")
    _, _, version, _ = run()
    path.write_text(path.read_text())
    _, metadata, again, _ = run()
    assert (metadata["reused"], version == again) == (False, True)


def test_without_a_document_the_run_is_red(run, write):
    write("a.md", b"\x00")
    done, _, _, verdicts = run()
    assert verdicts["there_is_a_document"] is False
    assert not done.success


@pytest.mark.parametrize(
    "damage",
    [
        lambda rows: rows.assign(text="Other."),
        lambda rows: pd.concat([rows, rows], ignore_index=True),
        lambda rows: rows.assign(author=" "),
        lambda rows: rows.drop(columns="title"),
    ],
)
def test_a_damaged_table_is_found(read, write, store, damage):
    write("a.md")
    store.materialize("raw_documents", "1", lambda: read().table)
    assert checks.documents_are_well_formed(store).passed
    path = store.folder("raw_documents") / "part.parquet"
    damage(pd.read_parquet(path)).to_parquet(path)
    result = checks.documents_are_well_formed(store)
    assert not result.passed
