"""Each sensor evaluated as Dagster does it: what it asks for, what it remembers, and whether it is on."""

import contextlib
import dataclasses
import http.server
import json
import os
import threading

import dagster as dg
import pytest

from jobs.health import BAD_LOOKS
from resources.alerting import Alerting
from resources.endpoint import Endpoint
from resources.files import write_json
from resources.locks import Locks
from resources.opik_inbox import Inbox
from resources.opik_webhook import OpikAlert
from resources.releases import Manifest, Releases
from resources.settings import Settings
from resources.traces import TraceStore
from tests.jobs.small_graph import repository
from tests.jobs.triggering import begin, report, two_twins

MANIFEST = Manifest("ada", "Ada Vale", "a1", "a1", "b", "b", "", "p", {}, "e", None)
OURS = {"drift_sensor", "feedback_sensor", "opik_sensor", "endpoint_health_sensor", "alert_sensor"}


class World:
    """A home without a server, and sensors that remember their cursor from one tick to the next."""

    def __init__(self, folder, instance, **settings):
        self.instance, self.home = instance, folder / "home"
        self.settings = Settings(home=self.home, **settings)
        self.twins, self.releases = two_twins(folder), Releases(self.home)
        self.endpoint = Endpoint(self.settings)
        self.resources = {
            "settings": self.settings,
            "twins": self.twins,
            "releases": self.releases,
            "traces": TraceStore(self.home),
            "endpoint": self.endpoint,
            "alerting": Alerting(self.settings),
        }
        self.repository = repository(self.settings, self.twins, self.resources)
        self.cursors = {}

    def tick(self, name):
        """One evaluation; the requests are as they would be launched."""
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursors.get(name),
            repository_def=self.repository,
            resources=self.resources,
        )
        done = self.repository.get_sensor_def(name).evaluate_tick(context)
        self.cursors[name] = done.cursor
        return done

    def serve(self, number=1, parent=None):
        """Have ada desire a release; returns its id."""
        manifest = dataclasses.replace(MANIFEST, adapter=f"a{number}", parent=parent)
        release_id = self.releases.add(manifest, {})
        self.releases.desire("ada", release_id)
        return release_id


@pytest.fixture
def world(tmp_path):
    with dg.DagsterInstance.ephemeral() as instance:
        yield World(tmp_path, instance)


@contextlib.contextmanager
def _server(world, twins):
    """This process is the home's server: it holds the lock, and says how these twins stand."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps({"ready": False, "twins": twins}).encode()
            self.send_response(503)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    write_json(world.home / "serving" / "server.json", {"pid": os.getpid(), "url": url})
    with Locks(world.home / "locks").held("server"):
        yield
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("automation", "status"), [("on", "RUNNING"), ("off", "STOPPED")])
def test_each_sensor_can_be_seen_and_switched_and_starts_as_the_settings_say(tmp_path, automation, status):
    with dg.DagsterInstance.ephemeral() as instance:
        made = World(tmp_path, instance, automation=automation).repository.sensor_defs
    found = {sensor.name: sensor.default_status.value for sensor in made}
    assert found.keys() > OURS
    assert set(found.values()) == {status}


def test_drift_asks_for_a_run_that_could_be_launched(world):
    assert "no twin drifted" in world.tick("drift_sensor").skip_message
    report(world.instance, "drift_report", "w1", "bob", state="drift", drifted="questions", reason="p 0.001")
    (request,) = world.tick("drift_sensor").run_requests
    assert (request.job_name, request.partition_key) == ("twin_job", "bob")
    assert request.tags["dagster/partition"] == "bob"
    assert request.tags["llm_twin/trigger"] == "drift"


def test_stale_answers_ask_for_documents_that_need_no_key(world):
    report(world.instance, "drift_report", "w1", "bob", state="drift", drifted="stale", reason="4 %")
    (request,) = world.tick("drift_sensor").run_requests
    assert (request.job_name, request.partition_key) == ("documents_job", None)


def test_feedback_asks_for_a_run_that_could_be_launched(world):
    assert "no twin has enough" in world.tick("feedback_sensor").skip_message
    report(world.instance, "instruct_dataset", "d1", "ada")
    report(world.instance, "feedback_dataset", "f1", "ada", rows=20, new_rows=20)
    (request,) = world.tick("feedback_sensor").run_requests
    assert (request.job_name, request.tags["dagster/partition"]) == ("twin_job", "ada")


def test_opik_s_alerts_ask_for_a_look_that_could_be_launched(world):
    assert "0 twins wait" in world.tick("opik_sensor").skip_message
    told = OpikAlert("w1", "trace:errors", "a1", "Errors of bob", "", 1, [])
    Inbox(world.home).take(told)
    (request,) = world.tick("opik_sensor").run_requests
    assert (request.job_name, request.tags["dagster/partition"]) == ("monitoring_job", "bob")
    assert request.tags["llm_twin/trigger"] == "opik"
    Inbox(world.home).take(told)
    assert world.tick("opik_sensor").run_requests == []


def test_a_run_of_a_dead_process_stands_in_no_sensor_s_way(world):
    report(world.instance, "drift_report", "w1", "ada", state="drift", drifted="questions", reason="p 0.001")
    begin(world.instance, llm_twin__local="true")
    assert len(world.tick("drift_sensor").run_requests) == 1


def test_a_home_that_serves_nothing_is_healthy(world):
    for _ in range(BAD_LOOKS + 1):
        assert world.tick("endpoint_health_sensor").run_requests == []
    assert not (world.home / "alerts").exists()


def test_a_server_that_was_stopped_by_hand_is_not_started(world):
    world.serve()
    for _ in range(BAD_LOOKS + 1):
        world.tick("endpoint_health_sensor")
    assert not world.endpoint.status()["running"]
    assert not (world.home / "alerts").exists()
    assert not (world.home / "serving" / "server.log").exists()


def test_a_server_that_is_gone_is_started_and_told_of_when_it_cannot_be(world, monkeypatch, caplog):
    world.serve()
    (world.home / "serving" / "wanted").touch()
    # No interpreter, so that no server comes up.
    monkeypatch.setattr("resources.endpoint.sys.executable", "/usr/bin/false")
    for look in range(BAD_LOOKS):
        assert "alert" not in caplog.text, look
        assert world.tick("endpoint_health_sensor").run_requests == []
    assert "alert: the server is ill" in caplog.text
    assert "It could not be started" in caplog.text


def test_a_release_that_cannot_be_served_is_rolled_back_once_by_a_run(world, caplog):
    first = world.serve(1)
    second = world.serve(2, first)
    ill = {"ada": {"release_id": None, "desired": second, "error": "no adapter", "canary": None}}
    asked = []
    with _server(world, ill):
        for _ in range(BAD_LOOKS + 2):
            asked += world.tick("endpoint_health_sensor").run_requests
    (request,) = asked
    assert (request.job_name, request.tags["dagster/partition"]) == ("twin_job", "ada")
    assert request.run_config == {"ops": {"deployed_endpoint": {"config": {"release_id": first}}}}
    assert request.asset_selection == [dg.AssetKey("deployed_endpoint")]
    assert "alert" not in caplog.text


def test_a_first_release_that_cannot_be_served_is_told_of(world, caplog):
    only = world.serve()
    ill = {"ada": {"release_id": None, "desired": only, "error": "no adapter", "canary": None}}
    with _server(world, ill):
        for _ in range(BAD_LOOKS + 2):
            assert world.tick("endpoint_health_sensor").run_requests == []
    assert caplog.text.count(f"alert: twin ada, release {only} is ill") == 1


def test_what_a_run_came_to_is_told_once_and_the_cursor_survives_a_restart(world, caplog):
    assert "0 events" in world.tick("alert_sensor").skip_message
    event = dg.DagsterEventType.RUN_FAILURE
    run = begin(world.instance)
    world.instance.report_run_failed(world.instance.get_run_by_id(run), "its process is gone")
    assert world.instance.fetch_run_status_changes(event, 5).records
    assert "1 events" in world.tick("alert_sensor").skip_message
    assert "0 events" in world.tick("alert_sensor").skip_message
    assert caplog.text.count("alert: twin_job of ada failed") == 1


def test_a_tick_whose_cursor_was_lost_tells_nothing_twice(world, caplog):
    world.tick("alert_sensor")
    before = world.cursors["alert_sensor"]
    run = begin(world.instance)
    world.instance.report_run_failed(world.instance.get_run_by_id(run), "its process is gone")
    world.tick("alert_sensor")
    world.cursors["alert_sensor"] = before
    world.tick("alert_sensor")
    assert caplog.text.count("alert: twin_job of ada failed") == 1


def test_what_could_not_be_sent_is_told_of_and_kept(tmp_path):
    with dg.DagsterInstance.ephemeral() as instance:
        world = World(tmp_path, instance, alert_urls="json://127.0.0.1:9")
        world.tick("alert_sensor")
        run = begin(instance)
        instance.report_run_failed(instance.get_run_by_id(run), "its process is gone")
        assert "1 events, 1 alerts are still" in world.tick("alert_sensor").skip_message
        assert "0 events, 1 alerts are still" in world.tick("alert_sensor").skip_message
