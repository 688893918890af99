"""Prompt versions, datasets and experiments: made once, found again, and nothing personal in them."""

import json
from datetime import UTC, datetime

import pytest

from resources.opik_client import OpikUnavailable
from resources.opik_library import ExperimentRow, log_experiment, prompt_version
from tests.resources.opik_contract import is_uuid7
from tests.resources.opik_server import OpikServer
from tests.resources.opik_world import plain

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROWS = [
    ExperimentRow(
        {"instruction": f"Tell of {what}"}, {"answer": f"{what}!"}, {"answer": what}, {"style": value}
    )
    for what, value in (("bees", 0.5), ("tea", 0.75), ("rain", 0.25))
]


@pytest.fixture
def server():
    made = OpikServer()
    yield made
    made.stop()
    assert made.violations == []


def test_the_same_text_is_the_same_commit(server):
    first = prompt_version(server.place(), "answer", "Write like {{author}}.")
    assert prompt_version(server.place(), "answer", "Write like {{author}}.") == first
    second = prompt_version(server.place(), "answer", "Write as {{author}}.")
    assert second != first
    assert [one["commit"] for one in server.state.prompts["answer"]] == [first, second]
    assert prompt_version(server.place(), "judge", "Write as {{author}}.") not in (first, second)


def test_an_older_text_that_comes_back_is_a_new_version(server):
    texts = ["one", "two", "one"]
    commits = [prompt_version(server.place(), "answer", text) for text in texts]
    assert len(set(commits)) == 3


def logged(server, rows=ROWS, at=AT, name="r1", redact=plain):
    return log_experiment(server.place(), name, "ada-questions", rows, at, redact, {"release_id": "r1"})


def test_an_experiment_has_items_traces_and_scores(server):
    made = logged(server)
    state = server.state
    assert state.experiments[made]["dataset_name"] == "ada-questions"
    assert state.experiments[made]["metadata"] == {"release_id": "r1"}
    assert state.experiments[made]["finished"]
    assert len(state.items["ada-questions"]) == len(state.traces) == len(state.experiment_items) == 3
    for item in state.experiment_items.values():
        asked = state.items["ada-questions"][item["dataset_item_id"]]["data"]
        assert item["experiment_id"] == made
        assert state.traces[item["trace_id"]]["input"] == asked["input"]
        assert state.traces[item["trace_id"]]["source"] == "experiment"
    assert sorted(one["value"] for one in state.scores.values()) == [0.25, 0.5, 0.75]
    assert all(is_uuid7(one) for one in (made, *state.experiment_items, *state.items["ada-questions"]))


def test_the_same_experiment_twice_is_one(server):
    assert logged(server) == logged(server)
    state = server.state
    assert (len(state.experiments), len(state.traces), len(state.experiment_items)) == (1, 3, 3)


def test_another_experiment_on_the_same_questions_shares_their_items(server):
    other = [ExperimentRow(row.asked, {"answer": "hm"}, row.wanted, {"style": 0.1}) for row in ROWS]
    first, second = logged(server), logged(server, other, name="r2")
    assert first != second
    state = server.state
    assert (len(state.items["ada-questions"]), len(state.traces), len(state.experiment_items)) == (3, 6, 6)
    of = {item["dataset_item_id"] for item in state.experiment_items.values()}
    assert of == set(state.items["ada-questions"])


def test_many_rows_are_sent_in_parts(server):
    rows = [ExperimentRow({"n": n}, {"m": n}, scores={"a": n, "b": 1}) for n in range(450)]
    logged(server, rows)
    assert len(server.state.experiment_items) == 450
    assert len(server.state.scores) == 900


def test_nothing_personal_is_sent(server):
    secret = "ada@example.org"
    row = ExperimentRow({"q": f"to {secret}"}, {"answer": [secret]}, {"answer": {"deep": secret}})
    logged(server, [row], redact=lambda text: text.replace(secret, "<EMAIL>"))
    told = json.dumps([body for _, _, body in server.calls])
    assert secret not in told
    assert "<EMAIL>" in told


def test_no_rows_are_no_experiment(server):
    with pytest.raises(ValueError, match="r1 has no rows"):
        logged(server, [])


def test_an_experiment_that_broke_off_is_made_whole_by_the_next_call(server):
    server.misbehave(500, path="feedback-scores")
    with pytest.raises(OpikUnavailable):
        logged(server)
    server.behave()
    logged(server)
    state = server.state
    assert (len(state.experiments), len(state.traces), len(state.scores)) == (1, 3, 3)
