"""A canary looked at from its traces, and what follows from a decision, also for a run that is killed."""

import json

import pytest

from llm_twin_assets.serving.canary import Decision
from llm_twin_assets.serving.canary_watch import finish, follow, looked, told
from resources.traces import Feedback, Trace, new_trace_id
from tests.llm_twin_assets.serving.test_canary_scores import SENTENCE, WINTER, citation

LATER = "2100-01-01T00:00:00.000+00:00"


class Trial:
    """Ada's second release on trial, and whoever asked."""

    def __init__(self, small):
        self.small, self.releases, self.traces = small, small.releases, small.traces
        self.first = small.release("first")
        self.second = small.releases.add(small.manifest("second"), {})
        self.start()

    def start(self):
        return self.releases.start_canary("ada", self.second, after=self.traces.newest("ada"))

    def ask(self, arm, count, answer=f"{SENTENCE} [1]", error=None, seconds=1.0):
        """So many conversations of one turn."""
        made = [
            Trace(
                trace_id=new_trace_id(),
                twin="ada",
                created_at=LATER,
                release_id=self.second if arm == "canary" else self.first,
                index_id="i",
                question="Why does a hive hum in winter?",
                answer=answer,
                retrieved=[{"chunk_id": WINTER["chunk_id"]}],
                citations=[citation()],
                timings_ms={"total": 1000 * seconds},
                arm=arm,
                error=error,
            )
            for _ in range(count)
        ]
        self.traces.append_all(made)
        return [one.trace_id for one in made]

    def look(self):
        return looked(self.small.store, self.traces, "ada", "Ada Moss", self.releases.canary("ada"))

    def step(self):
        """A look and what follows from it."""
        decision = self.look()
        follow(self.releases, "ada", self.releases.canary("ada"), decision)
        return decision


@pytest.fixture
def trial(small):
    return Trial(small)


BAD = "Zebras calculate enormous spreadsheets underwater."


def test_nobody_asked_nothing_is_decided_and_nothing_written(trial):
    before = trial.releases.canary("ada")
    assert trial.step().action == "hold"
    assert trial.releases.canary("ada") == before


def test_from_five_percent_to_everybody(trial):
    trial.ask("canary", 100)
    trial.ask("control", 100)
    assert (trial.step().share, trial.releases.canary("ada").share) == (25, 25)
    assert trial.step().reason.startswith("too little is new")
    steps = []
    while trial.releases.canary("ada"):
        for arm in ("canary", "control"):
            trial.ask(arm, trial.releases.canary("ada").due - trial.releases.canary("ada").looks[-1][arm])
        steps.append(trial.step())
    actions = [step.action for step in steps]
    assert actions[-2:] == ["advance", "promote"] or actions[-1] == "promote"
    assert "advance" in actions
    assert trial.releases.desired("ada") == trial.second
    ended = trial.releases.state("ada").ended
    assert (ended["action"], ended["release_id"]) == ("promote", trial.second)
    assert trial.releases.quarantined("ada") == set()


def test_a_look_keeps_what_it_saw(trial):
    thumbed = trial.ask("canary", 30)[:12]
    trial.ask("canary", 3, error="it broke")
    for one in trial.ask("control", 40)[:12] + thumbed:
        trial.traces.give_feedback(Feedback(one, LATER, value=1))
    decision = trial.step()
    assert (decision.action, decision.share) == ("hold", 5)
    (look,) = trial.releases.canary("ada").looks
    assert (look["canary"], look["control"], look["failed"]) == (33, 40, 3)
    assert look["parts"]["control"] == {
        "declined": 0,
        "failed": 0,
        "fluent": 1,
        "grounded": 1,
        "thumbs": 1,
        "verbatim": 1,
    }
    assert look["parts"]["canary"]["failed"] == pytest.approx(3 / 33, abs=1e-3)
    assert set(look["measured"]) == {"quality", "errors", "slowness", "thumbs"}
    assert look["next"] == trial.releases.canary("ada").due
    assert json.loads(json.dumps(look)) == look


@pytest.mark.parametrize(
    ("bad", "said"),
    [({"answer": BAD}, "quality"), ({"error": "EngineDown: gone"}, "errors"), ({"seconds": 9.0}, "slowness")],
)
def test_harm_ends_it_and_is_kept_as_evidence(trial, bad, said):
    trial.ask("canary", 60, **bad)
    trial.ask("control", 60)
    decision = trial.step()
    assert decision.action == "roll_back"
    assert f"{said} differs" in decision.reason
    assert trial.releases.state("ada").release_id == trial.first
    assert trial.releases.canary("ada") is None
    kept = trial.releases.quarantine_of("ada", trial.second)
    assert kept["reason"] == f"canary: {decision.reason}"
    assert kept["evidence"]["canary"] == 60
    ended = trial.releases.state("ada").ended
    assert ended["evidence"] == kept["evidence"] == decision.evidence


class Killed(BaseException):
    """A process that ends between two writes."""


def test_a_run_killed_between_the_two_writes_leaves_one_thing_and_a_rerun_the_other(trial, monkeypatch):
    trial.ask("canary", 60, error="it broke")
    trial.ask("control", 60)

    def killed(*_, **__):
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(trial.releases, "end_canary", killed)
        trial.step()
    assert trial.releases.canary("ada") is None
    assert trial.releases.everything_desired()["ada"].canary is None
    finish(trial.releases, "ada")
    after = trial.releases.written("ada")
    assert (after.release_id, after.canary) == (trial.first, None)
    assert (after.ended["action"], after.ended["release_id"]) == ("roll_back", trial.second)
    assert after.ended["evidence"]["canary"] == 60
    finish(trial.releases, "ada")
    assert trial.releases.written("ada") == after


def test_there_is_nothing_to_finish_of_a_canary_that_runs(trial):
    before = trial.releases.written("ada")
    finish(trial.releases, "ada")
    assert trial.releases.written("ada") == before
    finish(trial.releases, "nobody")


def test_metadata_has_the_numbers_by_name(trial):
    trial.ask("canary", 30)
    trial.ask("control", 30)
    numbers = told(trial.look())
    assert (numbers["conversations_canary"], numbers["conversations_control"]) == (30, 30)
    assert numbers["quality_difference"] == 0
    assert numbers["quality_at_most"] > 0
    assert (numbers["action"], numbers["evidence"]["share"]) == ("hold", 5)
    assert set(told(Decision("hold", "nothing", 5))) == {"action", "reason", "evidence"}
