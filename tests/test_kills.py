"""smoke_job: everything for one twin in one run. And kill -9 in one asset after the other.

What stands after all the kills is what the undisturbed run leaves, in a folder and in S3.
"""

import os

import dagster as dg
import httpx
import psutil
import pytest

from jobs.jobs import SMOKE_TOKENS
from resources.files import listed
from resources.models import ModelStore
from resources.releases import Releases
from resources.shared_traces import SharedTraces
from tests.resources.homes import S3Server, surroundings
from tests.waiting import wait_until
from tests.world import World

pytestmark = pytest.mark.slow

# One for each kind of place: table, shard, pointer, model, checkpoint, report, manifest, server.
ASSETS = [
    "cleaned_documents",
    "chunk_embeddings",
    "search_index",
    "base_model",
    "fine_tuned_model",
    "model_evaluation",
    "release",
    "deployed_endpoint",
]
# Long steps are killed well inside, the others as soon as they start.
SECONDS_INTO = {
    "chunk_embeddings": 3.0,
    "base_model": 6.0,
    "fine_tuned_model": 9.0,
    "model_evaluation": 3.0,
    "deployed_endpoint": 1.0,
}


class S3World(World):
    """A world whose home lies in S3. What is read here is read as another machine would read it."""

    def __init__(self, folder, server):
        super().__init__(folder, SMOKE_TOKENS)
        self.server = server
        self.scratch = folder / "scratch"
        self.home = server.home(folder / "another_machine")

    @property
    def environment(self):
        return super().environment | self.server.environment | {"LLM_TWIN_SCRATCH": str(self.scratch)}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("killed"), SMOKE_TOKENS)
    yield made
    made.call("stop")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("smoke"))
    made.job("smoke_job", "nora")
    yield made
    made.call("stop")


@pytest.fixture(scope="module")
def s3_world(tmp_path_factory):
    server = S3Server()
    with pytest.MonkeyPatch.context() as patch:
        surroundings(patch, server)
        made = S3World(tmp_path_factory.mktemp("s3"), server)
        yield made
        made.call("stop")
    server.close()


def _training(world):
    found = []
    for process in psutil.process_iter():
        try:
            ours = process.environ().get("LLM_TWIN_HOME") == str(world.home)
            if ours and "llm_twin_assets.training.train" in " ".join(process.cmdline()):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def test_one_run_leads_from_documents_to_a_twin_that_answers(undisturbed):
    base = ModelStore(undisturbed.home).current("base_model")
    assert base is not None
    assert base.metadata["recipe"]["tokens"] == SMOKE_TOKENS
    status = undisturbed.json("status")
    nora = status["twins"]["nora"]
    assert nora["release_id"]
    assert httpx.get(f"{nora['endpoint']}/readyz").status_code == 200
    answer = undisturbed.json("ask", "nora", "Why do you build a twin that quotes?")
    assert answer["citations"]
    assert answer["release_id"] == nora["release_id"]


def test_killed_in_asset_after_asset_and_rerun_it_is_as_if_nothing_had_happened(world, undisturbed):
    for asset in ASSETS:
        world.kill_during(asset, SECONDS_INTO.get(asset, 0.05))
        wait_until(lambda: not _training(world))
    world.call("run")
    assert world.versions() == undisturbed.versions()
    with dg.DagsterInstance.from_config(str(world.home / "dagster")) as instance:
        states = [run.status for run in instance.get_runs()]
    assert states.count(dg.DagsterRunStatus.FAILURE) == len(ASSETS)
    assert set(states) == {dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS}


def test_killed_and_run_again_a_home_in_s3_holds_what_a_folder_holds(s3_world, undisturbed):
    s3_world.kill_during("base_model", 3)
    s3_world.call("run")
    assert s3_world.versions() == undisturbed.versions()
    assert not (s3_world.folder / "home").exists()


def test_the_server_answers_from_what_lies_in_s3_and_every_machine_has_the_trace(s3_world):
    release = Releases(s3_world.home).desired("nora")
    answer = s3_world.json("ask", "nora", "Why do you build a twin that quotes?")
    assert answer["citations"]
    assert answer["release_id"] == release
    traces = SharedTraces(s3_world.home)
    wait_until(lambda: traces.newest("nora") == answer["trace_id"])


def test_nothing_is_left_locked_and_another_machine_has_the_model(s3_world):
    assert listed(s3_world.home / "locks", "*.json") == []
    models = ModelStore(s3_world.home)
    assert os.listdir(models.location(models.current("fine_tuned_model", "nora")))
