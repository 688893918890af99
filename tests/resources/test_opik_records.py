"""A request as Opik's trace and spans: ids valid and the same again, spans in their places, no secret."""

import dataclasses
import itertools
import json
import uuid
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.opik_records import PROVIDER, derived_id, said_scores, written
from resources.traces import TraceStore, Uuid7
from tests.resources.opik_contract import faults, without_nulls
from tests.resources.opik_world import SPANS, TIMINGS, plain, trace


def row(tmp_path, **fields):
    store = TraceStore(tmp_path / "home")
    one = trace(**fields)
    store.append(one)
    return store.trace(one.trace_id)


def spans_of(made):
    return {span["name"]: span for span in made.spans}


@given(st.integers(1, 20), st.text(max_size=20))
def test_derived_ids_are_uuid7_of_the_traces_moment(number, name):
    ids = Uuid7()
    for trace_id in [ids.next() for _ in range(number)]:
        made = uuid.UUID(derived_id(trace_id, name))
        assert (made.version, made.variant) == (7, uuid.RFC_4122)
        assert made.int >> 80 == uuid.UUID(trace_id).int >> 80
        assert derived_id(trace_id, name) == str(made)


def test_derived_ids_are_all_different():
    ids = Uuid7()
    made = {derived_id(ids.next(), name) for name in SPANS for _ in range(300)}
    assert len(made) == 300 * len(SPANS)


def test_a_trace_says_what_the_record_holds(tmp_path):
    one = row(tmp_path, arm="canary", standalone="Why do bees dance?", citations=[{"uri": "u", "start": 1}])
    told = written(one, "twins", plain).trace
    assert told["input"] == {"question": "Why bees?", "standalone": "Why do bees dance?"}
    expected = {"answer": one["answer"], "declined": False, "citations": [{"uri": "u", "start": 1}]}
    assert told["output"] == expected
    assert told["tags"] == ["twin:ada", "release:r1", "index:i1", "arm:canary"]
    metadata = {"twin": "ada", "release_id": "r1", "index_id": "i1", "arm": "canary"}
    assert metadata.items() <= told["metadata"].items()
    assert (told["thread_id"], told["ttft"], told["project_name"]) == ("t1", 8.5, "twins")
    assert told["end_time"] - told["start_time"] == timedelta(milliseconds=50)
    assert "error_info" not in told


def test_spans_follow_each_other_and_the_search_holds_its_steps(tmp_path):
    made = written(row(tmp_path), "twins", plain)
    spans = spans_of(made)
    assert set(spans) == SPANS
    search = spans["search"]
    inner = [spans[name] for name in ("self_query", "expansion", "embedding", "retrieval", "rerank")]
    assert {span.get("parent_span_id") for span in inner} == {search["id"]}
    assert (search["start_time"], search["end_time"]) == (inner[0]["start_time"], inner[-1]["end_time"])
    order = [spans["rewriting"], *inner, spans["sentences"], spans["generation"]]
    for before, after in itertools.pairwise(order):
        assert before["end_time"] == after["start_time"]
    for name, span in spans.items():
        assert span["trace_id"] == made.trace["id"]
        if name != "search":
            assert span["end_time"] - span["start_time"] == timedelta(milliseconds=TIMINGS[name])
            assert ("parent_span_id" in span) == (span in inner)


def test_the_generation_counts_tokens_and_cost(tmp_path):
    span = spans_of(written(row(tmp_path), "twins", plain))["generation"]
    assert span["usage"] == {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    assert (span["type"], span["model"], span["provider"]) == ("llm", "r1", PROVIDER)
    assert (span["total_estimated_cost"], span["ttft"]) == (0.02, 8.5)


def test_the_search_shows_what_it_found(tmp_path):
    spans = spans_of(written(row(tmp_path), "twins", plain))
    assert spans["search"]["output"]["passages"][0]["chunk_id"] == "c1"
    assert spans["expansion"]["output"]["wordings"] == ["Why bees?", "Reasons for bees"]


def test_a_failure_is_an_error_of_the_trace(tmp_path):
    told = written(row(tmp_path, error="OSError: no space", answer="", timings_ms={}), "twins", plain)
    wanted = {"exception_type": "OSError", "message": "no space", "traceback": "OSError: no space"}
    assert told.trace["error_info"] == wanted
    assert told.trace["tags"][-1] == "failed"
    assert told.spans == []
    gone = written(row(tmp_path, error="the client went away", timings_ms={}), "twins", plain)
    assert gone.trace["error_info"]["exception_type"] == "Error"


def test_steps_that_nobody_knows_are_shown_too(tmp_path):
    made = written(row(tmp_path, timings_ms={"dreaming": 4.0, "generation": 1.0}), "twins", plain)
    assert [span["name"] for span in made.spans] == ["dreaming", "generation"]
    assert made.trace["end_time"] - made.trace["start_time"] == timedelta(milliseconds=5)


@given(
    timings=st.dictionaries(st.sampled_from([*TIMINGS, "other"]), st.floats(0, 1e6), max_size=10),
    answer=st.text(max_size=50),
    declined=st.booleans(),
    error=st.none() | st.text(min_size=1, max_size=30),
    thread=st.none() | st.text(max_size=20),
)
def test_any_record_is_one_that_opik_takes(timings, answer, declined, error, thread):
    one = trace(timings_ms=timings, answer=answer, declined=declined, error=error, thread_id=thread)
    fields = dataclasses.asdict(one)
    for name in ("retrieved", "timings_ms", "understood", "citations"):
        fields[name] = json.dumps(fields[name])
    made = written(fields, "twins", plain)
    assert faults("POST", "/v1/private/traces/batch", {"traces": [_json(made.trace)]}) == []
    if made.spans:
        assert faults("POST", "/v1/private/spans/batch", {"spans": [_json(one) for one in made.spans]}) == []
    assert len({span["id"] for span in made.spans}) == len(made.spans)


def _json(fields):
    return without_nulls(json.loads(json.dumps(fields, default=lambda moment: moment.isoformat())))


def test_no_personal_data_leaves(tmp_path):
    secret = "ada@example.org"
    one = row(
        tmp_path,
        question=f"Write to {secret}",
        answer=f"I wrote to {secret}",
        standalone=f"Write a letter to {secret}",
        understood={"wordings": [f"mail {secret}"], "filters": {"author": secret}},
        error=f"ValueError: {secret}",
        thread_id=secret,
    )
    made = written(one, "twins", lambda text: text.replace(secret, "<EMAIL>"))
    told = json.dumps([made.trace, made.spans], default=str)
    assert secret not in told
    assert "<EMAIL>" in told
    again = written(one, "twins", lambda text: text.replace(secret, "<EMAIL>"))
    assert made.trace["thread_id"] == again.trace["thread_id"] != secret


@pytest.mark.parametrize("fields", [{"trace_id": "old"}, {"created_at": "yesterday"}])
def test_what_cannot_be_told_is_an_error(tmp_path, fields):
    with pytest.raises(ValueError):
        written(row(tmp_path) | fields, "twins", plain)


def test_a_moment_without_a_zone_is_in_utc(tmp_path):
    told = written(row(tmp_path, created_at="2026-01-01T10:00:00"), "twins", plain).trace
    assert told["start_time"].isoformat() == "2026-01-01T10:00:00+00:00"


def said(value=None, comment=None, correction=None):
    return {"value": value, "comment": comment, "correction": correction}


def test_of_what_was_said_the_last_stands():
    rows = [said(1, "good"), said(-1), said(None, "bad ada@x.org"), said(None, None, "So it is.")]
    scores = said_scores("t", rows, lambda text: text.replace("ada@x.org", "<EMAIL>"))
    assert [(one.name, one.value, one.reason) for one in scores] == [
        ("thumbs", -1.0, None),
        ("commented", 1.0, "bad <EMAIL>"),
        ("corrected", 1.0, "So it is."),
    ]
    assert said_scores("t", [said(1), said(0)], plain)[0].value == 0
    assert said_scores("t", [], plain) == []
