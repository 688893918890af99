"""The real SDK against the contract server: all of it arrives, once, and a bad record costs itself."""

import json
import threading
from datetime import UTC, datetime

import pytest

from resources import opik_export as module
from resources.opik_client import OpikRefused
from resources.opik_drift import publish_drift
from resources.opik_export import VISIBLE_SECONDS, export
from resources.opik_outbox import Outbox
from resources.opik_records import Score
from resources.traces import Feedback
from tests.resources.opik_server import OpikServer
from tests.resources.opik_state import ACTIONS
from tests.resources.opik_world import SPANS, Clock, filled, plain, trace


def said(server, trace_id):
    """The scores of a trace by name, as Opik has them."""
    return {name: one for (of, name), one in server.state.scores.items() if of == trace_id}


def test_everything_arrives_and_is_read_back(server, tmp_path):
    traces, ids = filled(tmp_path, 120)
    done = export(traces, server.place(), ["ada"], plain)
    assert (done.pending, done.acknowledged, done.verified, done.rejected) == (0, 0, 120, 0)
    assert done.stopped is None
    assert set(server.state.traces) == set(ids)
    assert len(server.state.spans) == len(ids) * len(SPANS)
    assert {span["trace_id"] for span in server.state.spans.values()} == set(ids)
    assert {one["project_name"] for one in server.state.traces.values()} == {"twins"}
    assert server.state.traces[ids[7]]["input"] == {"question": "Question 7?"}
    sizes = [len(body["traces"]) for body in server.bodies("/v1/private/traces/batch")]
    assert sizes == [50, 50, 20]


def test_what_is_there_is_not_sent_again(server, tmp_path):
    traces, _ = filled(tmp_path, 3)
    export(traces, server.place(), ["ada"], plain)
    new = trace(question="Another?")
    traces.append(new)
    export(traces, server.place(), ["ada"], plain)
    sent = [one["id"] for body in server.bodies("/v1/private/traces/batch") for one in body["traces"]]
    assert len(sent) == len(set(sent)) == 4
    assert sent[-1] == new.trace_id


def test_the_first_batches_sample_is_read_back(server, tmp_path):
    traces, ids = filled(tmp_path, 60)
    export(traces, server.place(), ["ada"], plain)
    read = [
        path.rsplit("/", 1)[1] for method, path, _ in server.calls if method == "GET" and "traces" in path
    ]
    assert len(set(read) & set(ids[:50])) == 3
    assert len(set(read) & set(ids[50:])) == 1


def test_bad_records_cost_themselves_and_keep_the_reason(server, tmp_path):
    traces, _ = filled(tmp_path, 20)
    bad = trace(trace_id="0f8fad5b-d9cb-469f-a165-70867728950e")
    worse = trace(trace_id="no-uuid")
    traces.append_all([bad, trace(), worse])
    done = export(traces, server.place(), ["ada"], plain)
    assert (done.verified, done.rejected, done.pending) == (21, 2, 0)
    reasons = {entry.id: why for entry, why in Outbox(tmp_path, server.place().name).rejected()}
    assert "version 7" in reasons[bad.trace_id]
    assert "cannot be told" in reasons[worse.trace_id]
    assert len(server.state.traces) == 21


def test_a_server_that_refuses_everything_loses_nothing(server, tmp_path):
    traces, _ = filled(tmp_path, module.TELLING)
    server.misbehave(400, path="/v1/private/traces/batch")
    with pytest.raises(OpikRefused, match="whatever it is sent"):
        export(traces, server.place(), ["ada"], plain)
    server.behave()
    assert export(traces, server.place(), ["ada"], plain).verified == module.TELLING


def test_a_wrong_key_is_an_error_and_loses_nothing(tmp_path):
    server = OpikServer(key="sesame")
    traces, _ = filled(tmp_path, 2)
    with pytest.raises(OpikRefused, match="OPIK_API_KEY") as told:
        export(traces, server.place(api_key="parsley"), ["ada"], plain)
    assert "parsley" not in str(told.value)
    assert export(traces, server.place(api_key="sesame"), ["ada"], plain).verified == 2
    server.stop()


def test_feedback_becomes_scores_and_the_last_word_stands(server, tmp_path):
    traces, ids = filled(tmp_path, 2)
    traces.give_feedback(Feedback(ids[0], "2026-01-01", 1, "good"))
    export(traces, server.place(), ["ada"], plain)
    assert said(server, ids[0])["thumbs"]["value"] == 1
    assert said(server, ids[0])["commented"]["reason"] == "good"
    traces.give_feedback(Feedback(ids[0], "2026-01-02", -1, correction="So it is."))
    export(traces, server.place(), ["ada"], plain)
    assert {name: one["value"] for name, one in said(server, ids[0]).items()} == {
        "thumbs": -1,
        "commented": 1,
        "corrected": 1,
    }
    traces.give_feedback(Feedback(ids[0], "2026-01-03", 0))
    done = export(traces, server.place(), ["ada"], plain)
    assert set(said(server, ids[0])) == {"commented", "corrected"}
    assert (done.verified, done.pending) == (3, 0)


def test_scores_of_ours_and_drift_arrive_as_feedback_scores(server, tmp_path):
    traces, ids = filled(tmp_path, 1)
    place, at = server.place(), datetime(2026, 1, 2, tzinfo=UTC)
    outbox = Outbox(tmp_path, place.name)
    outbox.add_scores("ada", [Score(ids[0], "style", 0.75, "mail ada@example.org")])
    look = publish_drift(tmp_path, place, "ada", at, "drift", {"p_value": 0.01, "nothing": float("nan")})
    assert (
        publish_drift(tmp_path, place, "ada", at, "drift", {"p_value": 0.01, "nothing": float("nan")}) == look
    )
    undecided = publish_drift(tmp_path, place, "ben", at, "insufficient", {"n": 12})
    done = export(traces, place, ["ada"], lambda text: text.replace("ada@example.org", "<EMAIL>"))
    assert (done.verified, done.pending) == (7, 0)
    assert said(server, ids[0])["style"]["reason"] == "mail <EMAIL>"
    assert {name: one["value"] for name, one in said(server, look).items()} == {
        "drift": 1,
        "drift_p_value": 0.01,
    }
    assert set(said(server, undecided)) == {"drift_n"}
    assert server.state.traces[look]["thread_id"] == "drift-ada"
    assert "drift:insufficient" in server.state.traces[undecided]["tags"]


def test_a_look_without_a_zone_is_refused(tmp_path, server):
    with pytest.raises(ValueError, match="zone"):
        publish_drift(tmp_path, server.place(), "ada", datetime(2026, 1, 2), "ok", {})


def test_no_personal_data_is_sent(server, tmp_path):
    secret = "ada@example.org"
    traces, ids = filled(tmp_path, 1)
    words = {"question": f"to {secret}", "answer": f"from {secret}", "error": f"ValueError: {secret}"}
    traces.append(
        trace(**words, standalone=f"on {secret}", understood={"wordings": [secret]}, thread_id=secret)
    )
    traces.give_feedback(Feedback(ids[0], "2026-01-01", 1, f"ask {secret}", f"not {secret}"))
    export(traces, server.place(), ["ada"], lambda text: text.replace(secret, "<EMAIL>"))
    told = json.dumps([body for _, _, body in server.calls])
    assert secret not in told
    assert told.count("<EMAIL>") >= 6
    assert secret.encode() not in (tmp_path / "opik.db").read_bytes()


def test_a_record_deleted_before_it_was_sent_is_not_lost_silently(server, tmp_path):
    traces, _ = filled(tmp_path, 12)
    place = server.place()
    Outbox(tmp_path, place.name).fill(traces, ["ada"])
    traces.forget_before("2100-01-01")
    done = export(traces, place, ["ada"], plain)
    assert (done.rejected, done.pending, server.state.traces) == (12, 0, {})
    assert "deleted before it was sent" in Outbox(tmp_path, place.name).rejected()[0][1]


def test_what_is_not_shown_yet_is_looked_at_again_and_then_sent_again(server, tmp_path):
    traces, ids = filled(tmp_path, 2)
    clock = Clock()
    server.state.hidden = True
    for _ in range(2):
        done = export(traces, server.place(), ["ada"], plain, clock=clock)
        assert (done.acknowledged, done.verified) == (2, 0)
    assert len(server.bodies("/v1/private/traces/batch")) == 1
    clock.ahead += VISIBLE_SECONDS + 1
    assert export(traces, server.place(), ["ada"], plain, clock=clock).pending == 2
    server.state.hidden = False
    assert export(traces, server.place(), ["ada"], plain, clock=clock).verified == 2
    assert set(server.state.traces) == set(ids)


def test_what_is_never_shown_is_rejected_in_the_end(server, tmp_path):
    traces, _ = filled(tmp_path, 2)
    clock = Clock()
    server.state.hidden = True
    for _ in range(2 * module.MOST_SENDINGS):
        done = export(traces, server.place(), ["ada"], plain, clock=clock)
        clock.ahead += VISIBLE_SECONDS + 1
    assert (done.rejected, done.pending, done.acknowledged) == (2, 0, 0)
    assert len(server.bodies("/v1/private/traces/batch")) == module.MOST_SENDINGS
    assert "never be read" in Outbox(tmp_path, server.place().name).rejected()[0][1]


def test_spans_that_are_missing_there_are_noticed(server, tmp_path):
    traces, _ = filled(tmp_path, 1)
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ACTIONS, ("POST", "/v1/private/spans/batch"), lambda *_: (204, None))
        assert export(traces, server.place(), ["ada"], plain, clock=clock).acknowledged == 1
    clock.ahead += VISIBLE_SECONDS + 1
    export(traces, server.place(), ["ada"], plain, clock=clock)
    assert export(traces, server.place(), ["ada"], plain, clock=clock).verified == 1
    assert len(server.state.spans) == len(SPANS)


def test_no_batch_begins_after_the_time_given(server, tmp_path):
    traces, _ = filled(tmp_path, 3)
    done = export(traces, server.place(), ["ada"], plain, within=0)
    assert (done.pending, done.stopped) == (3, None)
    assert export(traces, server.place(), ["ada"], plain).verified == 3


def test_of_two_exporters_one_waits(server, tmp_path):
    traces, ids = filled(tmp_path, 60)
    done = []

    def run():
        done.append(export(traces, server.place(), ["ada"], plain))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.verified for one in done] == [60, 60]
    sent = [one["id"] for body in server.bodies("/v1/private/traces/batch") for one in body["traces"]]
    assert sorted(sent) == sorted(ids)


def test_an_empty_store_makes_nothing_but_a_greeting(server, tmp_path):
    traces, _ = filled(tmp_path, 0)
    assert export(traces, server.place(), ["ada"], plain).verified == 0
    assert [path for _, path, _ in server.calls] == ["/is-alive/ver"]


def test_what_was_settled_is_forgotten_after_the_days_that_traces_are_kept(server, tmp_path):
    traces, _ = filled(tmp_path, 3)
    clock = Clock()
    assert export(traces, server.place(), ["ada"], plain, clock=clock, keep_days=7).verified == 3
    clock.ahead = 7.5 * 86_400
    assert export(traces, server.place(), ["ada"], plain, clock=clock, keep_days=7).verified == 3
    clock.ahead = 8.5 * 86_400
    assert export(traces, server.place(), ["ada"], plain, clock=clock).verified == 3
    assert export(traces, server.place(), ["ada"], plain, clock=clock, keep_days=7).verified == 0
    assert len(server.bodies("/v1/private/traces/batch")) == 1
