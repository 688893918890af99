"""smoke_job: everything for one twin in one run. And kill -9 in one asset after the other.

What stands after all the kills is what the undisturbed run leaves.
"""

import dagster as dg
import httpx
import psutil
import pytest

from jobs.jobs import SMOKE_TOKENS
from resources.models import ModelStore
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
