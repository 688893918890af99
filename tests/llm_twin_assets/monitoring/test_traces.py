"""Traces as a table: read once each, counted rightly."""

import json
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from llm_twin_assets.contracts import SCHEMAS, conform
from llm_twin_assets.monitoring.online_scores import NOTHING
from llm_twin_assets.monitoring.traces import exported, extended, forget, preview, shown, summary
from resources.opik_outbox import Outbox
from resources.opik_settings import opik_configured
from resources.settings import Settings
from resources.traces import Trace, TraceStore, new_trace_id
from resources.twins import FileSource, Twin, Twins

TRACES = SCHEMAS["production_traces"]


@pytest.fixture
def traces(tmp_path):
    return TraceStore(tmp_path / "home")


def record(traces, question="Why?", total=10.0, twin="ada", **fields):
    one = Trace(
        new_trace_id(), twin, "2026-01-01", "r1", "i1", question, timings_ms={"total": total}, **fields
    )
    traces.append(one)
    return one


def table(known, traces, before=None):
    made = extended(known, traces, "ada", lengths, before)
    return conform(made.rows, TRACES), made.metadata["new_requests"]


def lengths(rows):
    """Scores that only tell how long the question is."""
    return [NOTHING | {"length": float(len(row["question"]))} for row in rows]


def nothing():
    return conform(pd.DataFrame(columns=list(TRACES.columns)), TRACES)


def test_only_new_requests_are_added_in_the_order_they_were_recorded(traces):
    first = [record(traces, f"{n}") for n in range(3)]
    record(traces, "another twin's", twin="ben")
    rows, new = table(nothing(), traces)
    assert (list(rows["trace_id"]), new) == ([one.trace_id for one in first], 3)
    later = record(traces, "later")
    again, new = table(rows, traces)
    assert (list(again["trace_id"]), new) == ([*rows["trace_id"], later.trace_id], 1)
    unchanged, new = table(again, traces)
    assert new == 0
    pd.testing.assert_frame_equal(unchanged, again)


def test_without_any_request_there_is_an_empty_table(traces):
    rows, new = table(nothing(), traces)
    assert (len(rows), new) == (0, 0)
    assert summary(rows) == {"requests": 0, "failed": 0, "cost": 0.0}
    assert preview(rows, str).count("\n") == 1


def test_a_replaced_trace_store_loses_nothing_and_repeats_nothing(traces):
    kept = record(traces)
    rows, _ = table(nothing(), traces)
    traces.path.unlink()
    fresh = record(traces)
    again, new = table(rows, traces)
    assert (list(again["trace_id"]), new) == ([kept.trace_id, fresh.trace_id], 1)


def test_a_trace_store_from_a_backup_repeats_nothing(traces):
    kept = record(traces)
    backup = traces.path.read_bytes()
    lost = record(traces)
    rows, _ = table(nothing(), traces)
    traces.path.write_bytes(backup)
    fresh = record(traces)
    again, new = table(rows, traces)
    assert (list(again["trace_id"]), new) == ([kept.trace_id, lost.trace_id, fresh.trace_id], 1)


def test_only_what_is_new_is_read(traces):
    class Watched(TraceStore):
        asked = None

        def since(self, twin, trace_id=None):
            self.asked = trace_id
            return super().since(twin, trace_id)

    last = record(traces)
    rows, _ = table(nothing(), traces)
    watched = Watched(traces.path.parent)
    table(rows, watched)
    assert watched.asked == last.trace_id


def test_the_numbers_are_those_of_the_answered_requests(traces):
    for total in (10.0, 20.0, 30.0, 40.0):
        record(traces, total=total, declined=total == 40.0, completion_tokens=5)
    record(traces, total=9999.0, error="OSError: x")
    rows, _ = table(nothing(), traces)
    assert summary(rows) == {
        "requests": 5,
        "failed": 1,
        "cost": 0.0,
        "declined_share": 0.25,
        "latency_p50_ms": 25.0,
        "latency_p95_ms": pytest.approx(38.5),
        "completion_tokens": 20,
    }
    assert all(isinstance(json.loads(spans), dict) for spans in rows["timings_ms"])


def test_what_was_paid_is_summed_and_the_first_token_is_of_those_that_tell_it(traces):
    record(traces, first_token_ms=10.0, cost=0.25)
    record(traces, first_token_ms=30.0, cost=0.5)
    record(traces)
    record(traces, error="OSError: x", first_token_ms=999.0, cost=0.125)
    rows, _ = table(nothing(), traces)
    numbers = summary(rows)
    assert (numbers["cost"], numbers["first_token_p50_ms"]) == (0.875, 20.0)


def test_rows_stored_by_an_earlier_version_are_kept_beside_new_ones(traces):
    """They lack the columns there were not."""
    later = ["arm", "standalone", "citations", "key_id", "first_token_ms", "cost"]
    kept = record(traces)
    rows, _ = table(nothing(), traces)
    old = conform(rows.drop(columns=later), TRACES)
    assert old[later].isna().all().all()
    citation = {"uri": "u", "start": 0, "end": 3, "document_id": "d", "chunk_id": "c", "quote_hash": "h"}
    fresh = record(traces, arm="canary", citations=[citation], key_id="k", first_token_ms=4.5, cost=0.5)
    again, new = table(old, traces)
    assert (list(again["trace_id"]), new) == ([kept.trace_id, fresh.trace_id], 1)
    assert list(again["arm"].fillna("none")) == ["none", "canary"]
    assert json.loads(again["citations"].iloc[1]) == [citation]
    assert summary(again)["cost"] == 0.5


def test_a_table_goes_on_after_its_last_request_was_forgotten(traces):
    kept = record(traces)
    rows, _ = table(nothing(), traces)
    assert traces.forget_before("2026-02-01") == 1
    fresh = record(traces)
    again, new = table(rows, traces)
    assert (list(again["trace_id"]), new) == ([kept.trace_id, fresh.trace_id], 1)


def test_the_preview_shows_the_newest_first_and_stays_a_table(traces):
    for number in range(12):
        record(traces, f"question | {number}\nwith more " + "words " * 30, answer="fine")
    record(traces, "the last one", error="OSError: disk full")
    rows, _ = table(nothing(), traces)
    lines = preview(rows, str).splitlines()
    assert len(lines) == 12
    assert "the last one" in lines[2]
    assert "failed: OSError: disk full" in lines[2]
    assert "question \\| 11 with more" in lines[3]
    assert all(len(line) < 250 for line in lines)


def test_a_row_is_scored_when_it_comes_and_never_again(traces):
    record(traces, "four")
    rows, _ = table(nothing(), traces)
    record(traces, "sixsix")
    batches = []

    def other(new):
        batches.append(len(new))
        return [NOTHING | {"length": 0.0} for _ in new]

    again = conform(extended(rows, traces, "ada", other).rows, TRACES)
    assert (list(again["length"]), batches) == ([4.0, 0.0], [1])
    assert again["style"].isna().all()


def test_what_is_forgotten_leaves_the_table_and_does_not_come_back(traces):
    now = datetime.now(UTC)
    for days in (40, 31, 29, 0):
        said = (now - timedelta(days=days)).isoformat()
        traces.append(Trace(f"{days} days", "ada", said, "r", "i", "Why?", timings_ms={"total": 1.0}))
    rows, _ = table(nothing(), traces)
    before = forget(traces, 30)
    kept = extended(rows, traces, "ada", lengths, before)
    assert list(kept.rows["trace_id"]) == ["29 days", "0 days"]
    assert kept.metadata == {"new_requests": 0, "forgotten": 2}
    assert [row["trace_id"] for row in traces.since("ada")] == ["29 days", "0 days"]
    again = extended(conform(kept.rows, TRACES), traces, "ada", lengths, before)
    assert (len(again.rows), again.metadata["forgotten"]) == (2, 0)


def test_a_day_is_forgotten_as_a_whole_so_nothing_moves_within_it(traces):
    before = forget(traces, 1)
    assert datetime.fromisoformat(before).time().isoformat() == "00:00:00"
    assert forget(traces, 1) == before
    assert timedelta(days=1) <= datetime.now(UTC) - datetime.fromisoformat(before) < timedelta(days=2)


def test_without_a_limit_nothing_is_forgotten(traces):
    record(traces)
    assert forget(traces, None) is None
    rows, _ = table(nothing(), traces, None)
    assert len(rows) == 1


def test_a_run_shows_the_newest_and_each_scores_mean(traces):
    for question in ("four", "sixsix"):
        record(traces, question)
    rows, _ = table(nothing(), traces)
    numbers, texts = shown(rows, str)
    assert numbers["requests"] == 2
    assert "| length | 5 | 2 |" in texts["scores"]
    assert "| style | – | 0 |" in texts["scores"]
    assert "sixsix" in texts["preview"]
    assert "sixsix" not in shown(rows, lambda text: text.replace("sixsix", "<EMAIL>"))[1]["preview"]


def test_where_requests_are_kept_for_some_days_no_run_shows_their_words(traces):
    record(traces)
    rows, _ = table(nothing(), traces)
    assert set(shown(rows, str, 30)[1]) == {"scores"}


def test_requests_go_to_opik_where_it_is_configured_and_what_is_away_is_said(traces, tmp_path, monkeypatch):
    source = FileSource(kind="folder", path=tmp_path)
    twins = Twins(root=tmp_path, sources=[source], twins=[Twin(name="ada", author="Ada Moss")])
    settings = Settings(home=tmp_path / "home")
    record(traces)
    assert exported(traces, "ada", settings, twins) == {}
    assert not (tmp_path / "home" / "opik.db").exists()
    monkeypatch.setenv("OPIK_URL_OVERRIDE", "http://127.0.0.1:1/api")
    told = exported(traces, "ada", settings, twins)
    assert told["opik/pending"] == 1
    assert told["opik/stopped"]
    assert Outbox(tmp_path / "home", opik_configured().name).counts()["pending"] == 1
