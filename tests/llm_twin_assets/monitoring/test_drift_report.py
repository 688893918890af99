"""The drift report over stored requests: what is pinned, what is cut, what is done again, what is told."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from llm_twin_assets.contracts import content_hash
from llm_twin_assets.monitoring.drift_looks import Thresholds
from llm_twin_assets.monitoring.drift_reference import read_pinned
from llm_twin_assets.monitoring.drift_report import ASSET, Plan, line_up, report, tell_opik
from llm_twin_assets.monitoring.online_scores import scoring
from llm_twin_assets.monitoring.traces import extended
from resources.opik_outbox import EVENT, Outbox
from resources.opik_settings import OpikPlace
from resources.releases import Manifest, Releases
from resources.store import Table
from resources.traces import TraceStore
from tests.llm_twin_assets.monitoring.traffic import Bags, traffic
from tests.llm_twin_assets.serving.small import DOCUMENTS, chunks_of

CHUNKS = chunks_of(DOCUMENTS)
PLAN = Plan(400, 100, 3, Thresholds(permutations=199))


class World:
    """A home with requests in it, and reports made of them."""

    def __init__(self, store):
        self.store, self.traces = store, TraceStore(store.home)
        self.releases, self.embedder = Releases(store.home), Bags()
        self.random, self.asked = np.random.default_rng(0), 0

    def ask(self, count, **fields):
        self.traces.append_all(traffic(self.random, count, self.asked, **fields))
        self.asked += count
        self.ingest()

    def ingest(self, before=None):
        known = self.store.read_or_empty("production_traces", "ada")
        score = scoring(self.store, "Ada Moss")
        rows = extended(known, self.traces, "ada", score, before)
        self.store.materialize("production_traces", f"{self.asked} {before}", lambda: rows, "ada")

    def look(self, plan=PLAN, repin=False):
        lineup = line_up(self.store, self.releases, self.embedder, "ada", plan, repin)
        record = self.store.materialize_report(
            ASSET, lineup.inputs, lambda: report(lineup), "ada", stands=lambda: not repin
        )
        return self.store.report(ASSET, "ada") | {"reused": record.reused, "metadata": record.metadata}

    def serve(self, name):
        decoding = {"min_similarity": 0.5}
        manifest = Manifest("ada", "Ada Moss", name, "f", "b", "f", "", "p", decoding, "e", None)
        self.releases.desire("ada", self.releases.add(manifest, {}))
        return manifest.release_id


@pytest.fixture
def world(store):
    return World(store)


def test_until_there_is_a_reference_it_is_insufficient_and_says_what_is_missing(world):
    world.ingest()
    assert "0 questions to release (none yet), 400 are needed" in world.look()["reason"]
    world.ask(399)
    found = world.look()
    assert (found["state"], found["reference"], found["windows"]) == ("insufficient", None, [])
    assert "399 questions to release r1, 400 are needed for a reference" in found["reason"]
    world.ask(1)
    found = world.look()
    assert found["state"] == "insufficient"
    assert (found["reference"]["first"], found["reference"]["last"]) == ("trace-000000", "trace-000399")
    assert "0 windows, 2 are needed" in found["reason"]


def test_traffic_that_stays_is_ok_and_a_new_subject_is_drift_of_the_questions(world):
    world.ask(600)
    found = world.look()
    assert (found["state"], found["numbers"]["drifted"]) == ("ok", "")
    assert [one["first"] for one in found["windows"]] == ["trace-000400", "trace-000500"]
    world.ask(200, moved=0.5)
    found = world.look()
    assert (found["state"], found["numbers"]["drifted"]) == ("drift", "questions")
    assert found["metadata"] == found["numbers"]
    assert found["numbers"]["questions/p"] <= 0.05
    assert set(found["plots"]) == {"p_values", "projection", "scores"}
    assert found["thresholds"]["permutations"] == 199


def test_answers_that_change_are_drift_though_the_questions_stay(world):
    world.serve("one")
    release = world.releases.desired("ada")
    world.ask(600, release=release)
    assert world.look()["state"] == "ok"
    world.ask(200, release=release, nearest=0.4)
    found = world.look()
    assert found["numbers"]["questions/state"] == "ok"
    assert "novel" in found["numbers"]["drifted"].split(", ")
    assert found["windows"][-1]["means"]["novel"] > 0.9 > 0.2 > found["windows"][0]["means"]["novel"]


def test_nothing_new_is_reused_and_only_new_windows_are_embedded(world):
    world.ask(600)
    first = world.look()
    embedded = world.embedder.encoded
    again = world.look()
    assert (first["reused"], again["reused"]) == (False, True)
    world.ask(99)
    half = world.look()
    assert (half["reused"], half["window_id"]) == (True, first["window_id"])
    assert world.embedder.encoded == embedded
    world.ask(1)
    whole = world.look()
    assert not whole["reused"]
    assert whole["window_id"] != first["window_id"]
    assert world.embedder.encoded <= embedded + 100


def test_the_reference_stays_while_windows_move_on_and_only_the_last_are_looked_at(world):
    world.ask(800)
    before = world.look()
    world.ask(200)
    after = world.look()
    assert after["reference"] == before["reference"]
    assert [one["first"] for one in after["windows"]] == ["trace-000700", "trace-000800", "trace-000900"]


def test_the_same_windows_are_judged_alike_before_and_after_the_reference_was_stored(world):
    world.ask(600, thread_id=None)
    first = world.look()
    world.store.folder(ASSET, "ada").joinpath("report.json").unlink()
    assert world.look()["signals"] == first["signals"]


def test_another_release_gets_a_reference_of_its_own_and_its_own_requests_only(world):
    old = world.serve("one")
    world.ask(600, release=old)
    assert world.look()["state"] == "ok"
    new = world.serve("two")
    world.ask(300, release=new, moved=0.5)
    world.ask(50, release=old)
    found = world.look()
    assert (found["state"], found["reference"]) == ("insufficient", None)
    assert f"300 questions to release {new}" in found["reason"]
    world.ask(300, release=new, moved=0.5)
    found = world.look()
    assert (found["state"], found["reference"]["release_id"]) == ("ok", new)
    assert found["reference"]["first"] == "trace-000600"


def test_a_new_reference_is_pinned_on_demand_of_the_newest_and_only_then(world):
    world.ask(600)
    world.ask(200, moved=1.0)
    world.ask(400, moved=1.0)
    assert world.look()["state"] == "drift"
    asked = world.look(repin=True)
    assert (asked["reused"], asked["state"]) == (False, "insufficient")
    assert asked["reference"]["first"] == "trace-000800"
    world.ask(200, moved=1.0)
    after = world.look()
    assert (after["state"], after["reference"]) == ("ok", asked["reference"])


def test_another_embedder_pins_anew(world):
    world.ask(600)
    before = world.look()["reference"]
    world.embedder.model_id = "bags@2"
    after = world.look()["reference"]
    assert after == before | {"space": after["space"]}
    assert after["space"] != before["space"]


def test_a_reference_that_is_unlike_itself_is_an_error(world):
    world.ask(200)
    world.ask(200, moved=0.9)
    world.ask(200)
    found = world.look()
    assert (found["state"], found["numbers"]["questions/state"]) == ("error", "error")
    assert "pin another" in found["reason"]


def test_forgetting_takes_the_words_and_leaves_the_windows_as_they_were_cut(world):
    world.ask(700)
    before = world.look()
    middle = world.store.read("production_traces", "ada")["created_at"].iloc[450]
    world.traces.forget_before(middle)
    world.ingest(middle)
    assert len(world.store.read("production_traces", "ada")) == 250
    world.ask(100)
    after = world.look()
    assert after["reference"] == before["reference"]
    starts = [one["first"] for one in after["windows"]]
    assert starts == ["trace-000500", "trace-000600", "trace-000700"]
    assert [one["first"] for one in before["windows"]][1:] == starts[:2]


def test_the_stored_reference_holds_no_words_and_no_names(world):
    world.ask(400, thread_id="a person's thread")
    world.look()
    path = world.store.folder(ASSET, "ada") / "reference.npz"
    pinned = read_pinned(path)
    assert set(pinned.window.sessions) == {"0"}
    assert len(pinned.window) == 400
    with np.load(path) as stored:
        said = " ".join(str(stored[name]) for name in stored.files)
    assert "person" not in said
    assert "?" not in json.dumps(pinned.about)


def test_a_question_counts_as_it_was_understood(world):
    world.ask(400)
    world.ask(200, standalone="orbit rocket comet?")
    assert world.look()["numbers"]["drifted"] == "questions"


def test_each_window_is_told_opik_once(world):
    world.ask(600)
    content, there = world.look(), OpikPlace("http://127.0.0.1:1/api")
    assert tell_opik(world.store.home, content | {"windows": []}, there) is None
    assert not list(world.store.home.glob("opik*"))
    outbox, counts = Outbox(world.store.home, there.name), []
    for _ in range(2):
        assert tell_opik(world.store.home, content, there)
        counts.append(outbox.counts())
    assert counts[0] == counts[1]
    assert counts[0]["pending"] > 4
    (event,) = outbox.pending((EVENT,), 50)
    said = json.loads(event.payload)["output"]
    assert said["verdict"] == "ok"
    assert said["questions_p"] == content["numbers"]["questions/p"]


def test_answers_from_changed_documents_are_stale_and_drift_in_nothing_else(world):
    chunk, place = CHUNKS[0], {"uri": "u", "start": 0, "end": 9, "document_id": CHUNKS[0]["document_id"]}
    world.store.materialize("cleaned_documents", "1", lambda: Table(pd.DataFrame(DOCUMENTS)))
    world.store.materialize("cleaned_chunks", "1", lambda: Table(pd.DataFrame(CHUNKS)))

    def ask(count, chunk_id, hash_, words):
        said = {"citations": [{**place, "chunk_id": chunk_id, "quote_hash": content_hash(words)}]}
        looked_at = {"chunk_id": chunk_id, "content_hash": hash_, "scores": {"dense": 0.6}}
        world.ask(count, retrieved=[looked_at], **said)

    def fresh(count):
        ask(count, chunk["chunk_id"], chunk["content_hash"], DOCUMENTS[0]["text"][:9])

    fresh(600)
    assert world.look()["numbers"]["stale/state"] == "ok"
    for _ in range(2):
        fresh(80)
        ask(20, "gone", "what it was", "otherwise")
    found = world.look()
    assert (found["state"], found["numbers"]["drifted"]) == ("drift", "stale")
    assert "20.0% of 100 citing answers" in found["reason"]
    assert found["windows"][-1]["means"]["cited"] == 1.0


def test_another_plan_is_another_report(world):
    world.ask(600)
    world.look()
    assert not world.look(replace(PLAN, most_windows=2))["reused"]
