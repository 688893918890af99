"""Releases in and out of service, with a real server process, as Dagster runs it."""

import dataclasses
import shutil
import threading

import dagster as dg
import httpx
import openai
import pytest

from llm_twin_assets.serving.deploying import Deployer, deploy, roll_back, target
from resources.endpoint import EndpointError
from resources.opik_outbox import PROMPT
from tests.llm_twin_assets.serving.deployment import Deployed, checked, metadata
from tests.llm_twin_assets.serving.small import DOCUMENTS
from tests.resources.opik_world import waiting

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("deployed")]

QUESTION = "Why does a hive hum in winter?"


@pytest.fixture(scope="module")
def module_home(tmp_path_factory):
    return tmp_path_factory.mktemp("deployed") / "home"


@pytest.fixture(scope="module")
def deployed(module_home, made_models):
    made = Deployed(module_home, made_models)
    yield made
    made.endpoint.stop()


def test_from_a_decision_to_an_endpoint_and_a_second_run_changes_nothing(deployed, monkeypatch):
    monkeypatch.setenv("OPIK_URL_OVERRIDE", "http://192.0.2.1/api")
    deployed.evaluate("first")
    result = deployed.run("release", "deployed_endpoint")
    assert result.success
    version, told = metadata(result, "release")
    assert deployed.releases.desired(deployed.twin) == deployed.serves() == version == told["release_id"]
    assert (told["reused"], told["parent"]) == (False, "none")
    _, told = metadata(result, "deployed_endpoint")
    assert (told["previous"], told["reused"]) == ("none", False)
    assert httpx.get(f"{told['url']}/readyz", trust_env=False).status_code == 200
    assert checked(result).passed
    assert checked(result).metadata["citations"].value > 0
    pid = deployed.endpoint.status()["pid"]
    again = deployed.run("release", "deployed_endpoint")
    assert [metadata(again, node)[0] for node in ("release", "deployed_endpoint")] == [version, version]
    assert [metadata(again, node)[1]["reused"] for node in ("release", "deployed_endpoint")] == [True, True]
    assert deployed.endpoint.status()["pid"] == pid
    [(twin, prompt)] = waiting(deployed.settings.local, PROMPT)
    assert (twin, prompt["release_id"]) == (deployed.twin, version)


def test_a_refused_model_makes_the_run_red_and_changes_nothing(deployed):
    before = deployed.serves()
    deployed.evaluate("second", "refuse")
    result = deployed.run("release", "deployed_endpoint")
    assert not result.success
    assert "because of the numbers" in str(result.failure_data_for_node("release").error)
    assert deployed.serves() == before == deployed.releases.desired(deployed.twin)


def test_a_rollback_serves_the_chosen_release_and_quarantines_the_one_left(deployed):
    first = deployed.serves()
    deployed.evaluate("second")
    assert deployed.run("release", "deployed_endpoint").success
    second = deployed.serves()
    assert second != first
    result = deployed.run("deployed_endpoint", release_id=first)
    assert result.success
    assert checked(result).passed
    assert deployed.serves() == first
    assert deployed.releases.quarantined(deployed.twin) == {deployed.small.adapter("second").version}
    deployed.evaluate("second")
    assert not deployed.run("release").success
    result = deployed.run("deployed_endpoint")
    assert "was rolled back" in str(result.failure_data_for_node("deployed_endpoint").error)
    assert deployed.run("deployed_endpoint", release_id=second).success
    assert deployed.releases.quarantined(deployed.twin) == {deployed.small.adapter("first").version}


def broken_release(deployed):
    release_id = deployed.release("third")
    shutil.rmtree(deployed.small.home / deployed.small.adapter("third", deployed.twin).folder)
    return release_id


def test_a_release_that_does_not_come_up_leaves_everything_as_it_was(deployed):
    before, quarantined = deployed.serves(), deployed.releases.quarantined(deployed.twin)
    broken = broken_release(deployed)
    result = deployed.run("deployed_endpoint", release_id=broken)
    assert not result.success
    error = str(result.failure_data_for_node("deployed_endpoint").error.cause)
    assert f"release {broken} of twin {deployed.twin} cannot be served" in error
    assert "does not exist" in error
    assert deployed.releases.desired(deployed.twin) == before
    assert deployed.releases.quarantined(deployed.twin) == quarantined
    with pytest.raises(EndpointError):
        deploy(deployed.releases, deployed.endpoint, deployed.twin, broken, 20)
    assert deployed.releases.desired(deployed.twin) == before
    deployed.endpoint.wait_until_serving(deployed.twin, before, 10)
    assert deployed.endpoint.ask(deployed.twin, QUESTION)["release_id"] == before


def test_a_first_release_that_does_not_come_up_is_taken_back(deployed):
    manifest = dataclasses.replace(
        deployed.small.manifest("first", "eve", "Eve"), base="0" * 64, base_folder="models/none"
    )
    release_id = deployed.releases.add(manifest, {})
    with pytest.raises(EndpointError, match=r"cannot be served: .*models/none does not exist"):
        deploy(deployed.releases, deployed.endpoint, "eve", release_id, 30)
    assert deployed.releases.desired("eve") is None


def test_the_target_is_what_was_chosen_or_last_released(deployed):
    store, releases = deployed.small.store, deployed.releases
    chosen = deployed.serves()
    assert target(store, releases, deployed.twin, chosen) == chosen
    with pytest.raises(LookupError, match="has no release 'nothing'"):
        target(store, releases, deployed.twin, "nothing")


def test_rolling_back_to_the_release_that_serves_quarantines_nothing(deployed):
    serves = deployed.serves()
    before = deployed.releases.quarantined(deployed.twin)
    roll_back(deployed.releases, deployed.endpoint, deployed.twin, serves, 30)
    assert deployed.releases.quarantined(deployed.twin) == before


def test_a_quotation_that_does_not_stand_in_the_documents_fails_the_check(deployed):
    changed = [one | {"text": one["text"].replace("# ", "#  ")} for one in DOCUMENTS]
    frame = deployed.small.store.read("cleaned_documents")
    frame["text"] = [one["text"] for one in changed]
    from resources.store import Table

    deployed.small.store.materialize("cleaned_documents", "shifted", lambda: Table(frame))
    try:
        result = deployed.run("deployed_endpoint", release_id=deployed.serves())
        evaluation = checked(result)
        assert not evaluation.passed
        assert evaluation.severity == dg.AssetCheckSeverity.ERROR
        assert "quoted, but not in the documents: file:texts/bees.md" in evaluation.description
        deployed.small.write_documents(DOCUMENTS[:2])
        chunks = deployed.small.store.read("cleaned_chunks")
        assert len(chunks) < len(deployed.small.vectors.ids(deployed.small.vectors.live()))
        deployed.small.store.materialize("cleaned_documents", "again", lambda: Table(frame))
        evaluation = checked(deployed.run("deployed_endpoint", release_id=deployed.serves()))
        assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.WARN)
    finally:
        deployed.small.write_documents()


@pytest.fixture
def on_trial(deployed):
    """The third release, on trial beside the one that serves: both ids."""
    champion = deployed.serves()
    third = deployed.release("third")
    deployed.releases.release_from_quarantine(deployed.twin, third)
    deployed.evaluate("third")
    result = deployed.run("release", "deployed_endpoint", canary=True)
    assert result.success
    version, told = metadata(result, "deployed_endpoint")
    release_id, _, share = version.partition("@")
    assert (share, told["share"], told["previous"], told["reused"]) == ("5", 5, champion, False)
    assert told["release_id"] == release_id != champion
    return champion, release_id


def step(deployed, **config):
    """One more run of the endpoint alone: its data version, its metadata, and the canary's check."""
    result = deployed.run("deployed_endpoint", **config)
    assert result.success
    return *metadata(result, "deployed_endpoint"), checked(result, "canary_holds")


def test_a_new_release_begins_with_a_share_and_harm_takes_it_back(deployed, on_trial):
    champion, tried = on_trial
    serving = {"release_id": tried, "share": 5, "serving": True, "error": None}
    assert (deployed.serves(), deployed.trial()) == (champion, serving)
    version, told, holds = step(deployed)
    assert (version, told["action"], holds.passed) == (f"{tried}@5", "hold", True)
    for arm in ("canary", "control"):
        deployed.ask(arm, 100)
    version, told, holds = step(deployed)
    assert (version, told["action"], told["share"], holds.passed) == (f"{tried}@25", "advance", 25, True)
    assert (told["conversations_canary"], told["conversations_control"]) == (100, 100)
    assert deployed.trial() == serving | {"share": 25}
    deployed.ask("canary", 60, error="EngineDown: gone")
    deployed.ask("control", 60)
    version, told, holds = step(deployed)
    assert (version, told["action"], told["share"]) == (champion, "roll_back", 100)
    assert (holds.passed, holds.severity, holds.blocking) == (False, dg.AssetCheckSeverity.ERROR, False)
    assert f"release {tried} was rolled back: harm" in holds.description
    assert (deployed.serves(), deployed.trial()) == (champion, None)
    assert deployed.small.adapter("third").version in deployed.releases.quarantined(deployed.twin)
    again, repeated, holds = step(deployed)
    assert (again, repeated["action"], repeated["reason"]) == (version, "roll_back", told["reason"])
    assert not holds.passed


def test_a_rollback_ends_a_canary(deployed, on_trial):
    champion, _ = on_trial
    version, told, holds = step(deployed, release_id=champion)
    assert (version, told["share"], holds.passed) == (champion, 100, True)
    assert (deployed.serves(), deployed.trial()) == (champion, None)
    assert deployed.releases.canary(deployed.twin) is None
    assert deployed.small.adapter("third").version in deployed.releases.quarantined(deployed.twin)
    assert deployed.small.adapter("second").version not in deployed.releases.quarantined(deployed.twin)


def test_a_canary_that_cannot_be_loaded_leaves_everything_as_it_was(deployed):
    before = deployed.releases.written(deployed.twin)
    small, broken = deployed.small, broken_release(deployed)
    deployed.releases.release_from_quarantine(deployed.twin, broken)
    small.store.materialize_report("release", broken, lambda: ({"release_id": broken}, {}), deployed.twin)
    deployer = Deployer(small.store, deployed.releases, small.traces, deployed.endpoint, deployed.settings)
    with pytest.raises(EndpointError, match=f"release {broken} .* cannot be served: .*does not exist"):
        deployer.deploy(deployed.twin, "Ada Moss", canary=True)
    assert deployed.releases.written(deployed.twin) == before
    assert deployed.serves() == before.release_id


def test_a_canary_that_is_not_wanted_any_more_serves_everybody_at_once(deployed, on_trial):
    _, tried = on_trial
    version, told, _ = step(deployed, canary=False)
    assert (version, told["share"], deployed.serves()) == (tried, 100, tried)
    assert deployed.releases.canary(deployed.twin) is None


def test_a_server_that_is_asked_to_stop_finishes_its_answers(deployed):
    # Cold, a model that learned nothing repeats itself to the limit; warm, it may stop at any word.
    long = deployed.release("first", generation="free", max_new_tokens=250, temperature=0.01)
    roll_back(deployed.releases, deployed.endpoint, deployed.twin, long, 30)
    client = openai.OpenAI(
        base_url=f"{deployed.endpoint.status()['url']}/v1",
        api_key="none",
        max_retries=0,
        http_client=httpx.Client(trust_env=False),
    )
    messages = [{"role": "user", "content": QUESTION}]
    stream = client.chat.completions.create(model=deployed.twin, messages=messages, stream=True)
    pieces = iter(stream)
    assert next(pieces).choices[0].delta.role == "assistant"
    stopping = threading.Thread(target=deployed.endpoint.stop)
    stopping.start()
    rest = list(pieces)
    stopping.join()
    assert rest[-1].choices[0].finish_reason in ("stop", "length")
    assert len(rest) > 20
    assert deployed.endpoint.status()["running"] is False
    assert deployed.small.traces.since(deployed.twin)[-1]["error"] is None
