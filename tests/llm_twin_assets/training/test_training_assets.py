"""base_model and fine_tuned_model in Dagster, with training processes of their own."""

import json
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from llm_twin_assets.contracts import PREFERENCE_ROWS, empty
from llm_twin_assets.datasets.accepted_feedback import guilty
from llm_twin_assets.partitions import TWIN
from llm_twin_assets.pipes import WholeMessages
from llm_twin_assets.training import assets, checks
from resources.models import ModelStore
from resources.opik_outbox import EVENT
from resources.settings import Settings
from resources.store import Store, Table
from tests.llm_twin_assets.datasets.test_accepted_feedback import row as accepted_row
from tests.llm_twin_assets.training import small
from tests.resources.opik_world import waiting

NAME = TWIN.get_partition_keys()[0]


def write(home, table):
    store = Store(home)
    name = repr(sorted(table["content_hash"] + table["split"]))
    store.materialize("cleaned_documents", name, lambda: Table(table))
    store.materialize("instruct_dataset", name, lambda: Table(small.rows(table, NAME)), NAME)


def run(home, *stage, twin=NAME):
    resources = {
        "settings": Settings(home=home, threads=1, pretrain_tokens=20_000, tuning_epochs=1),
        "store": Store(home),
        "models": ModelStore(home),
        "pipes": dg.PipesSubprocessClient(message_reader=WholeMessages()),
    }
    return dg.materialize(stage, partition_key=twin, resources=resources, raise_on_error=False)


def tune(home):
    return run(home, assets.fine_tuned_model, checks.adapter_is_sound)


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


def test_an_adapter_is_trained_in_a_process_and_then_reused(based, monkeypatch):
    monkeypatch.setenv("OPIK_URL_OVERRIDE", "http://192.0.2.1/api")
    done = tune(based)
    assert verdicts_of(done) == {"adapter_is_sound": True}
    models = ModelStore(based)
    model = models.current("fine_tuned_model", NAME)
    config = json.loads((Path(models.location(model)) / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == models.current("base_model").version
    version = done.asset_materializations_for_node("fine_tuned_model")[0].tags["dagster/data_version"]
    assert version == model.version
    assert metadata_of(tune(based))["reused"] is True
    [(twin, event)] = waiting(based, EVENT)
    assert (twin, event["output"]["model"]) == (NAME, version)
    assert event["output"]["tokens_per_second"] > 0


def test_a_model_names_the_batches_of_feedback_that_it_learned_from(based, accept):
    accept("b2", "b1")
    assert metadata_of(tune(based))["feedback"] == ["b1", "b2"]
    accept()
    store = Store(based)
    store.materialize("preference_dataset", "none", lambda: Table(empty(PREFERENCE_ROWS)), NAME)
    assert metadata_of(run(based, assets.aligned_model))["feedback"] == ["b1", "b2"], (
        "it is the tuned adapter"
    )
    assert metadata_of(tune(based))["feedback"] == ["b1", "b2"], "nothing was trained since"
    (kept,) = ModelStore(based).versions("aligned_model", NAME)
    assert guilty([kept], {kept.version: "harm"}, ()) == {"b1": "harm", "b2": "harm"}


@pytest.fixture
def accept(based):
    """Stores accepted feedback, a row for each of these batches."""

    def _accept(*batches):
        rows = pd.DataFrame([accepted_row(n) | {"batch": batch} for n, batch in enumerate(batches)])
        Store(based).materialize("accepted_feedback", repr(batches), lambda: Table(rows), NAME)

    return _accept


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
