"""model_evaluation and its checks in Dagster, on models that are really there."""

import dagster as dg
import pytest

from llm_twin_assets.evaluation import assets, checks
from llm_twin_assets.partitions import TWIN
from llm_twin_assets.training.lora import recipe, save_adapter, training_rows, tune
from resources.edge_store import EdgeStore
from resources.models import ModelStore
from resources.opik_outbox import EXPERIMENT
from resources.releases import Manifest, Releases
from resources.settings import Settings
from resources.store import Store, Table
from resources.twins import FileSource, Twin, Twins
from tests.llm_twin_assets.serving.small import WordEmbedder
from tests.llm_twin_assets.training import small
from tests.resources.opik_world import waiting

NAME = TWIN.get_partition_keys()[0]
DOCUMENTS = small.documents("train", "train", *["test"] * 5)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A random base, and two adapters on it: one that learned, one that is as good as none."""
    models = ModelStore(tmp_path_factory.mktemp("models"))
    tokenizer = small.tokenizer()

    def base(folder):
        small.untrained(tokenizer).save_pretrained(folder)
        tokenizer.save_pretrained(folder, save_jinja_files=False)
        return {"revision": ""}

    version = models.keep("base_model", "test", base).version
    rows = training_rows(small.rows(DOCUMENTS, NAME), recipe(True, 1))

    def adapter(changes):
        def train(folder):
            how = recipe(True, 3) | changes
            model, _ = tune(small.untrained(tokenizer), tokenizer, rows, how, small.say_nothing)
            save_adapter(model, tokenizer, version, folder)
            return {"base": version}

        return models.keep("aligned_model", repr(changes), train, NAME)

    return models, {"learned": adapter({}), "idle": adapter({"rate": 0.0})}


class World:
    """The trained models with one adapter as the challenger, and the stage run on them."""

    def __init__(self, models, adapters):
        self.models, self.adapters = models, adapters
        self.store, self.releases = Store(models.home), Releases(models.home)
        self.store.materialize("cleaned_documents", "test", lambda: Table(DOCUMENTS))
        self.store.materialize("instruct_dataset", "test", lambda: Table(small.rows(DOCUMENTS, NAME)), NAME)

    def challenge(self, name):
        self.models.point("aligned_model", self.adapters[name], NAME)

    def release(self, name):
        adapter, base = self.adapters[name], self.models.current("base_model")
        made = Manifest(
            twin=NAME,
            author=small.AUTHOR,
            adapter=adapter.version,
            adapter_folder=adapter.folder,
            base=base.version,
            base_folder=base.folder,
            base_revision="",
            prompt="",
            decoding={},
            evaluation="",
            parent=None,
        )
        release_id = self.releases.add(made, {})
        self.releases.desire(NAME, release_id)
        return release_id

    def run(self):
        home = self.models.home
        twins = Twins(
            root=home,
            sources=[FileSource(kind="folder", path=home)],
            twins=[Twin(name=NAME, author=small.AUTHOR)],
        )
        return dg.materialize(
            [assets.model_evaluation, checks.beats_base, checks.champion_kept],
            partition_key=NAME,
            resources={
                "settings": Settings(home=home, threads=1),
                "twins": twins,
                "store": self.store,
                "models": self.models,
                "releases": self.releases,
                "embedder": WordEmbedder(),
                "vectors": EdgeStore(home),
            },
            raise_on_error=False,
        )


@pytest.fixture
def world(trained, tmp_path):
    import shutil

    models, adapters = trained
    shutil.copytree(models.home, tmp_path / "home")
    return World(ModelStore(tmp_path / "home"), adapters)


def metadata_of(done):
    return {
        key: value.value
        for event in done.get_asset_materialization_events()
        for key, value in event.materialization.metadata.items()
    }


def evaluations_of(done):
    return {one.check_name: (one.passed, one.severity) for one in done.get_asset_check_evaluations()}


def test_a_model_that_learned_is_promoted_and_then_kept_as_the_champion(world, monkeypatch):
    world.challenge("learned")
    monkeypatch.setenv("OPIK_URL_OVERRIDE", "http://192.0.2.1/api")
    done = world.run()
    assert done.success
    metadata = metadata_of(done)
    assert (metadata["decision"], metadata["test_documents"], metadata["reused"]) == ("promote", 5, False)
    assert metadata["gain_over_base"] > 0
    assert "| Evening 3 |" in metadata["table"]
    assert {name: passed for name, (passed, _) in evaluations_of(done).items()} == {
        "beats_base": True,
        "champion_kept": True,
    }
    assert metadata_of(world.run())["reused"] is True
    # The same evaluation is one experiment, which waits until somebody sends it.
    [(twin, experiment)] = waiting(world.models.home, EXPERIMENT)
    assert (twin, experiment["metadata"]["decision"]) == (NAME, "promote")
    release_id = world.release("learned")
    done = world.run()
    assert done.success
    assert metadata_of(done)["decision"] == "keep"
    assert evaluations_of(done)["beats_base"][0] is True
    assert evaluations_of(done)["champion_kept"] == (False, dg.AssetCheckSeverity.WARN)
    report = world.store.report("model_evaluation", NAME)
    assert report["champion"] == release_id
    assert report["improvement"]["mean"] == pytest.approx(metadata["gain_over_base"], abs=1e-4)


def test_a_model_that_learned_nothing_is_refused_and_the_run_is_red(world):
    world.challenge("idle")
    done = world.run()
    assert not done.success
    assert metadata_of(done)["decision"] == "refuse"
    assert evaluations_of(done)["beats_base"] == (False, dg.AssetCheckSeverity.ERROR)
    assert world.store.report("model_evaluation", NAME)["improvement"]["mean"] == 0


def test_a_rolled_back_model_is_refused_without_and_kept_out_with_a_champion(world):
    world.challenge("learned")
    world.releases.quarantine(NAME, world.release("learned"), "it was rolled back")
    world.releases.desire(NAME, None)
    assert metadata_of(world.run())["decision"] == "refuse"
    world.release("idle")
    done = world.run()
    assert done.success
    assert metadata_of(done)["decision"] == "keep"
