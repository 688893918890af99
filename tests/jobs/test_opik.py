"""Opik's alerts as runs: of the twins that they are about, one at a time, and none is lost."""

import hashlib
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from jobs import opik as module
from jobs.opik import PAUSE, Pending, opik_requests
from resources.opik_inbox import Inbox
from resources.opik_outbox import EVENT, Outbox
from resources.opik_webhook import OpikAlert
from tests.jobs.triggering import begin, two_twins

STATUS = dg.DagsterRunStatus


class World:
    """A home with an inbox, two twins, and a cursor from one tick to the next."""

    def __init__(self, folder, instance):
        self.home, self.instance, self.twins = folder, instance, two_twins(folder)
        self.cursor, self.alerts = None, 0

    def alert(self, name="Drift", *details, event="trace:feedback_score"):
        self.alerts += 1
        told = OpikAlert(f"w{self.alerts}", event, "a1", name, "", 1, list(details))
        Inbox(self.home).take(told)

    def tick(self):
        pending = Pending.of(self.cursor)
        asked = list(opik_requests(self.instance, self.home, self.twins, pending))
        self.cursor = pending.written()
        return asked

    def asked(self):
        return [request.partition_key for request in self.tick()]


@pytest.fixture
def world(tmp_path):
    with dg.DagsterInstance.ephemeral() as instance:
        yield World(tmp_path, instance)


def test_without_alerts_nothing_is_asked_and_nothing_made(world):
    assert world.asked() == []
    assert not list(world.home.glob("opik*"))


def test_an_alert_about_no_twin_is_about_all(world):
    world.alert("Errors", {"metric_name": "trace:errors", "project_names": "twins"})
    assert world.asked() == ["ada", "bob"]
    assert world.asked() == []


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("Drift of Ada", {}),
        ("Drift", {"tags": ["drift", "twin:ada"]}),
        ("Drift", {"project_name": "twins-ada"}),
        ("Done", {"name": "ada 0123456789ab", "metadata": {"twin": "ada"}}),
        ("Drift", {"id": "event-1"}),
        ("Guarded", {"id": "g1", "entity_id": "event-1"}),
    ],
    ids=["name", "tag", "project", "experiment", "trace", "entity"],
)
def test_a_twin_is_known_by_what_an_alert_names(world, name, detail):
    Outbox(world.home, "there").add(EVENT, "ada", "event-1", {})
    world.alert(name, detail)
    assert world.asked() == ["ada"]


def test_another_word_is_no_twin(world):
    world.alert("Adapter of the bobsleigh")
    assert world.asked() == ["ada", "bob"]


def test_a_run_says_why_it_was_asked_for(world):
    world.alert("Bob is slow", event="trace:latency")
    world.alert("Bob drifts")
    (request,) = world.tick()
    key = hashlib.sha256(b'"w2"').hexdigest()[:16]
    assert (request.run_key, request.partition_key) == (f"opik/bob/{key}", "bob")
    assert request.tags == {
        "llm_twin/trigger": "opik",
        "llm_twin/reason": "Opik's alert Bob drifts went off: trace:feedback_score",
        "llm_twin/opik_alert": "Bob drifts",
        "llm_twin/opik_event": "trace:feedback_score",
        "llm_twin/opik_alerts": "2",
    }


def test_what_comes_while_a_run_is_under_way_waits_for_its_end(world):
    run = begin(world.instance, "monitoring_job", "ada")
    world.alert()
    assert world.asked() == ["bob"]
    for _ in range(2):
        world.alert("Ada again")
        assert world.asked() == []
    world.instance.report_run_failed(world.instance.get_run_by_id(run), "it ended")
    (request,) = world.tick()
    assert (request.partition_key, request.tags["llm_twin/opik_alerts"]) == ("ada", "3")
    assert world.asked() == []


def test_a_dead_run_stands_in_nobody_s_way(world):
    begin(world.instance, "monitoring_job", "ada", llm_twin__local="true")
    world.alert("Ada")
    assert world.asked() == ["ada"]


def test_between_two_looks_there_is_a_pause_and_an_alert_outlives_it(world, monkeypatch):
    begin(world.instance, "monitoring_job", "ada", STATUS.SUCCESS, llm_twin__trigger="opik")
    begin(world.instance, "monitoring_job", "bob", STATUS.SUCCESS)
    world.alert()
    assert world.asked() == ["bob"]
    assert world.asked() == []

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(UTC) + PAUSE + timedelta(seconds=5)

    monkeypatch.setattr(module, "datetime", Later)
    assert world.asked() == ["ada"]


def test_a_tick_whose_cursor_was_lost_asks_for_the_same_run(world):
    world.alert("Ada")
    before = world.cursor
    (first,) = world.tick()
    world.cursor = before
    (second,) = world.tick()
    assert first.run_key == second.run_key


def test_an_inbox_that_was_replaced_is_read_from_its_beginning(world):
    for _ in range(2):
        world.alert("Ada")
    (before,) = world.tick()
    Inbox(world.home).path.unlink()
    assert world.asked() == []
    world.alert("Ada")
    (after,) = world.tick()
    assert after.run_key != before.run_key
    assert world.asked() == []


def test_an_alert_is_one_run_wherever_it_stands_in_the_inbox(world):
    world.alert("Ada")
    (first,) = world.tick()
    Inbox(world.home).path.unlink()
    world.alert("Bob")
    world.alerts = 0
    world.alert("Ada")
    assert first.run_key in [request.run_key for request in world.tick()]


def test_a_twin_that_is_gone_waits_for_nothing(world):
    world.cursor = Pending(0, {"eve": {"alert": "", "event": "e", "key": "k", "alerts": 1}}).written()
    assert world.asked() == []
    assert Pending.of(world.cursor).waiting == {}


def test_alerts_that_were_read_long_ago_are_forgotten(world, monkeypatch):
    world.alert("Ada")
    assert world.asked() == ["ada"]
    assert len(Inbox(world.home).after(0)) == 1
    monkeypatch.setattr(Inbox.prune, "__defaults__", (-1.0,))
    world.tick()
    assert Inbox(world.home).after(0) == []
    assert Pending.of(world.cursor).read == 1
