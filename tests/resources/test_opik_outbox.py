"""The outbox: nothing is forgotten, nothing is noted twice, and a changed record is sent again."""

import subprocess
import sys

import pytest

from resources.opik_outbox import (
    DATABASE,
    EVENT,
    EXPERIMENT,
    FEEDBACK,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    PROMPT,
    SCORE,
    TRACE,
    Outbox,
    drop_experiments,
    twins_of,
)
from resources.opik_records import Score
from resources.traces import Feedback
from tests.resources.opik_world import filled, trace

ALL = (TRACE, EVENT, FEEDBACK, SCORE)


@pytest.fixture
def world(tmp_path):
    traces, ids = filled(tmp_path, 3)
    return traces, ids, Outbox(tmp_path, "there")


def noted(outbox, kinds=ALL):
    return [(one.kind, one.id) for one in outbox.pending(kinds, 100)]


def sent(outbox, kinds=ALL):
    entries = outbox.pending(kinds, 100)
    outbox.acknowledge(entries, 1.0)
    return entries


def test_what_was_recorded_is_noted_once_and_in_order(world):
    traces, ids, outbox = world
    for _ in range(2):
        outbox.fill(traces, ["ada"])
        assert noted(outbox) == [(TRACE, one) for one in ids]
    new = trace()
    traces.append(new)
    outbox.fill(traces, ["ada"])
    assert noted(outbox)[-1] == (TRACE, new.trace_id)
    assert len(outbox.pending(ALL, 2)) == 2


def test_only_the_named_twins_are_noted(world):
    traces, ids, outbox = world
    bens = trace("ben")
    traces.append(bens)
    outbox.fill(traces, ["ada"])
    assert len(noted(outbox)) == len(ids)
    outbox.fill(traces, ["ben"])
    assert noted(outbox)[-1] == (TRACE, bens.trace_id)


def test_each_place_gets_everything(world, tmp_path):
    traces, ids, outbox = world
    outbox.fill(traces, ["ada"])
    sent(outbox)
    other = Outbox(tmp_path, "elsewhere")
    other.fill(traces, ["ada"])
    assert (len(noted(outbox)), len(noted(other))) == (0, len(ids))


def test_a_forgotten_cursor_notes_nothing_twice(world):
    traces, ids, outbox = world
    outbox.fill(traces, ["ada"])
    sent(outbox)
    traces.forget_before("2100-01-01")
    one = trace()
    traces.append(one)
    outbox.fill(traces, ["ada"])
    assert noted(outbox) == [(TRACE, one.trace_id)]
    assert outbox.counts()["acknowledged"] == len(ids)


def test_scores_wait_for_their_trace(world):
    traces, ids, outbox = world
    traces.give_feedback(Feedback(ids[0], "2026-01-01", 1))
    outbox.fill(traces, ["ada"])
    outbox.add_scores("ada", [Score(ids[1], "style", 0.5)])
    assert noted(outbox, (FEEDBACK, SCORE)) == []
    sent(outbox, (TRACE,))
    assert noted(outbox) == [(FEEDBACK, ids[0]), (SCORE, ids[1])]


def test_more_feedback_on_an_answer_is_sent_again(world):
    traces, ids, outbox = world
    traces.give_feedback(Feedback(ids[0], "2026-01-01", 1))
    outbox.fill(traces, ["ada"])
    sent(outbox, (TRACE,))
    sent(outbox)
    outbox.fill(traces, ["ada"])
    assert noted(outbox) == []
    traces.give_feedback(Feedback(ids[0], "2026-01-02", -1))
    outbox.fill(traces, ["ada"])
    assert noted(outbox) == [(FEEDBACK, ids[0])]


def test_a_score_is_sent_again_where_it_changed_and_only_there(world):
    _, ids, outbox = world
    outbox.add_scores("ada", [Score(ids[0], "style", 0.5), Score(ids[0], "length", 9)])
    sent(outbox)
    outbox.add_scores("ada", [Score(ids[0], "style", 0.5), Score(ids[0], "length", 8)])
    assert [(one.name, one.sent) for one in outbox.pending(ALL, 9)] == [("length", 0)]


def test_a_score_that_changed_on_the_way_stays_pending(world):
    _, ids, outbox = world
    outbox.add_scores("ada", [Score(ids[0], "style", 0.5)])
    entries = outbox.pending(ALL, 9)
    outbox.add_scores("ada", [Score(ids[0], "style", 0.6)])
    outbox.acknowledge(entries, 1.0)
    outbox.reject(entries[0], "old news", 1.0)
    assert outbox.counts()["pending"] == 1


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2e9])
def test_what_is_no_score_is_refused_by_name(world, value):
    _, ids, outbox = world
    with pytest.raises(ValueError, match="style"):
        outbox.add_scores("ada", [Score(ids[0], "style", value)])


def test_a_rejected_record_stays_with_its_reason_and_takes_its_scores_along(world):
    traces, ids, outbox = world
    traces.give_feedback(Feedback(ids[0], "2026-01-01", 1))
    outbox.fill(traces, ["ada"])
    outbox.reject(outbox.pending(ALL, 1)[0], "too long", 2.0)
    outbox.reject_orphans(2.0)
    told = [(one.kind, one.id, why) for one, why in outbox.rejected()]
    assert told == [(TRACE, ids[0], "too long"), (FEEDBACK, ids[0], "its trace was rejected")]
    outbox.fill(traces, ["ada"])
    assert outbox.counts() == {"pending": 2, "acknowledged": 0, "verified": 0, "rejected": 2}


def test_a_batch_is_verified_or_sent_again_as_a_whole(world):
    traces, ids, outbox = world
    outbox.fill(traces, ["ada"])
    sent(outbox)
    [batch] = outbox.unverified()
    outbox.again(batch)
    assert [one.sent for one in outbox.pending(ALL, 9)] == [1, 1, 1]
    sent(outbox)
    [batch] = outbox.unverified()
    outbox.verify(batch)
    assert outbox.counts()["verified"] == len(ids)
    assert outbox.unverified() == {}
    outbox.again(batch)
    assert outbox.counts()["verified"] == len(ids)


def test_the_pause_doubles_up_to_a_limit_and_is_kept_in_the_file(world, tmp_path):
    _, _, outbox = world
    assert outbox.open_seconds(100.0) == 0
    pauses = []
    for _ in range(12):
        outbox.trip(100.0, 0.0)
        pauses.append(Outbox(tmp_path, "there").open_seconds(100.0))
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE
    assert Outbox(tmp_path, "elsewhere").open_seconds(100.0) == 0
    assert outbox.open_seconds(100.0 + LONGEST_PAUSE) == 0
    outbox.close_circuit()
    outbox.trip(100.0, 3600.0)
    assert outbox.open_seconds(100.0) == 3600


def test_an_event_is_noted_once(world):
    _, _, outbox = world
    for _ in range(2):
        outbox.add(EVENT, "ada", "e1", {"id": "e1", "output": {"p": 0.5}})
    assert noted(outbox) == [(EVENT, "e1")]
    with pytest.raises(ValueError):
        outbox.add(EVENT, "ada", "e2", {"p": float("nan")})


def test_processes_note_at_once(tmp_path):
    program = (
        "import sys; from pathlib import Path\n"
        "from resources.opik_outbox import Outbox; from resources.opik_records import Score\n"
        "box = Outbox(Path(sys.argv[1]), 'there')\n"
        "for n in range(30): box.add_scores('ada', [Score(f't{n}', 'style', 0.5)])"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path)]) for _ in range(3)]
    assert [writer.wait() for writer in writers] == [0] * 3
    assert Outbox(tmp_path, "there").counts()["pending"] == 30


def test_what_is_settled_is_forgotten_in_time_and_what_is_on_its_way_never(world):
    traces, _, outbox = world
    outbox.fill(traces, ["ada"])
    first, second, _ = outbox.pending(ALL, 3)
    outbox.acknowledge([first], 10.0)
    outbox.verify(next(iter(outbox.unverified())))
    outbox.acknowledge([second], 10.0)
    outbox.add(PROMPT, "ada", "r1", {"name": "ada-answer"})
    outbox.prune(10.0)
    assert outbox.counts() == {"pending": 2, "acknowledged": 1, "verified": 1, "rejected": 0}
    outbox.prune(10.5)
    assert outbox.counts() == {"pending": 2, "acknowledged": 1, "verified": 0, "rejected": 0}
    outbox.fill(traces, ["ada"])
    assert outbox.counts()["pending"] == 2


def test_what_was_refused_is_forgotten_with_the_scores_that_went_along(world):
    traces, ids, outbox = world
    traces.give_feedback(Feedback(ids[0], "2026-01-01", 1))
    outbox.fill(traces, ["ada"])
    outbox.reject(outbox.pending(ALL, 1)[0], "too long", 2.0)
    outbox.reject_orphans(2.0)
    outbox.prune(2.5)
    assert outbox.rejected() == []
    assert outbox.counts()["pending"] == 2


def test_a_trace_s_twin_is_known_by_its_id(world, tmp_path):
    traces, ids, outbox = world
    assert twins_of(None, ids) == set()
    outbox.fill(traces, ["ada"])
    outbox.add(EVENT, "ben", "e1", {})
    assert twins_of(tmp_path / DATABASE, [ids[0], "unknown"]) == {"ada"}
    assert twins_of(tmp_path / DATABASE, [ids[0], "e1"]) == {"ada", "ben"}
    assert twins_of(tmp_path / DATABASE, []) == set()


def test_evaluations_are_dropped_with_their_words_from_every_place_and_nothing_else(world, tmp_path):
    traces, ids, outbox = world
    drop_experiments(tmp_path / "empty")
    assert not (tmp_path / "empty" / DATABASE).exists()
    outbox.fill(traces, ["ada"])
    for place in (outbox, Outbox(tmp_path, "elsewhere")):
        place.add(EXPERIMENT, "ada", "e1", {"wanted": "the author's own reference " * 40})
        place.add(PROMPT, "ada", "r1", {"text": "Answer."})
    sent(outbox, (EXPERIMENT,))
    drop_experiments(tmp_path)
    assert outbox.unverified() == {}
    assert noted(Outbox(tmp_path, "elsewhere"), (EXPERIMENT, PROMPT)) == [(PROMPT, "r1")]
    assert noted(outbox, (*ALL, PROMPT)) == [*((TRACE, one) for one in ids), (PROMPT, "r1")]
    assert b"own reference" not in outbox.path.read_bytes()
