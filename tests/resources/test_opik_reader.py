"""Reading back from Opik: whole, paged, each once, and an error rather than a part of it."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from resources import opik_reader as module
from resources.opik_export import export
from resources.opik_reader import OpikScore, read_scores, read_traces
from resources.traces import Feedback
from tests.resources.opik_world import filled, plain, trace

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


def exported(server, home, number, **fields):
    traces, ids = filled(home, 0)
    made = [trace(question=f"{n} " + "long words " * 30, **fields) for n in range(number)]
    traces.append_all(made)
    export(traces, server.place(), ["ada"], plain)
    return traces, [*ids, *(one.trace_id for one in made)]


def test_every_trace_comes_back_whole_over_several_pages(server, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PAGE", 7)
    _, ids = exported(server, tmp_path, 30)
    read = read_traces(server.place(), NOW - HOUR, NOW + HOUR)
    assert [one["id"] for one in read] == sorted(ids)
    assert all(one["input"]["question"].count("long") == 30 for one in read)
    searches = server.bodies("/v1/private/traces/search")
    assert len(searches) == 5
    assert all(body["truncate"] is False for body in searches)
    assert searches[1]["last_retrieved_id"] == sorted(ids)[-7]


def test_only_what_began_in_time_comes_back(server, tmp_path):
    traces, _ = filled(tmp_path, 0)
    moments = [NOW - timedelta(days=days) for days in (0.5, 1.5, 2.5, 9)]
    made = [trace(created_at=moment.isoformat(timespec="milliseconds")) for moment in moments]
    traces.append_all(made)
    export(traces, server.place(), ["ada"], plain)
    read = read_traces(server.place(), NOW - timedelta(days=3), NOW)
    assert {one["id"] for one in read} == {one.trace_id for one in made[:3]}
    assert len(server.bodies("/v1/private/traces/search")) >= 3


def test_what_lies_in_two_windows_comes_back_once(server, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "STEP", timedelta(minutes=2))
    monkeypatch.setattr(module, "OVERLAP", timedelta(minutes=1))
    _, ids = exported(server, tmp_path, 5)
    now = datetime.now(UTC)
    read = read_traces(server.place(), now - timedelta(minutes=5), now + timedelta(minutes=5))
    assert [one["id"] for one in read] == sorted(ids)


def test_a_full_result_is_an_error(server, tmp_path):
    exported(server, tmp_path, 5)
    with pytest.raises(ValueError, match="5 traces or more"):
        read_traces(server.place(), NOW - HOUR, NOW + HOUR, most=5)
    assert len(read_traces(server.place(), NOW - HOUR, NOW + HOUR, most=6)) == 5


def test_an_unknown_project_is_named(server):
    with pytest.raises(LookupError, match="'twins'"):
        read_traces(server.place(), NOW - HOUR, NOW)


def test_a_record_that_is_no_json_is_an_error(server, tmp_path, monkeypatch):
    exported(server, tmp_path, 2)
    monkeypatch.setattr(module.json, "loads", _strict(module.json.loads))
    with pytest.raises(ValueError, match="broken"):
        read_traces(server.place(), NOW - HOUR, NOW + HOUR)


def _strict(loads):
    def read(text):
        if isinstance(text, bytes) and b"long words" in text:
            raise ValueError("broken")
        return loads(text)

    return read


def test_what_people_scored_there_comes_back_and_ours_does_not(server, tmp_path):
    traces, ids = exported(server, tmp_path, 2)
    traces.give_feedback(Feedback(ids[0], "2026-01-01", 1))
    export(traces, server.place(), ["ada"], plain)
    server.state.annotate(ids[0], "accuracy", 0.25, "wrong year")
    server.state.annotate(ids[1], "accuracy", 1.0)
    given = read_scores(server.place(), NOW - HOUR, NOW + HOUR)
    assert given == [
        OpikScore(ids[0], "accuracy", 0.25, "wrong year", "ui"),
        OpikScore(ids[1], "accuracy", 1.0, None, "ui"),
    ]
    [ours] = read_scores(server.place(), NOW - HOUR, NOW + HOUR, sources=["sdk"])
    assert (ours.trace_id, ours.name, ours.value) == (ids[0], "thumbs", 1.0)


def test_a_score_of_an_old_trace_is_found_while_one_looks_back_far_enough(server, tmp_path):
    old = (NOW - timedelta(days=6)).isoformat(timespec="milliseconds")
    _, [one] = exported(server, tmp_path, 1, created_at=old)
    server.state.annotate(one, "accuracy", 0.5)
    assert read_scores(server.place(), NOW - HOUR, NOW) == []
    assert len(read_scores(server.place(), NOW - timedelta(days=7), NOW)) == 1


@pytest.mark.parametrize("days", [0, 0.5, 1, 3.2])
def test_windows_overlap_and_cover_the_whole_time(days):
    since = NOW - timedelta(days=days)
    windows = list(module._windows(since, NOW))
    if not days:
        assert windows == []
        return
    assert (windows[0][0], windows[-1][1]) == (since, NOW)
    for (_, ended), (begun, _) in itertools.pairwise(windows):
        assert begun == ended - module.OVERLAP
