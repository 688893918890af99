"""When the sensor asks for a look at a canary: by counts alone, one run at a time, with its reason."""

import dataclasses
import sqlite3
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from jobs.canary import canary_requests
from jobs.jobs import build_jobs
from resources.locks import Locks
from resources.releases import Manifest, Releases
from resources.settings import Settings
from resources.traces import Trace, TraceStore, new_trace_id
from resources.twins import FileSource, Twin, Twins
from tests.jobs.triggering import begin

MANIFEST = Manifest("ada", "Ada Vale", "a1", "a1", "b", "b", "", "p", {}, "e", None)


class World:
    """Two twins, of which ada has a canary, and the requests that they were asked."""

    def __init__(self, home, instance):
        self.instance, self.locks = instance, Locks(home / "locks")
        self.releases, self.traces = Releases(home), TraceStore(home)
        self.twins = Twins(
            root=home,
            sources=[FileSource(kind="folder", path=home)],
            twins=[Twin(name="ada", author="Ada Vale"), Twin(name="bob", author="Bob Hale")],
        )
        self.first = self.releases.add(MANIFEST, {})
        self.second = self.releases.add(dataclasses.replace(MANIFEST, adapter="a2"), {})
        self.releases.desire("ada", self.first)

    def start(self):
        self.releases.start_canary("ada", self.second, after=self.traces.newest("ada"))

    def ask(self, arm, count, error=None, thread=None, twin="ada", at="2100-01-01T00:00:00.000+00:00"):
        """So many requests of an arm, each a conversation of its own unless they share a thread."""
        release = self.second if arm == "canary" else self.first
        self.traces.append_all(
            [
                Trace(
                    new_trace_id(), twin, at, release, "i", "q", "a", thread_id=thread, arm=arm, error=error
                )
                for _ in range(count)
            ]
        )

    def asked(self):
        return canary_requests(self.instance, self.locks, self.releases, self.traces, self.twins)


@pytest.fixture
def world(tmp_path):
    with dg.DagsterInstance.ephemeral() as instance:
        made = World(tmp_path / "home", instance)
        made.start()
        yield made


def test_no_canary_no_request(tmp_path):
    with dg.DagsterInstance.ephemeral() as instance:
        made = World(tmp_path / "home", instance)
        made.ask("canary", 50)
        made.ask("control", 50)
        assert made.asked() == []


def test_enough_conversations_in_both_arms_ask_for_one_look_with_its_reason(world):
    world.ask("canary", 20)
    world.ask("control", 19)
    assert world.asked() == []
    world.ask("control", 1)
    (request,) = world.asked()
    assert (request.job_name, request.partition_key) == ("twin_job", "ada")
    assert request.asset_selection == [dg.AssetKey("deployed_endpoint")]
    assert request.run_key is None
    assert request.tags["llm_twin/trigger"] == "canary"
    assert request.tags["llm_twin/conversations_canary"] == "20"
    assert "20 and 20 conversations" in request.tags["llm_twin/reason"]


def test_requests_of_one_conversation_count_once(world):
    world.ask("canary", 100, thread="t")
    world.ask("control", 100)
    assert world.asked() == []


def test_what_belongs_to_no_arm_to_another_twin_or_to_earlier_does_not_count(world):
    world.ask("", 100)
    world.ask("canary", 100, twin="bob")
    world.ask("control", 100, twin="bob")
    world.ask("canary", 100, at="2020-01-01T00:00:00.000+00:00")
    world.ask("control", 100, at="2020-01-01T00:00:00.000+00:00")
    assert world.asked() == []


def test_an_earlier_canary_s_requests_are_not_this_one_s(world):
    world.ask("canary", 50)
    world.ask("control", 50)
    world.releases.end_canary("ada", promote=False)
    world.start()
    assert world.asked() == []


def test_after_a_look_the_next_is_asked_for_when_it_is_due(world):
    world.ask("canary", 20)
    world.ask("control", 20)
    world.releases.move_canary("ada", 5, {"canary": 20, "control": 20, "failed": 0, "next": 35})
    assert world.asked() == []
    world.ask("canary", 15)
    world.ask("control", 14)
    assert world.asked() == []
    world.ask("control", 1)
    assert len(world.asked()) == 1


def test_a_burst_of_failures_does_not_wait(world):
    world.releases.move_canary("ada", 25, {"canary": 0, "control": 0, "failed": 0, "next": 500})
    world.ask("canary", 10, error="it broke")
    world.ask("control", 9)
    assert world.asked() == []
    world.ask("control", 1)
    (request,) = world.asked()
    assert "10 answers failed" in request.tags["llm_twin/reason"]
    assert request.tags["llm_twin/failed_canary"] == "10"


def test_what_fails_for_the_champion_too_is_no_burst(world):
    world.releases.move_canary("ada", 25, {"canary": 0, "control": 0, "failed": 0, "next": 500})
    world.ask("canary", 10, error="it broke")
    world.ask("control", 10, error="it broke")
    assert world.asked() == []


def _enough(world):
    world.ask("canary", 30)
    world.ask("control", 30)


@pytest.mark.parametrize(
    ("status", "twin", "asked"),
    [
        (dg.DagsterRunStatus.STARTED, "ada", 0),
        (dg.DagsterRunStatus.STARTING, "ada", 0),
        (dg.DagsterRunStatus.FAILURE, "ada", 0),
        (dg.DagsterRunStatus.SUCCESS, "ada", 1),
        (dg.DagsterRunStatus.STARTED, "bob", 1),
    ],
)
def test_one_run_in_flight_and_a_pause_after_one_that_failed(world, status, twin, asked):
    _enough(world)
    begin(world.instance, twin=twin, status=status)
    assert len(world.asked()) == asked


def test_an_older_run_under_way_counts_too(world):
    _enough(world)
    begin(world.instance)
    begin(world.instance, status=dg.DagsterRunStatus.SUCCESS)
    assert world.asked() == []


def test_a_run_whose_process_is_gone_holds_nobody_up(world):
    _enough(world)
    run = begin(world.instance, llm_twin__local="true")
    with world.locks.held(f"run.{run}"):
        assert world.asked() == []
    assert len(world.asked()) == 1


def test_counting_reads_no_word_of_what_was_asked_and_said(world):
    _enough(world)
    with sqlite3.connect(world.traces.path) as database:
        for column in ("question", "answer", "retrieved"):
            database.execute(f"ALTER TABLE traces RENAME COLUMN {column} TO gone_{column}")
    assert len(world.asked()) == 1


def test_the_sensor_itself_yields_them_and_says_when_there_is_nothing(world):
    settings = Settings(home=world.traces.path.parent)
    sensors = build_jobs(settings, world.twins).sensors
    sensor = next(one for one in sensors if one.name == "canary_sensor")
    assert sensor.minimum_interval_seconds == 30
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING

    def tick():
        resources = {"settings": settings, "releases": world.releases, "traces": world.traces}
        return list(sensor(dg.build_sensor_context(instance=world.instance, resources=resources)))

    (skipped,) = tick()
    assert isinstance(skipped, dg.SkipReason)
    _enough(world)
    (request,) = tick()
    assert request.partition_key == "ada"


def test_no_stage_is_loaded_for_it():
    code = "import sys, jobs.canary; assert not any('llm_twin_assets.serving' in one for one in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
