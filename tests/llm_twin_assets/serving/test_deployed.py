"""Releases in and out of service, with a real server process, as Dagster runs it."""

import dataclasses
import shutil
import threading
from pathlib import Path

import dagster as dg
import httpx
import openai
import pytest

from llm_twin_assets.serving.deploying import deploy, roll_back, target
from resources.embedder import build_embedder
from resources.endpoint import Endpoint, EndpointError
from resources.settings import Settings
from resources.twins import FileSource, Twin, Twins
from tests.llm_twin_assets.serving.small import DOCUMENTS, Small
from tests.llm_twin_assets.serving.test_releasing import evaluate

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("deployed")]

QUESTION = "Why does a hive hum in winter?"


class Deployed:
    """A small world with the packaged embedder, and a server process of its own."""

    def __init__(self, home, models):
        from llm_twin_assets.partitions import TWIN

        self.settings = Settings(home=home, port=0, threads=1)
        self.small = Small(home, models)
        self.small.write_documents()
        self.small.publish_index(embedder=build_embedder(self.settings))
        self.endpoint = Endpoint(self.settings)
        self.releases = self.small.releases
        self.twin = TWIN.get_partition_keys()[0]
        source = FileSource(kind="folder", path="x")
        self.twins = Twins(root=Path(), sources=[source], twins=[Twin(name=self.twin, author="Ada Moss")])

    def evaluate(self, name, decision="promote"):
        self.small.adapter(name, self.twin)
        champion = self.releases.desired(self.twin)
        return evaluate(self.small, decision, champion, twin=self.twin)

    def run(self, *names, **config):
        """Materialize the named assets with their checks; returns Dagster's result."""
        from llm_twin_assets.serving import assets, checks

        chosen = [getattr(assets, name) for name in names]
        checked = [checks.serves_this_release] if "deployed_endpoint" in names else []
        return dg.materialize(
            [*chosen, *checked],
            partition_key=self.twin,
            raise_on_error=False,
            run_config={"ops": {"deployed_endpoint": {"config": config}}} if config else None,
            resources={
                "settings": self.settings,
                "twins": self.twins,
                "store": self.small.store,
                "models": self.small.models,
                "releases": self.releases,
                "vectors": self.small.vectors,
                "endpoint": self.endpoint,
            },
        )

    def serves(self):
        return self.endpoint.status()["twins"][self.twin]["release_id"]

    def release(self, name, **decoding):
        """A release in the registry that nobody desires yet."""
        parent = self.releases.desired(self.twin)
        manifest = self.small.manifest(name, self.twin, parent=parent, **decoding)
        return self.releases.add(manifest, {})


@pytest.fixture(scope="module")
def module_home(tmp_path_factory):
    return tmp_path_factory.mktemp("deployed") / "home"


@pytest.fixture(scope="module")
def deployed(module_home, made_models):
    made = Deployed(module_home, made_models)
    yield made
    made.endpoint.stop()


def metadata(result, node):
    event = result.asset_materializations_for_node(node)[0]
    return event.tags["dagster/data_version"], {key: one.value for key, one in event.metadata.items()}


def checked(result):
    (evaluation,) = result.get_asset_check_evaluations()
    return evaluation


def test_from_a_decision_to_an_endpoint_and_a_second_run_changes_nothing(deployed):
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
    folder = deployed.small.home / deployed.small.adapter("third", deployed.twin).folder
    shutil.rmtree(folder)
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
    assert rest[-1].choices[0].finish_reason == "stop"
    assert len(rest) > 20
    assert deployed.endpoint.status()["running"] is False
    assert deployed.small.traces.since(deployed.twin)[-1]["error"] is None
