"""Experiments and prompt versions: noted, sent once, found again, and nothing personal in them."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from resources.opik_export import export
from resources.opik_library import Experiment, ExperimentRow, note_experiment, note_prompt
from resources.opik_outbox import EXPERIMENT, WORKS, Outbox
from tests.resources.opik_contract import is_uuid7
from tests.resources.opik_server import OpikServer
from tests.resources.opik_world import Clock, filled, plain

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROWS = [
    ExperimentRow(
        {"question": f"Tell of {what}"}, {"tuned": f"{what}!"}, {"answer": what}, {"tuned/style": value}
    )
    for what, value in (("bees", 0.5), ("tea", 0.75), ("rain", 0.25))
]
TRIED = Experiment("r1", "ada-held-out", AT, ROWS, {"release_id": "r1"}, {"gain_over_base": 0.125})


class World:
    """A home with nothing in it but what is noted, and a server to send it to."""

    def __init__(self, home, server):
        self.home, self.server, self.clock = home, server, Clock()
        self.traces, _ = filled(home, 0)

    def note(self, experiment=TRIED):
        return note_experiment(self.home, self.server.place(), "ada", experiment)

    def prompt(self, release_id, text, twin="ada"):
        return note_prompt(self.home, self.server.place(), twin, release_id, text)

    def export(self, redact=plain, **limits):
        return export(self.traces, self.server.place(), ["ada"], redact, clock=self.clock, **limits)

    def send(self, *texts):
        """A release after the other, each with its prompt."""
        for number, text in enumerate(texts):
            self.prompt(f"r{number}", text)
        return self.export()


@pytest.fixture
def world(tmp_path):
    server = OpikServer()
    yield World(tmp_path, server)
    server.stop()
    assert server.violations == []


def test_a_release_s_prompt_is_a_version_with_its_variables(world):
    assert world.prompt("r1", "From {passages} answer {question} {{now}} { }") == "ada-answer"
    assert world.export().verified == 1
    [version] = world.server.state.prompts["ada-answer"]
    assert version["template"] == "From {{passages}} answer {{question}} {{{now}}} { }"
    assert version["metadata"] == {"release_id": "r1"}


def test_the_same_text_is_no_new_version_and_one_that_comes_back_is(world):
    assert world.send("one", "one", "two", "one").verified == 4
    texts = [one["template"] for one in world.server.state.prompts["ada-answer"]]
    assert texts == ["one", "two", "one"]
    world.prompt("b1", "one", "ben")
    world.export()
    assert len(world.server.state.prompts["ben-answer"]) == 1


def test_a_release_is_noted_once(world):
    world.send("one", "two")
    calls = len(world.server.calls)
    done = world.send("one", "two")
    assert (done.pending, done.verified) == (0, 2)
    assert [path for _, path, _ in world.server.calls[calls:]] == ["/is-alive/ver"]


def test_an_experiment_has_items_traces_and_scores(world):
    made = world.note()
    assert world.export().verified == 1
    state = world.server.state
    experiment = state.experiments[made]
    assert (experiment["dataset_name"], experiment["metadata"]) == ("ada-held-out", {"release_id": "r1"})
    assert experiment["experiment_scores"] == [{"name": "gain_over_base", "value": 0.125}]
    assert experiment["finished"]
    assert len(state.items["ada-held-out"]) == len(state.traces) == len(state.experiment_items) == 3
    for item in state.experiment_items.values():
        asked = state.items["ada-held-out"][item["dataset_item_id"]]["data"]
        assert item["experiment_id"] == made
        assert state.traces[item["trace_id"]]["input"] == asked["input"]
        assert state.traces[item["trace_id"]]["source"] == "experiment"
    assert sorted(one["value"] for one in state.scores.values()) == [0.25, 0.5, 0.75]
    assert all(is_uuid7(one) for one in (made, *state.experiment_items, *state.items["ada-held-out"]))


def test_the_same_experiment_twice_is_one(world):
    assert world.note() == world.note()
    world.export()
    world.note()
    world.export()
    state = world.server.state
    assert len(world.server.bodies("/v1/private/experiments")) == 1
    assert (len(state.experiments), len(state.traces), len(state.experiment_items)) == (1, 3, 3)


def test_another_experiment_on_the_same_questions_shares_their_items(world):
    other = [ExperimentRow(row.asked, {"tuned": "hm"}, row.wanted, {"tuned/style": 0.1}) for row in ROWS]
    world.note()
    world.note(replace(TRIED, name="r2", rows=other))
    world.export()
    state = world.server.state
    assert (len(state.items["ada-held-out"]), len(state.traces), len(state.experiment_items)) == (3, 6, 6)
    of = {item["dataset_item_id"] for item in state.experiment_items.values()}
    assert of == set(state.items["ada-held-out"])


def test_many_rows_are_sent_in_parts(world):
    rows = [ExperimentRow({"n": n}, {"m": n}, scores={"a": n, "b": 1}) for n in range(250)]
    world.note(replace(TRIED, rows=rows))
    world.export()
    assert len(world.server.state.experiment_items) == 250
    assert len(world.server.state.scores) == 500


def test_what_is_no_score_to_opik_is_left_out(world):
    row = ExperimentRow({"q": 1}, {"a": 1}, scores={"good": 1.0, "none": float("nan"), "huge": 1e10})
    world.note(replace(TRIED, rows=[row], scores={"inf": float("inf")}))
    world.export()
    assert [name for _, name in world.server.state.scores] == ["good"]


def test_nothing_personal_is_sent(world):
    secret = "ada@example.org"
    row = ExperimentRow({"q": f"to {secret}"}, {"answer": [secret]}, {"answer": {"deep": secret}})
    world.note(replace(TRIED, rows=[row]))
    world.export(redact=lambda text: text.replace(secret, "<EMAIL>"))
    told = json.dumps([body for _, _, body in world.server.calls])
    assert secret not in told
    assert "<EMAIL>" in told


def test_no_rows_are_no_experiment(world):
    with pytest.raises(ValueError, match="r1 has no rows"):
        world.note(replace(TRIED, rows=[]))


def test_an_experiment_that_broke_off_is_made_whole_by_the_next_export(world):
    world.note()
    world.server.misbehave(500, path="feedback-scores")
    assert "500" in world.export().stopped
    world.server.behave()
    world.clock.ahead = 3600.0
    assert world.export().verified == 1
    state = world.server.state
    assert (len(state.experiments), len(state.traces), len(state.scores)) == (1, 3, 3)


@pytest.mark.parametrize("status", [404, 409, 422])
def test_one_that_opik_will_not_have_costs_no_other_and_is_told_of(world, status):
    world.note()
    world.prompt("r1", "one")
    world.server.misbehave(status, path="experiments", times=1)
    done = world.export()
    assert (done.pending, done.rejected, done.verified) == (0, 1, 1)
    [(entry, why)] = Outbox(world.home, world.server.place().name).rejected()
    assert (entry.kind in WORKS, str(status) in why) == (True, True)


@pytest.mark.parametrize("content", [{}, {"name": "r0", "rows": [1]}, {"rows": [], "at": "then"}])
def test_one_that_was_noted_in_another_form_costs_no_other(world, content):
    Outbox(world.home, world.server.place().name).add(EXPERIMENT, "ada", "old", content)
    world.note()
    done = world.export()
    assert (done.pending, done.rejected, done.verified) == (0, 1, 1)


def test_a_dataset_that_somebody_made_meanwhile_is_used(world):
    world.server.state.datasets["ada-held-out"] = {"id": "d"}
    world.note()
    world.server.misbehave(404, path="datasets/retrieve", times=1)
    assert world.export().verified == 1


def test_a_place_without_experiments_still_gets_its_traces(world):
    """An older Opik, which knows no such route."""
    world.traces, _ = filled(world.home, 3)
    world.note()
    world.server.misbehave(404, path="experiments")
    done = world.export()
    assert (done.verified, done.rejected) == (3, 1)


def test_one_that_is_not_shown_there_is_not_taken_for_seen(world):
    world.note()
    world.prompt("r1", "one")
    world.server.state.hidden = True
    done = world.export()
    assert (done.acknowledged, done.verified) == (1, 1)
    world.server.state.hidden = False
    assert world.export().verified == 2
