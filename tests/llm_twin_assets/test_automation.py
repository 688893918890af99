"""The documents' chain under automation, on assets with the real condition and trivial bodies."""

import dagster as dg
import pytest

from jobs.sensors import build_sensors, source_event
from llm_twin_assets.definitions import ON_NEW_DATA
from resources.catalog import Catalog
from resources.settings import Settings
from resources.twins import FileSource, Twin, Twins

CHAIN = ["raw", "cleaned", "chunks", "vectors"]


def _chain(passes):
    def stage(name, upstream):
        @dg.asset(name=name, deps=[upstream], automation_condition=ON_NEW_DATA)
        def made() -> dg.MaterializeResult:
            return dg.MaterializeResult(data_version=dg.DataVersion(passes["version"]))

        return made

    @dg.asset_check(asset="raw", blocking=True)
    def fine() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=passes["ok"])

    names = ["source_documents", *CHAIN]
    assets = [stage(name, upstream) for upstream, name in zip(names, CHAIN, strict=False)]
    return dg.Definitions(assets=[dg.AssetSpec("source_documents"), *assets], asset_checks=[fine])


class World:
    def __init__(self):
        self.state = {"version": "v1", "ok": True}
        self.instance = dg.DagsterInstance.ephemeral()
        self.definitions = _chain(self.state)
        self.cursor = None

    def tick(self):
        result = dg.evaluate_automation_conditions(self.definitions, self.instance, cursor=self.cursor)
        self.cursor = result.cursor
        return {name for name in CHAIN if result.get_num_requested(dg.AssetKey(name))}

    def run(self, names):
        job = self.definitions.resolve_implicit_global_asset_job_def()
        job.execute_in_process(
            instance=self.instance,
            asset_selection=[dg.AssetKey(name) for name in names],
            raise_on_error=False,
        )

    def report(self, fingerprint):
        self.instance.report_runless_asset_event(source_event(fingerprint))


@pytest.fixture
def world():
    made = World()
    made.report("f1")
    made.run(CHAIN)
    made.tick()
    return made


def test_a_new_fingerprint_asks_for_the_whole_chain_at_once(world):
    world.report("f2")
    assert world.tick() == set(CHAIN)


def test_the_same_fingerprint_asks_for_nothing(world):
    world.report("f1")
    assert world.tick() == set()


def test_nothing_below_a_failed_blocking_check_is_asked_for(world):
    world.state.update(ok=False, version="v2")
    world.report("f2")
    world.tick()
    world.run(CHAIN)
    assert world.tick() == set()


NAMES = ("base_job", "documents_job", "monitoring_job", "twin_job")


@pytest.fixture
def sensor(tmp_path):
    twins = Twins(
        root=tmp_path,
        sources=[FileSource(kind="folder", path=tmp_path)],
        twins=[Twin(name="ada", author="Ada Vale")],
    )
    jobs = {name: dg.define_asset_job(name, "*") for name in NAMES}
    found = next(s for s in build_sensors(Settings(), twins, jobs) if s.name == "new_documents_sensor")
    return found, Catalog(twins, tmp_path / "home"), tmp_path


def _look(found, catalog, cursor):
    context = dg.build_sensor_context(cursor=cursor, resources={"catalog": catalog})
    return found(context)


def test_the_documents_sensor_reports_what_it_saw_and_asks_for_no_run(sensor):
    found, catalog, folder = sensor
    (folder / "a.md").write_text("# A\n\nText.")
    seen = _look(found, catalog, None)
    assert not seen.run_requests
    assert [event.asset_key.to_user_string() for event in seen.asset_events] == ["source_documents"]
    assert seen.asset_events[0].tags["dagster/data_version"] == catalog.fingerprint() == seen.cursor
    assert isinstance(_look(found, catalog, seen.cursor), dg.SkipReason)


def test_the_documents_sensor_sees_new_changed_and_deleted_files(sensor):
    found, catalog, folder = sensor
    seen = [_look(found, catalog, None).cursor]
    file = folder / "a.md"
    for change in (lambda: file.write_text("one"), lambda: file.write_text("longer"), file.unlink):
        change()
        seen.append(_look(found, catalog, seen[-1]).cursor)
    assert len(set(seen)) == 3
    assert seen[0] == seen[-1]
