"""Opik's webhook: taken with the right secret, and read whatever it tells."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources import opik_webhook as module
from resources.opik_webhook import OpikAlert, UnverifiedWebhook, verified_webhook

SECRET = "a-long-secret"
BEARER = {"Authorization": f"Bearer {SECRET}"}
METRIC = {"metric_name": "trace:feedback_score", "metric_value": "0.75", "threshold": "0.5"}


def body(metadata=METRIC, **fields):
    payload = {"eventIds": ["e1", "e2"], "eventCount": 2, "aggregationType": "consolidated"}
    told = {
        "id": "w1",
        "eventType": "trace:feedback_score",
        "alertId": "a1",
        "alertName": "Drift",
        "workspaceId": "default",
        "createdAt": "2026-01-01T00:00:00Z",
        "payload": payload | {"metadata": metadata},
    }
    return json.dumps(told | fields).encode()


def test_an_alert_is_read():
    assert verified_webhook(BEARER, body(), SECRET) == OpikAlert(
        event_id="w1",
        event="trace:feedback_score",
        alert_id="a1",
        alert="Drift",
        created_at="2026-01-01T00:00:00Z",
        count=2,
        details=[METRIC],
    )


def test_an_alert_about_traces_tells_each_of_them():
    traces = [{"id": "t1", "error_info": {"message": "no"}}, {"id": "t2"}]
    assert verified_webhook(BEARER, body(traces), SECRET).details == traces
    assert verified_webhook(BEARER, body("nothing"), SECRET).details == []


def test_the_name_may_stand_in_the_payload_alone():
    told = json.dumps({"id": "w1", "payload": {"eventType": "trace:cost", "alertName": "Dear"}}).encode()
    alert = verified_webhook(BEARER, told, SECRET)
    assert (alert.event, alert.alert, alert.count, alert.details) == ("trace:cost", "Dear", 1, [])


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"bearer {SECRET}"},
        {"AUTHORIZATION": f"Bearer {SECRET} "},
        {"X-Opik-Secret": SECRET},
        {"x-opik-secret": SECRET, "Authorization": "Basic eDp5"},
    ],
)
def test_the_secret_may_come_as_a_bearer_or_as_a_header_of_its_own(headers):
    assert verified_webhook(headers, body(), SECRET).event_id == "w1"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": SECRET},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {SECRET}x"},
        {"Authorization": f"Bearer {SECRET[:-1]}"},
        {"Authorization": f"Basic {SECRET}"},
        {"X-Opik-Secret": "wörng"},
        {"X-Opik-Secret": SECRET, "Authorization": "Bearer other"},
    ],
)
def test_without_the_secret_nothing_is_read(headers):
    with pytest.raises(UnverifiedWebhook) as told:
        verified_webhook(headers, b"no json", SECRET)
    assert SECRET not in str(told.value)


@given(st.text(max_size=30))
def test_no_other_secret_is_ours(shown):
    if shown.strip() == SECRET:
        return
    with pytest.raises(UnverifiedWebhook):
        verified_webhook({"Authorization": f"Bearer {shown}"}, body(), SECRET)


def test_secrets_are_compared_in_constant_time(monkeypatch):
    seen = []
    monkeypatch.setattr(module.hmac, "compare_digest", lambda *both: seen.append(both) or True)
    verified_webhook({}, body(), SECRET)
    assert seen == [(b"", SECRET.encode())]


def test_an_empty_secret_verifies_nothing():
    with pytest.raises(ValueError, match="without a secret"):
        verified_webhook({"Authorization": "Bearer "}, body(), "")


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        (b"", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[1]", "no JSON object"),
        (b"[" * 100_000, "no JSON"),
        (b" " * (module.LARGEST_BODY + 1), "longer"),
        (body(payload=[1]), "payload is no JSON object"),
        (body(id=None), "no id"),
        (body(eventType=7), "no eventType"),
        (body(payload={"eventCount": "two"}), "eventCount is 'two'"),
        (body(payload={"eventCount": True}), "eventCount is True"),
        (body(payload={"eventCount": -1}), "eventCount is -1"),
    ],
)
def test_what_is_no_alert_is_an_error(told, fault):
    with pytest.raises(ValueError, match=fault):
        verified_webhook(BEARER, told, SECRET)


@given(
    st.dictionaries(
        st.text(max_size=8), st.recursive(st.none() | st.integers() | st.text(max_size=5), st.lists)
    )
)
def test_any_object_is_an_alert_or_a_named_error(fields):
    try:
        verified_webhook(BEARER, json.dumps(fields).encode(), SECRET)
    except ValueError as error:
        assert "webhook" in str(error)
