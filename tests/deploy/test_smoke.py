"""The smoke test, against servers that are well, ill, slow or gone."""

import copy
import os
import subprocess
import sys
import threading

import click
import pytest
from dagster_graphql.schema import create_schema
from graphql import parse, validate

from tests.deploy.scripts import DEPLOY, script, serving

smoke = script("smoke")
WELL = {
    "workspaceOrError": {
        "__typename": "Workspace",
        "locationEntries": [
            {
                "name": "llm_twin",
                "loadStatus": "LOADED",
                "locationOrLoadError": {"__typename": "RepositoryLocation"},
            }
        ],
    },
    "instance": {
        "daemonHealth": {
            "allDaemonStatuses": [
                {"daemonType": "SENSOR", "required": True, "healthy": True},
                {"daemonType": "BACKFILL", "required": False, "healthy": False},
            ]
        }
    },
}
ANSWER = {"answer": "Because it quotes.", "release_id": "r1", "declined": False, "citations": []}
SECRET = "ltk_smoke_canary"


def dagster(change=lambda state: None, status=200):
    state = copy.deepcopy(WELL)
    change(state)
    return lambda path, headers, body: (status, {"data": state})


def entry(state):
    return state["workspaceOrError"]["locationEntries"][0]


def broken(state):
    error = {"__typename": "PythonError", "message": "twins.yaml:3: no such field"}
    entry(state).update(locationOrLoadError=error)


def loading(state):
    entry(state).update(loadStatus="LOADING", locationOrLoadError=None)


def no_workspace(state):
    state["workspaceOrError"] = {"__typename": "PythonError", "message": "no code server"}


def empty(state):
    state["workspaceOrError"]["locationEntries"] = []


def dead(state):
    state["instance"]["daemonHealth"]["allDaemonStatuses"][0]["healthy"] = False


def test_what_it_asks_of_dagster_is_in_dagsters_schema():
    assert validate(create_schema().graphql_schema, parse(smoke.STATE)) == []


def test_a_dagster_that_is_well_has_no_trouble():
    with serving(dagster()) as url:
        assert smoke.trouble_of_dagster(url) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (broken, "llm_twin did not load: twins.yaml:3: no such field"),
        (loading, "llm_twin did not load: LOADING"),
        (no_workspace, "the workspace did not load: no code server"),
        (empty, "names no code location"),
        (dead, "without a heartbeat: SENSOR"),
    ],
)
def test_a_dagster_that_is_ill_is_told_of(change, words):
    with serving(dagster(change)) as url:
        assert words in smoke.trouble_of_dagster(url)


@pytest.mark.parametrize(("status", "said"), [(502, {}), (200, b"<html>log in</html>")], ids=["502", "html"])
def test_what_is_no_answer_of_dagsters_is_trouble(status, said):
    with serving(lambda *request: (status, said)) as url:
        assert "does not answer" in smoke.trouble_of_dagster(url)


def test_it_waits_until_the_trouble_is_over(monkeypatch):
    monkeypatch.setattr(smoke, "PAUSE_SECONDS", 0.01)
    troubles = ["starting", "starting", None]
    smoke.wait_for("Dagster", lambda: troubles.pop(0), 60)
    assert not troubles
    with pytest.raises(click.ClickException, match="Dagster is not well after 0 s: for good"):
        smoke.wait_for("Dagster", lambda: "for good", 0)


def served(state):
    return lambda *request: (200, {"ready": False, "twins": state})


def test_a_twin_that_serves_no_release_cannot_be_asked():
    with serving(served({"nora": {"release_id": "r1"}})) as url:
        assert smoke.trouble_of_endpoint(url, "nora") is None
        assert "serves no release" in smoke.trouble_of_endpoint(url, "ada")
    with serving(served({"nora": {"release_id": None, "error": "no adapter"}})) as url:
        assert "no adapter" in smoke.trouble_of_endpoint(url, "nora")
    assert "does not answer" in smoke.trouble_of_endpoint(url, "nora")


def test_the_question_is_asked_with_the_key_and_the_answer_comes_back(monkeypatch):
    monkeypatch.setenv("LLM_TWIN_CLIENT_KEY", SECRET)
    asked = []

    def answer(path, headers, body):
        asked.append((path, headers["Authorization"], body))
        return 200, ANSWER

    with serving(answer) as url:
        assert smoke.ask(url, "nora", "Why?", 60) == ANSWER
    assert asked == [("/rag", f"Bearer {SECRET}", {"query": "Why?", "twin": "nora"})]


@pytest.mark.parametrize(
    ("status", "said", "words"),
    [
        (401, {"error": {"message": "a key is needed"}}, "answered 401: .*a key is needed"),
        (200, {"answer": ""}, "answered without an answer"),
    ],
    ids=["401", "empty"],
)
def test_an_answer_that_is_none_is_told_of_and_never_the_key(monkeypatch, status, said, words):
    monkeypatch.setenv("LLM_TWIN_CLIENT_KEY", SECRET)
    with (
        serving(lambda *request: (status, said)) as url,
        pytest.raises(click.ClickException, match=words) as e,
    ):
        smoke.ask(url, "nora", "Why?", 60)
    assert SECRET not in str(e.value)


def test_a_server_that_is_too_slow_is_not_waited_for():
    over = threading.Event()

    def slow(path, headers, body):
        over.wait(60)
        return 200, ANSWER

    with serving(slow) as url:
        with pytest.raises(click.ClickException, match="did not answer: ReadTimeout"):
            smoke.ask(url, "nora", "Why?", 0.1)
        over.set()


def run(dagster_url, endpoint_url, *more, **variables):
    command = [sys.executable, str(DEPLOY / "smoke.py"), "check", "--dagster", dagster_url, "--endpoint"]
    return subprocess.run(
        [*command, endpoint_url, "--twin", "nora", "--seconds", "60", *more],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_job_that_fails_ends_it_and_nobody_is_asked(tmp_path):
    asked = []
    with serving(dagster()) as one, serving(lambda *request: asked.append(1) or (200, ANSWER)) as other:
        done = run(one, other, LLM_TWIN_CONFIG=str(tmp_path / "nowhere.yaml"), QDRANT_URL="http://q.invalid")
    assert done.returncode == 1
    assert "Dagster: well" in done.stdout
    assert f"smoke_job failed in {os.environ['LLM_TWIN_HOME']}/smoke/" in done.stderr
    assert "nowhere.yaml" in done.stderr
    assert not asked
