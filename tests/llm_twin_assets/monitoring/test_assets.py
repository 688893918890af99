"""production_traces and drift_report as Dagster runs them, with their checks."""

import json
from datetime import UTC, datetime, timedelta

import dagster as dg
import numpy as np
import pytest

from resources.releases import Releases
from resources.settings import Settings
from resources.traces import Trace, TraceStore, new_trace_id
from resources.twins import load_twins
from tests.llm_twin_assets.monitoring.traffic import Bags, traffic

NOTHING = {"twin": "", "state": "ok", "reason": "as it was", "signals": {}, "window_id": "w"}


class World:
    """A home, and its twin's monitoring assets."""

    def __init__(self, store):
        from llm_twin_assets.partitions import TWIN

        self.store, self.twin = store, TWIN.get_partition_keys()[0]
        self.traces, self.embedder = TraceStore(store.home), Bags()
        self.twins = load_twins(Settings(home=store.home).config)

    def resources(self, **changes):
        settings = Settings(home=self.store.home, **changes)
        return {
            "settings": settings,
            "twins": self.twins,
            "store": self.store,
            "traces": self.traces,
            "releases": Releases(self.store.home),
            "embedder": self.embedder,
        }

    def run(self, asset, checks=(), config=None, **changes):
        """The data version, the metadata, and the checks' results by name."""
        done = dg.materialize(
            [asset, *checks],
            partition_key=self.twin,
            resources=self.resources(**changes),
            run_config={"ops": {asset.key.to_user_string(): {"config": config}}} if config else None,
        )
        event = done.asset_materializations_for_node(asset.key.to_user_string())[0]
        results = {one.check_name: one for one in done.get_asset_check_evaluations()}
        return (
            event.tags.get("dagster/data_version"),
            {key: one.value for key, one in event.metadata.items()},
            results,
        )

    def ingest(self, **changes):
        from llm_twin_assets.monitoring.assets import production_traces

        return self.run(production_traces, **changes)[:2]

    def look(self, **config):
        from llm_twin_assets.monitoring.assets import drift_report
        from llm_twin_assets.monitoring.checks import answers_are_not_stale, no_drift

        return self.run(drift_report, [no_drift, answers_are_not_stale], config)

    def record(self, days=0.0, **fields):
        said = (datetime.now(UTC) - timedelta(days=days)).isoformat()
        given = {"timings_ms": {"total": 7.0}} | fields
        self.traces.append(Trace(new_trace_id(), self.twin, said, "r", "i", "Why?", **given))


@pytest.fixture
def world(store):
    return World(store)


def test_it_grows_with_the_requests_and_is_reused_without_new_ones(world, store):
    version, numbers = world.ingest()
    assert (numbers["requests"], numbers["reused"]) == (0, False)
    world.record()
    world.record(declined=True)
    later, numbers = world.ingest()
    assert later != version
    assert numbers["requests"] == numbers["dagster/row_count"] == numbers["new_requests"] == 2
    assert (numbers["declined_share"], numbers["latency_p95_ms"]) == (0.5, 7.0)
    again, numbers = world.ingest()
    assert (again, numbers["reused"], numbers["requests"]) == (later, True, 2)
    assert len(store.read("production_traces", world.twin)) == 2


def test_its_rows_are_scored_and_their_means_are_shown(world, store):
    world.record(answer="the bees burn honey all night")
    world.record(declined=True)
    _, numbers = world.ingest()
    assert "| refused | 0.5 | 2 |" in numbers["scores"]
    rows = store.read("production_traces", world.twin)
    assert list(rows["length"].fillna(-1)) == [6, -1]
    assert list(rows["total_ms"]) == [7.0, 7.0]


def test_what_is_older_than_the_settings_keep_goes(world, store):
    world.record(days=40)
    world.record(days=1)
    assert world.ingest()[1]["requests"] == 2
    _, numbers = world.ingest(trace_days=30)
    assert (numbers["requests"], numbers["forgotten"]) == (1, 1)
    assert len(world.traces.since(world.twin)) == 1
    assert world.ingest(trace_days=30)[1]["reused"]


def test_where_opik_is_configured_it_is_told_how_far_the_export_went(world, monkeypatch):
    world.record()
    assert not [name for name in world.ingest()[1] if name.startswith("opik")]
    assert not list(world.store.home.glob("opik*"))
    world.record(declined=True)
    monkeypatch.setenv("OPIK_URL_OVERRIDE", "http://127.0.0.1:1/api")
    _, numbers = world.ingest()
    assert numbers["opik/pending"] == 2 + 2, "two requests, and of the one that is scored now its scores"
    assert "opik/stopped" in numbers


def test_a_mistake_in_opiks_settings_costs_no_table_and_no_report(world, monkeypatch):
    monkeypatch.setenv("OPIK_URL_OVERRIDE", "nowhere")
    world.record()
    for numbers in (world.ingest()[1], world.look()[1]):
        assert "OPIK_URL_OVERRIDE" in numbers["opik/stopped"]
    assert len(world.store.read("production_traces", world.twin)) == 1


def test_an_outbox_that_cannot_be_read_costs_no_table_and_its_scores_are_noted_later(world, monkeypatch):
    monkeypatch.setenv("OPIK_URL_OVERRIDE", "http://127.0.0.1:1/api")
    world.record(declined=True)
    world.store.home.joinpath("opik.db").write_text("this is no database, and long enough for one " * 20)
    _, numbers = world.ingest()
    assert (numbers["requests"], numbers["opik/stopped"]) == (1, "file is not a database")
    world.store.home.joinpath("opik.db").unlink()
    assert world.ingest()[1]["opik/pending"] == 1 + 2


@pytest.mark.slow
def test_the_drift_report_from_too_little_to_drift_and_to_a_new_reference(world, store):
    random = np.random.default_rng(3)

    def ask(count, start, **fields):
        world.traces.append_all(traffic(random, count, start, twin=world.twin, **fields))
        world.ingest()

    ask(999, 0)
    first, numbers, checks = world.look()
    assert numbers["state"] == "insufficient"
    assert all(one.passed for one in checks.values())
    assert "1000 are needed for a reference" in checks["no_drift"].description
    ask(401, 999)
    second, numbers, checks = world.look()
    assert (numbers["state"], checks["no_drift"].passed) == ("ok", True)
    assert second == numbers["window_id"] != first
    assert world.look()[1]["reused"]
    ask(400, 1400, moved=0.5)
    third, numbers, checks = world.look()
    assert (numbers["state"], numbers["drifted"]) == ("drift", "questions")
    assert third != second
    assert (checks["no_drift"].passed, checks["no_drift"].severity) == (False, dg.AssetCheckSeverity.WARN)
    assert numbers["questions/p"] <= 0.05
    assert numbers["projection"].startswith("![The questions of")
    assert "data:image/png;base64," in numbers["p_values"]
    assert "Drift of" in store.folder("drift_report", world.twin).joinpath("report.html").read_text()
    assert numbers["page"].endswith("report.html")
    _, numbers, checks = world.look(repin=True)
    assert (numbers["state"], numbers["reused"]) == ("error", False), "the newest are of two kinds"
    assert checks["no_drift"].severity == dg.AssetCheckSeverity.ERROR


def judged(world, **changed):
    """What the checks say where the report in the store says this."""
    from llm_twin_assets.monitoring.checks import answers_are_not_stale, no_drift
    from llm_twin_assets.partitions import TWIN

    report = NOTHING | {"numbers": {"drifted": ""}} | changed
    world.store.materialize_report("drift_report", json.dumps(report), lambda: (report, {}), world.twin)

    @dg.asset(name="drift_report", partitions_def=TWIN)
    def stands():
        """The report stands in the store already."""

    return world.run(stands, [no_drift, answers_are_not_stale])[2]


@pytest.mark.parametrize(
    ("state", "passed", "severity"),
    [
        ("ok", True, "WARN"),
        ("insufficient", True, "WARN"),
        ("drift", False, "WARN"),
        ("error", False, "ERROR"),
    ],
)
def test_the_four_states_are_kept_apart(world, state, passed, severity):
    found = judged(world, state=state, reason="because")["no_drift"]
    assert (found.passed, found.severity.value) == (passed, severity)
    assert found.description == f"{state}: because"
    assert found.metadata["state"].value == state


@pytest.mark.parametrize(
    ("signals", "passed"),
    [
        ({}, True),
        ({"stale": {"state": "ok", "reason": "0.5% of 200"}}, True),
        ({"stale": {"state": "insufficient", "reason": "3 answers"}}, True),
        ({"stale": {"state": "drift", "reason": "9.0% of 200"}}, False),
    ],
)
def test_stale_answers_warn(world, signals, passed):
    found = judged(world, signals=signals)["answers_are_not_stale"]
    assert (found.passed, found.severity) == (passed, dg.AssetCheckSeverity.WARN)
    assert found.description == signals.get("stale", {"reason": "there is no window yet"})["reason"]


def test_they_belong_to_monitoring_and_traces_grow_stale():
    from llm_twin_assets.monitoring.assets import drift_report, feedback_dataset, production_traces

    specs = [one.get_asset_spec() for one in (production_traces, drift_report, feedback_dataset)]
    deps = [{dep.asset_key.to_user_string() for dep in spec.deps} for spec in specs]
    cleaned = {"cleaned_documents", "cleaned_chunks"}
    assert deps[:2] == [{*cleaned, "deployed_endpoint"}, {"production_traces"}]
    assert deps[2] == {*cleaned, "production_traces", "instruct_dataset"}
    assert [(spec.group_name, spec.owners) for spec in specs] == [("monitoring", ["team:monitoring"])] * 3
    assert specs[0].freshness_policy is not None


def test_no_check_of_monitoring_stops_a_run():
    from llm_twin_assets.monitoring.checks import answers_are_not_stale, no_drift

    for check in (no_drift, answers_are_not_stale):
        assert not next(iter(check.check_specs)).blocking
