"""kill -9 during each asset in turn: what stands afterwards is what an undisturbed run leaves."""

import os
import signal
import threading

import dagster as dg
import psutil
import pytest

from tests.waiting import wait_until
from tests.world import World

pytestmark = pytest.mark.slow

# One for each kind of place: tables, shard, pointer, models, datasets, report, manifest, server.
ASSETS = [
    "raw_documents",
    "cleaned_documents",
    "chunk_embeddings",
    "search_index",
    "base_model",
    "instruct_dataset",
    "fine_tuned_model",
    "aligned_model",
    "model_evaluation",
    "release",
    "deployed_endpoint",
]
# Long steps are killed well inside, the others as soon as they start.
SECONDS_INTO = {
    "chunk_embeddings": 3.0,
    "base_model": 6.0,
    "fine_tuned_model": 9.0,
    "aligned_model": 9.0,
    "model_evaluation": 3.0,
    "deployed_endpoint": 1.0,
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("killed"))
    yield made
    made.call("stop")


def _kill_during(world, asset):
    process = world.start("run")
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith(f"  {asset} ..."):
            break
    else:
        raise AssertionError(f"{asset} was never started:\n" + "".join(said))
    threading.Event().wait(SECONDS_INTO.get(asset, 0.05))
    os.kill(process.pid, signal.SIGKILL)
    process.stdout.read()
    process.wait(20)


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


def test_killed_in_asset_after_asset_and_rerun_it_is_as_if_nothing_had_happened(world, tmp_path):
    for asset in ASSETS:
        _kill_during(world, asset)
        wait_until(lambda: not _training(world), 10)
    world.call("run")
    undisturbed = World(tmp_path / "undisturbed")
    undisturbed.call("run")
    undisturbed.call("stop")
    assert world.versions() == undisturbed.versions()
    with dg.DagsterInstance.from_config(str(world.home / "dagster")) as instance:
        states = [run.status for run in instance.get_runs()]
    assert states.count(dg.DagsterRunStatus.FAILURE) == len(ASSETS)
    assert set(states) == {dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS}
