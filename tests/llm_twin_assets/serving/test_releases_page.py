"""What is said of releases: from a real registry and store, and to whom."""

import json
from types import SimpleNamespace

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from llm_twin_assets.serving.releases_page import DAGSTER, TIMELINE, add_releases, releases_report
from resources.api_keys import ApiKey
from resources.releases import Manifest, Releases
from resources.store import Store
from resources.twins import Twins

GAIN = {"mean": 0.04, "low": 0.01, "high": 0.07, "improved": 9, "documents": 10, "unit": "bits per byte"}
GUARD = {
    "name": "rouge_l",
    "margin": 0.1,
    "verdict": "holds",
    "missing": None,
    "reason": "guard rouge_l holds",
}
EVALUATION = {
    "decision": "promote",
    "reason": "better than the base model",
    "challenger": "c" * 64,
    "champion": None,
    "improvement": GAIN,
    "over_champion": None,
    "guards": [GUARD],
    "findings": [],
    "answers": {"a secret": "prompt"},
}


class Home:
    """A registry and a store of one home, with two declared twins."""

    def __init__(self, home):
        self.store, self.releases = Store(home), Releases(home)
        names = [{"name": "ada", "author": "Ada Moss"}, {"name": "ben", "author": "Ben Ferro"}]
        self.twins = Twins(root=home, sources=[{"kind": "folder", "path": home}], twins=names)
        self.state = None

    def release(self, adapter, parent=None, twin="ada"):
        folders = {"adapter_folder": "models/a", "base_folder": "models/b", "base_revision": ""}
        how = {"prompt": "p", "decoding": {"generation": "grounded"}, "evaluation": "e"}
        made = Manifest(
            twin=twin, author="Ada Moss", adapter=adapter, base="b", parent=parent, **folders, **how
        )
        return self.releases.add(made, {})

    def serving(self, **twins):
        """A server that says this of its twins."""
        self.state = {"ready": True, "index_id": "i" * 16, "error": None, "twins": twins}

    def report(self):
        serving = SimpleNamespace(ready=lambda: self.state) if self.state else None
        return releases_report(self.twins, self.store, self.releases, serving)

    def ada(self):
        return self.report()["twins"][0]


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


def test_before_anything_was_released(home):
    assert home.report() == {
        "index_id": None,
        "index_error": None,
        "dagster": DAGSTER,
        "twins": [
            {
                "twin": name,
                "author": author,
                **dict.fromkeys(("live", "canary", "ended", "evaluation", "drift")),
                "quarantined": [],
                "releases": 0,
                "timeline": [],
            }
            for name, author in (("ada", "Ada Moss"), ("ben", "Ben Ferro"))
        ],
    }


def test_what_should_be_live_without_a_server(home):
    first = home.release("one")
    second = home.release("two", parent=first)
    home.releases.desire("ada", second)
    live = home.ada()["live"]
    assert (live["release_id"], live["desired"], live["error"]) == (second, second, None)
    assert (live["author"], live["parent"], live["generation"]) == ("Ada Moss", first, "grounded")
    assert live["made_at"] == home.releases.about("ada", second)["created_at"]
    json.dumps(home.report())


def test_with_a_server_it_is_what_answers(home):
    first = home.release("one")
    second = home.release("two", parent=first)
    home.releases.desire("ada", second)
    home.serving(ada={"release_id": first, "desired": second, "error": "a file is gone", "canary": None})
    live = home.ada()["live"]
    assert (live["release_id"], live["desired"], live["error"]) == (first, second, "a file is gone")
    home.serving(ada={"release_id": None, "desired": second, "error": None, "canary": None})
    assert home.ada()["live"] == {"release_id": None, "desired": second, "error": None}
    assert home.report()["index_id"] == "i" * 16


def test_a_twin_that_the_server_has_not_seen_yet_is_as_it_should_be(home):
    first = home.release("one")
    home.releases.desire("ada", first)
    home.serving()
    assert home.ada()["live"]["desired"] == first


def test_a_canary_and_how_it_went_on(home):
    first, second = home.release("one"), home.release("two")
    home.releases.desire("ada", first)
    home.releases.start_canary("ada", second)
    before = home.ada()["canary"]
    assert (before["release_id"], before["share"], before["looks"]) == (second, 5, 0)
    assert before["conversations"] == {"canary": None, "control": None, "due": 20}
    assert before["serving"] is False
    measured = {"quality": {"difference": 0.01, "upper": 0.05}}
    look = {
        "share": 5,
        "canary": 21,
        "control": 20,
        "next": 30,
        "measured": measured,
        "reason": "no harm seen",
    }
    home.releases.move_canary("ada", 25, look)
    canary = {"release_id": second, "share": 25, "serving": True}
    home.serving(ada={"release_id": first, "desired": first, "error": None, "canary": canary})
    after = home.ada()["canary"]
    assert (after["share"], after["looks"], after["serving"], after["reason"]) == (
        25,
        1,
        True,
        "no harm seen",
    )
    assert after["conversations"] == {"canary": 21, "control": 20, "due": 30}
    assert after["measured"] == measured


def test_how_the_last_canary_ended_and_what_is_in_quarantine(home):
    first, second = home.release("one"), home.release("two")
    home.release("two", parent=first)
    home.releases.desire("ada", first)
    home.releases.start_canary("ada", second)
    home.releases.quarantine("ada", second, "harm: errors", {"canary": 40})
    home.releases.end_canary("ada", False, {"action": "roll_back", "reason": "harm: errors", "evidence": {}})
    ada = home.ada()
    assert ada["canary"] is None
    assert ada["ended"] == {"release_id": second, "action": "roll_back", "reason": "harm: errors"}
    assert ada["quarantined"] == [{"release_id": second, "reason": "harm: errors", "adapter": "two"}]
    assert [one["quarantined"] for one in ada["timeline"]] == [True, True, False]


def test_the_newest_releases_come_first_and_ten_are_told(home):
    made = [home.release(f"adapter {number}") for number in range(TIMELINE + 2)]
    ada = home.ada()
    assert [one["release_id"] for one in ada["timeline"]] == made[::-1][:TIMELINE]
    assert ada["releases"] == TIMELINE + 2


@pytest.mark.parametrize("champion", [None, "champion"])
def test_the_last_evaluation_says_over_whom_the_gain_is(home, champion):
    report = EVALUATION | {
        "champion": champion,
        "over_champion": {**GAIN, "mean": 0.02} if champion else None,
    }
    home.store.materialize_report("model_evaluation", "inputs", lambda: (report, {}), "ada")
    found = home.ada()["evaluation"]
    assert (found["decision"], found["champion"], found["findings"]) == ("promote", champion, 0)
    expected = (0.02, "the champion") if champion else (0.04, "the base model")
    assert (found["gain"]["mean"], found["gain"]["over"]) == expected
    assert found["guards"] == [{"name": "rouge_l", "verdict": "holds", "reason": "guard rouge_l holds"}]
    assert "secret" not in json.dumps(found)


def test_one_that_measured_nothing_has_no_gain_and_its_page_is_named_where_there_is_one(home):
    report = EVALUATION | {"decision": "keep", "improvement": None, "guards": []}
    home.store.materialize_report("model_evaluation", "inputs", lambda: (report, {}), "ada")
    assert home.ada()["evaluation"]["gain"] is None
    assert home.ada()["evaluation"]["page"] is None
    (home.store.folder("model_evaluation", "ada") / "report.html").write_text("<p>")
    assert home.ada()["evaluation"]["page"] == "store/model_evaluation/ada/report.html"


def test_drift_once_it_is_measured(home):
    told = {"state": "no drift", "reason": "all four tests hold"}
    home.store.materialize_report("drift_report", "inputs", lambda: ({}, told), "ada")
    assert home.ada()["drift"] == told


@pytest.mark.parametrize(("twins", "seen"), [(None, ["ada", "ben"]), (("ben",), ["ben"]), (("eve",), [])])
def test_a_key_is_told_of_its_own_twins(home, twins, seen):
    with client(home, ApiKey("key_1", "a test", twins, None, "")) as asking:
        assert [one["twin"] for one in asking.get("/v1/releases").json()["twins"]] == seen


def test_without_keys_everybody_is_told_and_the_page_itself_says_nothing(home):
    home.releases.desire("ada", home.release("one"))
    with client(home, None) as asking:
        assert asking.get("/v1/releases").json() == home.report()
        page = asking.get("/releases")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src 'sha256-" in page.headers["Content-Security-Policy"]
    assert "Ada Moss" not in page.text


def client(home, key):
    """Somebody with this key, or anybody where nobody has one."""
    app = FastAPI()
    add_releases(app, home.report)

    @app.middleware("http")
    async def authenticated(request: Request, call_next):
        request.state.key = key
        return await call_next(request)

    return TestClient(app)
