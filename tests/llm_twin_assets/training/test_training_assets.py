"""base_model and fine_tuned_model with their checks, in Dagster, with real training processes."""

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
from resources.models import ModelStore, weights_hash
from resources.settings import Settings
from resources.store import Table
from tests.llm_twin_assets.training import small
from tests.waiting import wait_until

NAME = TWIN.get_partition_keys()[0]
TOKENS = 5_000


ENVIRONMENT = os.environ | {"PYTHONPATH": os.getcwd()}
ENDLESS = """
import sys
from pathlib import Path
from resources.store import Store
from tests.llm_twin_assets.training.test_training_assets import World
world = World(Store(Path(sys.argv[1])))
world.settings = world.settings.model_copy(update={"tuning_epochs": 100_000})
world.tuned()
"""


class World:
    """A home with the tiny corpus, and the stage run on it."""

    def __init__(self, store, **changes):
        self.store = store
        self.models = ModelStore(store.home)
        self.settings = Settings(
            home=store.home, threads=1, pretrain_tokens=TOKENS, tuning_epochs=1, **changes
        )

    def write(self, table, twin_rows=None):
        name = repr(sorted(table["content_hash"] + table["split"]))
        self.store.materialize("cleaned_documents", name, lambda: Table(table))
        found = small.rows(table, NAME) if twin_rows is None else twin_rows
        self.store.materialize("instruct_dataset", name, lambda: Table(found), NAME)

    def run(self, *stage, twin=NAME):
        done = dg.materialize(
            stage,
            partition_key=twin,
            resources={
                "settings": self.settings,
                "store": self.store,
                "models": self.models,
                "pipes": dg.PipesSubprocessClient(),
            },
            raise_on_error=False,
        )
        verdicts = {one.check_name: one.passed for one in done.get_asset_check_evaluations()}
        return done, metadata_of(done), verdicts

    def base(self):
        return self.run(assets.base_model, checks.base_is_sound, twin=None)

    def tuned(self):
        return self.run(assets.fine_tuned_model, checks.adapter_is_sound)


def metadata_of(done):
    return {
        key: value.value
        for event in done.get_asset_materialization_events()
        for key, value in event.materialization.metadata.items()
    }


@pytest.fixture
def world(store):
    made = World(store)
    made.write(small.documents("train", "train", "test"))
    return made


@pytest.fixture
def untrained(world, base, tokenizer):
    """A base that is there without having been trained, so that a test pays for no training."""

    def train(folder):
        base.save_pretrained(folder)
        tokenizer.save_pretrained(folder, save_jinja_files=False)
        return {"revision": "", "first_loss": 2.0, "final_loss": 1.0}

    world.models.keep("base_model", "test", train)
    return world


def test_base_then_adapter_are_trained_once_and_then_reused(world):
    done, metadata, verdicts = world.base()
    assert done.success and verdicts == {"base_is_sound": True}
    base = world.models.current("base_model")
    assert metadata["reason"] == "there is no base model yet"
    assert metadata["final_loss"] < metadata["first_loss"]
    assert metadata["loss_curve"].startswith("![loss curve](data:image/png;base64,")
    assert {"tokens", "tokens_per_second", "cpu_seconds", "peak_memory_mb"} <= set(metadata)
    assert [text[0] for text in base.metadata["trained_on"]] == sorted(
        small.documents("train", "train")["document_id"]
    )
    done, metadata, verdicts = world.tuned()
    assert done.success and verdicts == {"adapter_is_sound": True}
    adapter = world.models.current("fine_tuned_model", NAME)
    config = json.loads((Path(world.models.location(adapter)) / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == adapter.metadata["base"] == base.version
    assert (world.base()[1]["reused"], world.tuned()[1]["reused"]) == (True, True)
    assert world.models.current("base_model") == base
    assert world.models.current("fine_tuned_model", NAME) == adapter


def test_training_tells_its_progress_to_dagster(untrained, capfd):
    untrained.tuned()
    told = capfd.readouterr().err
    assert "loss" in told
    assert "tokens/s" in told
    assert "100%" in told


def test_rows_outside_the_train_split_do_not_train_again(untrained):
    untrained.tuned()
    untrained.write(small.documents("train", "train", "test", "test"))
    assert untrained.tuned()[1]["reused"] is True


def test_a_new_training_row_or_a_new_base_trains_again(untrained, base, tokenizer):
    untrained.tuned()
    first = untrained.models.current("fine_tuned_model", NAME).version
    untrained.write(small.documents("train", "train", "test", "train"))
    assert untrained.tuned()[1]["reused"] is False
    second = untrained.models.current("fine_tuned_model", NAME).version
    assert second != first

    def train(folder):
        base.save_pretrained(folder)
        tokenizer.save_pretrained(folder, save_jinja_files=False)
        (folder / "note.json").write_text("{}")
        return {"revision": "", "first_loss": 2.0, "final_loss": 1.0}

    untrained.models.keep("base_model", "another", train)
    assert untrained.tuned()[1]["reused"] is False
    assert untrained.models.current("fine_tuned_model", NAME).version not in (first, second)


def test_a_training_that_fails_leaves_nothing_half(untrained):
    rows = small.rows(small.documents("test"), NAME)
    untrained.write(small.documents("train"), rows)
    done, _, _ = untrained.tuned()
    assert not done.success
    assert untrained.models.current("fine_tuned_model", NAME) is None
    place = untrained.models.place("fine_tuned_model", NAME)
    assert [path.name for path in place.glob("[!.]*")] == []


def test_a_folder_of_somebody_elses_is_named_and_not_copied(store, base, tokenizer, tmp_path):
    folder = tmp_path / "theirs"
    base.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "README.md").write_text("a card")
    world = World(store, base_model=str(folder))
    world.write(small.documents("train"))
    done, metadata, verdicts = world.base()
    assert done.success and verdicts == {"base_is_sound": True}
    named = world.models.current("base_model")
    assert (named.version, world.models.location(named)) == (weights_hash(folder), str(folder))
    assert metadata["reused"] is False
    assert world.base()[1]["reused"] is True
    assert world.tuned()[0].success


def test_a_hub_model_is_known_by_id_and_revision(store):
    def version(**changes):
        world = World(store, base_model="some/name", **changes)
        world.write(small.documents("train"))
        assert world.base()[0].success
        named = world.models.current("base_model")
        assert world.models.location(named) == "some/name"
        return named.version

    assert version() == version(base_revision="main") != version(base_revision="1234")


@pytest.mark.parametrize("missing", ["model.safetensors", "config.json"])
def test_a_folder_without_a_model_is_refused_with_a_mend(store, base, tmp_path, missing):
    folder = tmp_path / "theirs"
    base.save_pretrained(folder)
    (folder / missing).unlink()
    world = World(store, base_model=str(folder))
    world.write(small.documents("train"))
    done, _, _ = world.base()
    assert not done.success
    error = done.get_step_failure_events()[0].step_failure_data.error
    assert "LLM_TWIN_BASE_MODEL" in str(error)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has PR_SET_PDEATHSIG")
def test_the_training_process_dies_when_its_run_is_killed(untrained):
    """kill -9 of a run in the middle of a training: the child ends, and the next run starts clean."""
    with subprocess.Popen([sys.executable, "-c", ENDLESS, str(untrained.store.home)], env=ENVIRONMENT) as run:
        try:
            child = wait_until(lambda: training_of(run.pid), 120)
        finally:
            run.kill()
    wait_until(lambda: not is_running(child))
    assert untrained.models.current("fine_tuned_model", NAME) is None
    done, _, verdicts = untrained.tuned()
    assert done.success and verdicts == {"adapter_is_sound": True}
    place = untrained.models.place("fine_tuned_model", NAME)
    assert [path.name for path in place.glob(".*")] == []


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
