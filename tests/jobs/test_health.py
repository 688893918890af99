"""What is done about an endpoint that is ill: in which order, how often, and when nothing is."""

import dataclasses
import threading

import dagster as dg
import pytest

from jobs.health import (
    BAD_LOOKS,
    SERVER,
    Actions,
    Fault,
    Starter,
    alert_of,
    as_cursor,
    earlier,
    from_cursor,
    is_wanted,
    judged,
    rollback_request,
)
from resources.endpoint import EndpointError
from resources.releases import Manifest, Releases
from tests.jobs.triggering import begin, two_twins

MANIFEST = Manifest("ada", "Ada Vale", "a1", "a1", "b", "b", "", "p", {}, "e", None)
GONE = {"running": False, "twins": {}}
SILENT = {"running": True, "ready": False, "twins": {}}


def _served(**errors):
    """The state of a server whose twins serve r1, or fail to for a reason."""
    twins = {
        name: {"release_id": None if error else "r1", "desired": "r1", "error": error}
        for name, error in errors.items()
    }
    return {"running": True, "ready": not any(errors.values()), "twins": twins}


def _looks(status, count, desired=None, wanted=True, before=None):
    """What so many looks at the same state come to, one after the other."""
    faults, done = before or {}, []
    for minute in range(count):
        faults, actions = judged(
            status, desired or {"ada": "r1"}, wanted, faults, f"2026-01-01T00:{minute:02}"
        )
        done.append(actions)
    return faults, done


def test_what_is_well_is_left_alone():
    faults, actions = judged(_served(ada=None), {"ada": "r1"}, True, {}, "now")
    assert (faults, actions) == ({}, Actions())


def test_where_nothing_is_desired_nothing_is_done():
    for status in (GONE, SILENT, _served(ada="broken")):
        assert judged(status, {}, True, {}, "now") == ({}, Actions())


def test_a_server_stopped_by_hand_stays_stopped():
    assert _looks(GONE, 10, wanted=False) == ({}, [Actions()] * 10)


def test_a_server_that_is_gone_is_started_at_each_look_and_told_of_once():
    faults, done = _looks(GONE, 8)
    assert [actions.restart for actions in done] == ["start"] * 8
    assert [bool(actions.tell) for actions in done] == [False, False, True] + [False] * 5
    assert faults[SERVER] == Fault("no server is running", "2026-01-01T00:00", 8)


def test_a_silent_server_is_given_its_time_and_then_replaced_once():
    _, done = _looks(SILENT, 8)
    assert [actions.restart for actions in done] == ["none", "none", "replace"] + ["none"] * 5
    assert [SERVER in actions.tell for actions in done].index(True) == BAD_LOOKS - 1


def test_a_release_that_cannot_be_served_is_rolled_back_once_and_told_of_when_that_did_not_help():
    _, done = _looks(_served(ada="no such file"), 8)
    assert [list(actions.roll_back) for actions in done] == [[], [], ["ada"]] + [[]] * 5
    assert [list(actions.tell) for actions in done] == [[]] * 5 + [["ada"]] + [[]] * 2
    fault = done[2].roll_back["ada"]
    assert (fault.reason, fault.looks, fault.release_id) == ("no such file", BAD_LOOKS, "r1")
    assert {actions.restart for actions in done} == {"none"}


def test_a_good_look_in_between_begins_anew():
    faults, _ = _looks(_served(ada="broken"), BAD_LOOKS - 1)
    faults, _ = judged(_served(ada=None), {"ada": "r1"}, True, faults, "now")
    assert faults == {}
    _, done = _looks(_served(ada="broken"), BAD_LOOKS - 1, before=faults)
    assert done == [Actions()] * (BAD_LOOKS - 1)


def test_looks_at_one_release_do_not_count_for_the_next():
    faults, _ = _looks(_served(ada="broken"), BAD_LOOKS - 1)
    other = _served(ada="broken")
    other["twins"]["ada"]["desired"] = "r2"
    faults, actions = judged(other, {"ada": "r2"}, True, faults, "now")
    assert (faults["ada"].looks, actions) == (1, Actions())


def test_a_release_that_the_server_does_not_know_of_yet_is_not_at_fault():
    assert judged(_served(ada="broken"), {"ada": "r2"}, True, {}, "now") == ({}, Actions())


def test_one_of_two_twins_is_rolled_back_but_what_ails_both_is_only_told():
    both = {"ada": "r1", "bob": "r1"}
    _, done = _looks(_served(ada="broken", bob=None), BAD_LOOKS, both)
    assert list(done[-1].roll_back) == ["ada"]
    _, done = _looks(_served(ada="no engine", bob="no engine"), BAD_LOOKS, both)
    assert (done[-1].roll_back, list(done[-1].tell)) == ({}, ["ada", "bob"])


def test_faults_outlive_the_process_in_the_cursor():
    faults = {"ada": Fault("broken", "then", 2, "r1"), SERVER: Fault("gone", "then")}
    assert from_cursor(as_cursor(faults)) == faults
    assert from_cursor(None) == from_cursor("") == {}


def test_a_server_is_wanted_while_its_mark_stands(tmp_path):
    assert not is_wanted(tmp_path)
    (tmp_path / "serving").mkdir()
    (tmp_path / "serving" / "wanted").touch()
    assert is_wanted(tmp_path)


@pytest.fixture
def releases(tmp_path):
    """Three releases of ada, each the parent of the next; their ids in `chain`."""
    made, parent = Releases(tmp_path), None
    made.chain = []
    for number in range(3):
        manifest = dataclasses.replace(MANIFEST, adapter=f"a{number}", parent=parent)
        parent = made.add(manifest, {})
        made.chain.append(parent)
    return made


def test_one_goes_back_to_the_nearest_release_that_was_not_rolled_back(releases):
    first, second, third = releases.chain
    assert earlier(releases, "ada", third) == second
    releases.quarantine("ada", second, "harm")
    assert earlier(releases, "ada", third) == first
    assert earlier(releases, "ada", first) is None
    assert earlier(releases, "ada", "no-such-release") is None


def test_a_rollback_is_a_run_of_one_asset_with_its_key_and_reason(releases, tmp_path):
    twin, (_, second, third) = two_twins(tmp_path).twin("ada"), releases.chain
    with dg.DagsterInstance.ephemeral() as instance:
        request = rollback_request(instance, releases, twin, Fault("no file", "then", 3, third))
    assert (request.job_name, request.partition_key) == ("twin_job", "ada")
    assert request.asset_selection == [dg.AssetKey("deployed_endpoint")]
    assert request.run_config == {"ops": {"deployed_endpoint": {"config": {"release_id": second}}}}
    assert request.tags["llm_twin/reason"] == "no file"
    assert request.tags["llm_twin/rolled_back_from"] == third


def test_there_is_no_rollback_to_nothing_nor_right_after_another(releases, tmp_path):
    twin, (first, _, third) = two_twins(tmp_path, cooldown_minutes=60).twin("ada"), releases.chain
    with dg.DagsterInstance.ephemeral() as instance:
        assert rollback_request(instance, releases, twin, Fault("no file", "then", 3, first)) is None
        begin(instance, twin="bob", llm_twin__trigger="endpoint_health")
        assert rollback_request(instance, releases, twin, Fault("no file", "then", 3, third))
        begin(instance, twin="ada", llm_twin__trigger="endpoint_health", status=dg.DagsterRunStatus.SUCCESS)
        assert rollback_request(instance, releases, twin, Fault("no file", "then", 3, third)) is None


def test_what_is_told_names_the_release_and_how_the_start_ended():
    told = alert_of("ada", Fault("no file", "then", 6, "r1"), "It could not be started: no port")
    assert told.title == "twin ada, release r1 is ill"
    assert told.body == "Since then, 6 looks: no file\nIt could not be started: no port"
    assert told.key != alert_of("ada", Fault("no file", "later", 6, "r1")).key


class Server:
    """An endpoint whose starts take until they are let, and may fail."""

    def __init__(self, error=None):
        self.done, self.let, self.error = [], threading.Event(), error

    def stop(self):
        self.done.append("stop")

    def ensure_running(self):
        self.done.append("start")
        self.let.wait(60)
        if self.error:
            raise self.error


def test_a_start_that_takes_long_holds_up_no_sensor_and_is_not_begun_twice():
    starter, server = Starter(), Server()
    starter.begin(server, "start", seconds=0)
    starter.begin(server, "start", seconds=0)
    assert server.done == ["start"]
    server.let.set()
    starter.begin(server, "none", seconds=10)
    starter.begin(server, "replace", seconds=10)
    assert server.done == ["start", "stop", "start"]


def test_a_start_that_fails_says_why_until_one_succeeds():
    starter, server = Starter(), Server(EndpointError("no port"))
    server.let.set()
    starter.begin(server, "start", seconds=10)
    assert starter.failed == "It could not be started: no port"
    server.error = None
    starter.begin(server, "start", seconds=10)
    assert starter.failed == ""
