"""Events played through a real server with an echo behind it, with real sensors over idle assets."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from llm_twin_assets.replay.page import page
from llm_twin_assets.replay.player import Player
from llm_twin_assets.replay.readers import Readers
from llm_twin_assets.replay.staging import Stage
from llm_twin_assets.replay.stream import Add, Ask, Feedback, Hours, NewDocument, Said, Scene
from tests.llm_twin_assets.replay.world import World
from tests.llm_twin_assets.serving.asking import QUESTION, echoing, two_twins
from tests.llm_twin_assets.serving.engines import EchoEngine
from tests.llm_twin_assets.serving.small import Small, following, listening
from tests.waiting import wait_until

NEW = Add(document=NewDocument(title="Bees", text="They hum in winter."))
SIGNALS = {"questions": {"looks": [{"adjusted": 0.001, "effect": 0.2, "is_alarm": True}]}}


class Stand:
    """A player on the world of the triggers, before the server of the served one, in one home."""

    def __init__(self, folder, world, url):
        stage = Stage(folder, world.settings, world.twins, world.twins.twin("ada"))
        self.world, self.lines, self.new = world, [], []
        self.readers = Readers(url, "none", "ada")
        told = lambda entry: self.lines.append(entry.as_line())  # noqa: E731
        self.player = Player(stage, world.resources, world.ticker, self.readers, told)

    def play(self, *events):
        """The kinds of what was told since; `texts` gives its words."""
        before = len(self.player.timeline)
        self.new = self.player.play(events)[before:]
        return [one.kind for one in self.new]

    def texts(self, kind):
        return [one.text for one in self.new if one.kind == kind]

    def drifts(self, state, window="w"):
        """From now on monitoring reports this."""

        def made():
            content = {"state": state, "reason": "it moved", "numbers": {"drifted": "questions"}}
            content |= {"thresholds": {"alpha": 0.05}, "windows": [{}, {}], "signals": SIGNALS}
            store = self.world.resources["store"]
            store.materialize_report("drift_report", state + window, lambda: (content, {}), "ada")
            told = {"state": state, "drifted": "questions", "reason": "it moved"}
            return dg.MaterializeResult(data_version=dg.DataVersion(state + window), metadata=told)

        self.world.made["drift_report"] = made


@pytest.fixture(scope="module")
def no_models(tmp_path_factory):
    """What stands for weights where an echo answers."""
    folder = tmp_path_factory.mktemp("models")
    for name in ("base", "first", "second"):
        (folder / name).mkdir()
        (folder / name / "model.safetensors").write_bytes(name.encode())
    return folder


@pytest.fixture(scope="module")
def stand(tmp_path_factory, no_models):
    """Every test goes on where the one before it left off."""
    folder = tmp_path_factory.mktemp("stand")
    world = World(folder)
    small = two_twins(Small(world.settings.home, no_models))
    world.settle()
    for one in world.ticker.tick():
        world.ticker.execute(one)
    world.ticker.tick()
    serving, _ = echoing(small, EchoEngine())
    with following(serving), listening(small.app(serving)) as url:
        made = Stand(folder, world, url)
        wait_until(lambda: all(made.readers.served()), 60)
        with made.readers:
            yield made


@pytest.fixture(autouse=True)
def _quiet(stand):
    """Traffic is as usual, and nothing is broken."""
    stand.world.broken.clear()
    stand.drifts("ok")
    stand.play(Hours(hour=1))
    stand.readers._twin = "ada"


def test_a_question_is_asked_over_http_and_its_answer_judged(stand):
    said = stand.play(Ask(ask=QUESTION, thread="t"), Feedback(feedback=Said(value=-1, comment="No.")))
    assert said == ["asked", "feedback"]
    assert stand.texts("asked")[0].startswith(f"{QUESTION} -> ")
    assert stand.texts("asked")[0].endswith("[Keeping bees]")
    traces = stand.world.resources["traces"]
    trace, feedback = traces.since("ada")[-1], traces.feedback_since("ada")[-1]
    assert (trace["question"], trace["thread_id"]) == (QUESTION, "t")
    assert (feedback["trace_id"], feedback["value"]) == (trace["trace_id"], -1)


def test_questions_in_a_row_are_asked_together_and_summed_up(stand):
    traces = stand.world.resources["traces"]
    before = len(traces.since("ada"))
    assert stand.play(*(Ask(ask=f"{QUESTION} {number}") for number in range(20))) == ["asked"]
    assert stand.texts("asked")[0].startswith("20 questions: 0 declined, 0 failed, median ")
    assert len(traces.since("ada")) == before + 20


def test_a_refused_question_is_told_and_there_is_nothing_to_judge(stand):
    stand.readers._twin = "nobody"
    stand.play(Ask(ask=QUESTION), Feedback(feedback=Said(value=1)))
    assert "-> failed: " in stand.texts("asked")[0]
    assert stand.texts("feedback") == ["+1, refused: there was no answer"]
    stand.play(Ask(ask=QUESTION), Ask(ask=QUESTION))
    assert stand.texts("asked")[0].startswith("2 questions: 0 declined, 2 failed (")


def test_feedback_grows_older_by_the_hours_that_pass(stand):
    stand.play(Ask(ask=QUESTION), Feedback(feedback=Said(value=1)), Hours(hour=25))
    feedback = stand.world.resources["traces"].feedback_since("ada")[-1]
    age = datetime.now(UTC) - datetime.fromisoformat(feedback["created_at"])
    assert timedelta(hours=25) <= age < timedelta(hours=26)


def test_new_documents_are_written_and_become_one_run_and_a_look_at_the_base_model(stand):
    other = Add(document=NewDocument(title="Frames", text="They warp."))
    said = stand.play(NEW, other)
    assert said == ["document", "document", "asks_for", "run", "asks_for", "run", "sensors"]
    assert stand.texts("document") == ["Bees, 6 words", "Frames, 4 words"]
    first, second = stand.texts("run")
    assert first.startswith("ASSET_JOB succeeded")
    assert second.startswith("base_job succeeded")
    assert "because the cleaned documents changed" in stand.texts("asks_for")[1]


def test_where_nothing_happens_an_hour_is_monitored_and_nothing_runs(stand):
    hour = stand.player.hour
    assert stand.play(Hours(hour=1), Hours(hour=2)) == ["drift", "sensors", "drift", "sensors"]
    assert [one.hour - hour for one in stand.new] == [1, 1, 3, 3]
    assert stand.texts("drift") == ["ok: questions p 0.001, effect 0.2000, an alarm"] * 2


def test_drift_is_one_alert_and_one_training_of_that_twin(stand):
    stand.drifts("drift")
    said = stand.play(Scene(scene="A shift"), Hours(hour=1), Hours(hour=1))
    assert said == ["scene", "drift", "alert", "asks_for", "run", "sensors", "drift", "sensors"]
    assert stand.texts("alert") == ["Twin ada: its traffic drifts"]
    assert stand.texts("asks_for") == ["drift_sensor: twin_job of ada, because it moved"]
    assert "\n== A shift" in stand.lines


def test_a_run_that_fails_is_told_and_alerted_once(stand):
    stand.world.broken.add("fine_tuned_model")
    stand.drifts("drift", "another window")
    stand.play(Hours(hour=1))
    (run,) = [one for one in stand.new if one.kind == "run"]
    assert run.numbers["succeeded"] is False
    assert "fine_tuned_model is broken" in run.text
    assert sorted(stand.texts("alert")) == ["Twin ada: its traffic drifts", "twin_job of ada failed"]


def test_the_page_holds_the_timeline_and_asks_nothing_of_anybody(stand):
    stand.drifts("drift", "a third window")
    stand.play(Scene(scene="<b>Bold</b>"), Ask(ask=QUESTION), Hours(hour=1))
    html = page("ada", stand.player.timeline)
    assert "&lt;b&gt;Bold&lt;/b&gt;" in html
    assert "<td>drift</td><td>drift: questions p 0.001, effect 0.2000, an alarm; it moved</td></tr>" in html
    assert 'src="data:image/svg+xml;base64,' in html
    assert "default-src 'none'" in html
    assert "http" not in html.replace('http-equiv="Content-Security-Policy"', "")
