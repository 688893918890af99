"""base_model and fine_tuned_model in Dagster, with training processes of their own."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from llm_twin_assets.partitions import TWIN
from llm_twin_assets.training import assets, checks
from resources.models import ModelStore
from resources.settings import Settings
from resources.store import Store, Table
from tests.llm_twin_assets.training import small
from tests.waiting import wait_until

NAME = TWIN.get_partition_keys()[0]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path.cwd())}
ENDLESS = """
import sys
from pathlib import Path
from tests.llm_twin_assets.training.test_training_assets import tune
tune(Path(sys.argv[1]), epochs=100_000)
"""


def write(home, table):
    store = Store(home)
    name = repr(sorted(table["content_hash"] + table["split"]))
    store.materialize("cleaned_documents", name, lambda: Table(table))
    store.materialize("instruct_dataset", name, lambda: Table(small.rows(table, NAME)), NAME)


def run(home, *stage, twin=NAME, epochs=1):
    resources = {
        "settings": Settings(home=home, threads=1, pretrain_tokens=20_000, tuning_epochs=epochs),
        "store": Store(home),
        "models": ModelStore(home),
        "pipes": dg.PipesSubprocessClient(),
    }
    return dg.materialize(stage, partition_key=twin, resources=resources, raise_on_error=False)


def tune(home, epochs=1):
    return run(home, assets.fine_tuned_model, checks.adapter_is_sound, epochs=epochs)


def metadata_of(done):
    return {
        key: value.value
        for event in done.get_asset_materialization_events()
        for key, value in event.materialization.metadata.items()
    }


def verdicts_of(done):
    return {one.check_name: one.passed for one in done.get_asset_check_evaluations()}


@pytest.fixture
def home(tmp_path):
    write(tmp_path / "home", small.documents("train", "train", "test"))
    return tmp_path / "home"


@pytest.fixture
def based(home, base, tokenizer):
    def train(folder):
        base.save_pretrained(folder)
        tokenizer.save_pretrained(folder, save_jinja_files=False)
        return {"revision": "", "first_loss": 2.0, "final_loss": 1.0}

    ModelStore(home).keep("base_model", "test", train)
    return home


def test_a_base_is_trained_in_a_process_that_tells_its_progress(home, capfd):
    done = run(home, assets.base_model, checks.base_is_sound, twin=None)
    assert verdicts_of(done) == {"base_is_sound": True}
    metadata = metadata_of(done)
    assert metadata["reason"] == "there is no base model yet"
    assert metadata["final_loss"] < metadata["first_loss"]
    assert metadata["loss_curve"].startswith("![loss curve](data:image/png;base64,")
    assert {"tokens", "tokens_per_second", "cpu_seconds", "peak_memory_mb"} <= set(metadata)
    told = capfd.readouterr().err
    assert "(100%): loss" in told and "tokens/s" in told
    again = metadata_of(run(home, assets.base_model, twin=None))
    assert (again["reused"], again["reason"]) == (True, "as it was")


def test_an_adapter_is_trained_in_a_process_and_then_reused(based):
    done = tune(based)
    assert verdicts_of(done) == {"adapter_is_sound": True}
    models = ModelStore(based)
    model = models.current("fine_tuned_model", NAME)
    config = json.loads((Path(models.location(model)) / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == models.current("base_model").version
    version = done.asset_materializations_for_node("fine_tuned_model")[0].tags["dagster/data_version"]
    assert version == model.version
    assert metadata_of(tune(based))["reused"] is True


def test_a_training_that_fails_is_red_and_leaves_nothing(based):
    write(based, small.documents("test", "test"))
    done = tune(based)
    assert not done.success
    assert ModelStore(based).current("fine_tuned_model", NAME) is None
    assert list(ModelStore(based).place("fine_tuned_model", NAME).glob("[!.]*")) == []


def test_an_unsound_model_is_caught(based):
    models = ModelStore(based)
    (Path(models.location(models.current("base_model"))) / "pytorch_model.bin").write_bytes(b"pickle")

    @dg.asset(name="base_model")
    def as_it_is() -> None:
        """Leaves the model alone, so that the check can look at it."""

    done = run(based, as_it_is, checks.base_is_sound, twin=None)
    assert verdicts_of(done) == {"base_is_sound": False}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has PR_SET_PDEATHSIG")
def test_the_training_process_dies_when_its_run_is_killed(based):
    """kill -9 of a run in the middle of a training: the child ends, and the next run starts clean."""
    with subprocess.Popen([sys.executable, "-c", ENDLESS, str(based)], env=ENVIRONMENT) as killed:
        try:
            child = wait_until(lambda: training_of(killed.pid), 120)
        finally:
            killed.kill()
    wait_until(lambda: not is_running(child))
    assert ModelStore(based).current("fine_tuned_model", NAME) is None
    assert verdicts_of(tune(based)) == {"adapter_is_sound": True}
    assert list(ModelStore(based).place("fine_tuned_model", NAME).glob(".*")) == []


def training_of(process):
    """The process id of a run's training once it has loaded torch, else None."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    for child in children:
        with contextlib.suppress(FileNotFoundError):
            command = Path(f"/proc/{child}/cmdline").read_text()
            if "training.train" in command and "libtorch" in Path(f"/proc/{child}/maps").read_text():
                return int(child)
    return None


def is_running(process):
    """Whether a process lives; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
