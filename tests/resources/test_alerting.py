"""Telling people: once an event, to each place for itself, with no secret, and never lost."""

import http.server
import json
import logging
import socket
import threading
import time

import pytest

from resources.alerting import SEND_SECONDS, Alert, Alerting
from resources.masking import MASK, Masking, secrets_of
from resources.opik_settings import opik_place
from resources.settings import Settings

DRIFT = Alert("drift", "ada's questions drift", "p 0.001 with effect 0.2", "drift/ada/w7")
REFUSED = Alert("check_failed", "ada was refused", "worse than its base", "check/ada/r1")


class Place:
    """A server that takes what apprise's json:// sends, or refuses it."""

    def __init__(self):
        self.got, self.status = [], 200
        place = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                place.got.append(body)
                self.send_response(place.status)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"json://ada:hunter22@127.0.0.1:{self.server.server_port}/"

    def titles(self):
        return [body["title"] for body in self.got]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def places():
    made = [Place(), Place()]
    yield made
    for place in made:
        place.close()


def _alerting(home, *places, **settings):
    return Alerting(Settings(home=home, alert_urls=",".join(place.url for place in places), **settings))


def test_constructing_writes_and_opens_nothing(tmp_path):
    assert _alerting(tmp_path).waiting() == 0
    assert list(tmp_path.iterdir()) == []


def test_an_event_is_told_once_to_each_place_with_its_weight(tmp_path, places):
    alerting = _alerting(tmp_path, *places)
    assert alerting.send(DRIFT)
    assert alerting.send(DRIFT)
    for place in places:
        assert [(one["title"], one["message"], one["type"]) for one in place.got] == [
            (DRIFT.title, DRIFT.body, "warning")
        ]


def test_an_event_is_not_told_again_by_the_next_process(tmp_path, places):
    assert _alerting(tmp_path, *places).send(DRIFT)
    assert _alerting(tmp_path, *places).send(DRIFT)
    assert [len(place.got) for place in places] == [1, 1]


def test_a_place_that_fails_is_tried_again_and_holds_up_no_other(tmp_path, places, caplog):
    broken, sound = places
    broken.status = 500
    alerting = _alerting(tmp_path, broken, sound)
    assert not alerting.send(DRIFT)
    assert not alerting.send(REFUSED)
    assert sound.titles() == [DRIFT.title, REFUSED.title]
    assert alerting.waiting() == 2
    assert "place 1 of LLM_TWIN_ALERT_URLS" in caplog.text
    assert "hunter22" not in caplog.text
    broken.status, broken.got[:] = 200, []
    # Another process, as after a restart, goes on where this one left off.
    assert _alerting(tmp_path, broken, sound).deliver() == 0
    assert broken.titles() == [DRIFT.title, REFUSED.title]
    assert sound.titles() == [DRIFT.title, REFUSED.title]


def test_a_place_that_fails_is_left_alone_until_the_next_time(tmp_path, places):
    places[0].status = 500
    alerting = _alerting(tmp_path, places[0])
    alerting.queue(DRIFT)
    alerting.queue(REFUSED)
    assert alerting.deliver() == 2
    assert places[0].titles() == [DRIFT.title]


def test_a_place_that_never_answers_holds_up_no_other_for_long(tmp_path, places):
    with socket.create_server(("127.0.0.1", 0)) as hole:
        urls = f"json://127.0.0.1:{hole.getsockname()[1]}/,{places[0].url}"
        alerting = Alerting(Settings(home=tmp_path, alert_urls=urls))
        began = time.monotonic()
        assert not alerting.send(DRIFT)
    assert time.monotonic() - began < 2 * SEND_SECONDS
    assert (places[0].titles(), alerting.waiting()) == ([DRIFT.title], 1)


def test_a_place_that_nobody_knows_keeps_its_alerts_and_holds_up_no_other(tmp_path, places, caplog):
    _, sound = places
    urls = f"nosuchthing://token-of-mine@there,{sound.url}"
    alerting = Alerting(Settings(home=tmp_path, alert_urls=urls))
    assert not alerting.send(DRIFT)
    assert (sound.titles(), alerting.waiting()) == ([DRIFT.title], 1)
    assert "token-of-mine" not in caplog.text


def test_when_time_is_up_the_rest_waits_for_the_next_time(tmp_path, places):
    alerting = _alerting(tmp_path, places[0])
    alerting.queue(DRIFT)
    assert alerting.deliver(seconds=-1) == 1
    assert places[0].got == []
    assert alerting.deliver() == 0


def test_while_another_process_sends_nothing_is_sent_twice(tmp_path, places):
    alerting = _alerting(tmp_path, places[0])
    alerting.queue(DRIFT)
    with alerting._locks.held("alerts"):
        assert _alerting(tmp_path, places[0]).deliver() == 1
    assert places[0].got == []


def test_who_was_killed_while_queueing_queues_the_same_again(tmp_path, places):
    alerting = _alerting(tmp_path, *places)
    alerting.queue(DRIFT)
    (known,) = (tmp_path / "alerts" / "known").iterdir()
    known.unlink()
    alerting.queue(DRIFT)
    assert alerting.deliver() == 0
    assert [len(place.got) for place in places] == [1, 1]


def test_without_a_place_an_alert_is_logged_once(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    alerting = _alerting(tmp_path)
    assert alerting.send(DRIFT)
    assert alerting.send(DRIFT)
    assert [record.message for record in caplog.records] == [f"alert: {DRIFT.title}: {DRIFT.body}"]


def test_no_secret_and_nothing_personal_is_told_or_kept(tmp_path, places):
    alerting = _alerting(tmp_path, places[0], teacher_api_key="tk-123456", qdrant_api_key=None)
    body = (
        "asked tk-123456 with Authorization: Bearer abcdefgh12345, ltk_aa_bb, "
        "https://me:pw@host/x, and jo.doe@example.org on +44 20 7946 0958"
    )
    alerting.queue(Alert("run_failed", f"to {places[0].url}", body, "k"))
    kept = "".join(path.read_text() for path in (tmp_path / "alerts").rglob("*.json"))
    assert alerting.deliver() == 0
    told = json.dumps(places[0].got)
    for secret in ("tk-123456", "abcdefgh12345", "aa_bb", ":pw@", "jo.doe", "7946", "hunter22"):
        assert secret not in told + kept
    assert MASK in told
    assert not any("hunter22" in str(path) for path in tmp_path.rglob("*"))


def test_what_is_no_secret_stays_readable():
    text = "2026-11-29 18:58:32 run 1f0c9a32-3305-4b58-9d2a-5f5f5f5f5f5f: p 0.0012345678901, 1234 rows"
    assert Masking([]).masked(text) == text


def test_the_secrets_of_the_settings_are_those_in_lists_too(tmp_path):
    settings = Settings(
        home=tmp_path, alert_urls="json://a@b, mailto://c:d@e.org?to=f,g", teacher_api_key="k"
    )
    assert sorted(secrets_of(settings)) == ["json://a@b", "k", "mailto://c:d@e.org?to=f,g"]
    assert "json://a" not in repr(settings) + settings.model_dump_json()


@pytest.mark.parametrize("environment", [None, "of-the-environment"])
def test_the_key_that_opik_is_asked_with_is_one_of_them(tmp_path, monkeypatch, environment):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("OPIK_URL_OVERRIDE=http://localhost/api\nOPIK_API_KEY=' of-the-file '\n")
    if environment:
        monkeypatch.setenv("OPIK_API_KEY", environment)
    assert secrets_of(Settings(home=tmp_path)) == [opik_place().api_key] == [environment or "of-the-file"]


def test_an_address_without_a_scheme_is_refused_without_being_quoted(monkeypatch):
    monkeypatch.setenv("LLM_TWIN_ALERT_URLS", "token-of-mine")
    with pytest.raises(ValueError, match="address 1 of LLM_TWIN_ALERT_URLS has no scheme") as refused:
        Settings()
    assert "token-of-mine" not in str(refused.value)


def test_a_long_text_is_cut(tmp_path, places):
    alerting = _alerting(tmp_path, places[0])
    assert alerting.send(Alert("promotion", "t" * 500, "b" * 9_000, "k"))
    (got,) = places[0].got
    assert (len(got["title"]), len(got["message"])) == (200, 1_500)
