"""Where Opik is: its own variables, nothing without them, and no secret in any text."""

import subprocess
import sys
import time

import httpx
import pytest

from resources import opik_client
from resources.opik_client import (
    OpikConflict,
    OpikMissing,
    OpikRefused,
    OpikRejected,
    OpikUnavailable,
    asked_pause,
    connected,
    greeted,
    insist,
)
from resources.opik_settings import CLOUD, OpikPlace, opik_configured
from tests.resources.opik_server import OpikServer

URL = "http://localhost:5173/api/"


@pytest.fixture
def server():
    made = OpikServer()
    yield made
    made.stop()


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OPIK_WORKSPACE": "w", "OPIK_PROJECT_NAME": "p"},
        {"OPIK_URL_OVERRIDE": " ", "OPIK_API_KEY": ""},
        {"LLM_TWIN_OPIK_URL_OVERRIDE": URL},
    ],
)
def test_without_address_and_key_there_is_no_place(environ):
    assert opik_configured(environ) is None


def test_the_environment_of_the_process_is_read_where_none_is_given(monkeypatch):
    assert opik_configured() is None
    monkeypatch.setenv("OPIK_URL_OVERRIDE", URL)
    assert opik_configured() == OpikPlace("http://localhost:5173/api", "default", "Default Project")


def test_each_variable_has_its_field():
    names = {"OPIK_WORKSPACE": "team", "OPIK_PROJECT_NAME": "twins", "OPIK_API_KEY": "sesame"}
    place = opik_configured({"OPIK_URL_OVERRIDE": URL, **names})
    assert place == OpikPlace("http://localhost:5173/api", "team", "twins", "sesame")
    assert "sesame" not in repr(place) + str(place) + place.name


def test_a_key_alone_means_the_cloud_and_wants_a_workspace():
    assert opik_configured({"OPIK_API_KEY": "k", "OPIK_WORKSPACE": "team"}).url == CLOUD
    with pytest.raises(ValueError, match="OPIK_WORKSPACE"):
        opik_configured({"OPIK_API_KEY": "k"})


@pytest.mark.parametrize("url", ["localhost:5173/api", "ftp://a/b", "http://", "opik"])
def test_what_is_no_address_is_named(url):
    with pytest.raises(ValueError, match="OPIK_URL_OVERRIDE is no address"):
        opik_configured({"OPIK_URL_OVERRIDE": url})


def test_secrets_are_not_told_in_errors():
    with pytest.raises(ValueError, match="OPIK_API_KEY") as told:
        opik_configured({"OPIK_URL_OVERRIDE": "https://me:sesame@opik.example/api"})
    assert "sesame" not in str(told.value)
    with pytest.raises(ValueError, match="OPIK_API_KEY holds") as told:
        opik_configured({"OPIK_URL_OVERRIDE": URL, "OPIK_API_KEY": "sesame\nx"})
    assert "sesame" not in str(told.value)


def test_nothing_of_ours_imports_opik_before_it_is_used():
    modules = "resources.opik_export, resources.opik_reader, resources.opik_library, resources.opik_drift"
    modules += ", resources.opik_training, resources.opik_noting, resources.opik_inbox"
    program = f"import sys, {modules}, resources.opik_webhook; assert 'opik' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)


PROGRAM = """
import os, sys, threading
from resources.opik_client import connected
from resources.opik_settings import OpikPlace
with connected(OpikPlace("http://127.0.0.1:9/api", "team", "p", "sesame")) as api:
    import opik.error_tracking, sentry_sdk
    assert not opik.error_tracking.enabled_in_config()
    assert not sentry_sdk.get_client().is_active()
    assert not opik.config.OpikConfig().analytics_enable
    assert threading.active_count() == 1, threading.enumerate()
"""


def test_reports_are_off_and_no_thread_and_no_file_is_made(tmp_path):
    """Outside pytest: within it the SDK switches its reports off by itself."""
    surroundings = {"HOME": str(tmp_path / "person"), "PYTHONPATH": "."}
    (tmp_path / "person").mkdir()
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, env=surroundings)
    assert list((tmp_path / "person").iterdir()) == []


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "opik", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install llm-twin\[opik\]"), connected(OpikPlace(URL)):
        pass


def test_key_and_workspace_travel_as_headers(server):
    server.key = "sesame"
    with connected(server.place(api_key="sesame", workspace="team")) as api:
        greeted(api)
    assert server.headers[-1]["Comet-Workspace"] == "team"
    with connected(server.place(api_key="other")) as api, pytest.raises(OpikRefused, match="OPIK_API_KEY"):
        greeted(api)


def test_what_is_no_opik_is_told_apart(server):
    place = server.place(url=server.url.removesuffix("/api") + "/elsewhere")
    with connected(place) as api, pytest.raises(OpikMissing):
        greeted(api)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, OpikRejected),
        (413, OpikRejected),
        (422, OpikRejected),
        (403, OpikRefused),
        (404, OpikMissing),
        (409, OpikConflict),
    ],
)
def test_what_no_attempt_can_mend_is_tried_once(server, status, kind):
    server.misbehave(status)
    with connected(server.place()) as api, pytest.raises(kind, match=str(status)):
        insist(api.version)
    assert len(server.headers) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_what_may_pass_is_tried_again(server, status):
    server.misbehave(status, times=2)
    with connected(server.place()) as api:
        assert insist(api.version) == {"version": "contract"}
    assert len(server.headers) == 3


def test_a_pause_that_is_asked_for_is_kept_where_it_is_short(server):
    server.misbehave(429, times=1, headers={"Retry-After": "1"})
    with connected(server.place()) as api:
        started = time.monotonic()
        insist(api.version)
        assert time.monotonic() - started >= 1
        server.misbehave(429, headers={"Retry-After": "120"})
        with pytest.raises(OpikUnavailable) as told:
            insist(api.version)
    assert told.value.pause == 120
    assert len(server.headers) == 3


def test_patience_ends(server, monkeypatch):
    monkeypatch.setattr(opik_client, "FIRST_PAUSE", 0.01)
    server.misbehave(503)
    with connected(server.place()) as api:
        started = time.monotonic()
        with pytest.raises(OpikUnavailable, match="503"):
            insist(api.version, patience=0.3)
        assert time.monotonic() - started < 2
    assert len(server.headers) > 2


def test_a_silent_server_costs_the_seconds_of_one_request(server):
    server.misbehave("hang")
    with connected(server.place(), seconds=0.4) as api, pytest.raises(OpikUnavailable, match="Timeout"):
        insist(api.version, patience=0.1)


def test_a_fault_of_ours_goes_through_at_once():
    with pytest.raises(ZeroDivisionError):
        insist(lambda: 1 / 0)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"retry-after": "7"}, 7),
        ({"RateLimit-Reset": "12"}, 12),
        ({"Retry-After": "-3"}, 0),
        ({"Retry-After": "soon"}, 0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
    ],
)
def test_what_a_server_asks_for_is_understood(headers, seconds):
    assert asked_pause(headers) == seconds


def test_a_date_is_understood_as_a_pause():
    import email.utils

    assert 50 < asked_pause({"Retry-After": email.utils.formatdate(time.time() + 60)}) <= 60


def test_transport_errors_are_tried_again():
    seen = []

    def call():
        seen.append(1)
        if len(seen) < 3:
            raise httpx.RemoteProtocolError("gone")
        return "there"

    assert insist(call) == "there"
