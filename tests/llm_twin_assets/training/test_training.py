"""When base and adapter are trained, with real trainings in this process."""

from dataclasses import replace

import pytest

from llm_twin_assets.contracts import CHUNKS, empty
from llm_twin_assets.training import dpo, lora, training
from llm_twin_assets.training.sagemaker_job import inputs_of
from llm_twin_assets.training.train import ChangedMeanwhile, work
from resources.models import ModelStore, weights_hash
from resources.settings import Settings
from resources.store import NotMaterialized, Table
from tests.llm_twin_assets.training import small
from tests.llm_twin_assets.training.small import say_nothing

TWIN = "ada"


class World:
    """A home with the tiny corpus, and the stage's two decisions on it."""

    def __init__(self, store, **changes):
        self.store = store
        self.models = ModelStore(store.home)
        self.settings = Settings(home=store.home, threads=1, tuning_epochs=1, **changes)
        self.tasks, self.jobs = [], set()

    def write(self, table):
        name = repr(sorted(table["content_hash"] + table["split"]))
        self.store.materialize("cleaned_documents", name, lambda: Table(table))
        self.store.materialize("instruct_dataset", name, lambda: Table(small.rows(table, TWIN)), TWIN)
        self.prefer(name, small.pairs(table, TWIN))

    def prefer(self, name, pairs):
        self.store.materialize("preference_dataset", name, lambda: Table(pairs), TWIN)

    def train(self, task):
        self.tasks.append(task["kind"])
        self.jobs.add(inputs_of(task))
        return work(task, say_nothing)

    def base(self, tokens=5_000):
        return training.base_model(self.settings, self.store, self.models, tokens, self.train)

    def tuned(self, version="1"):
        return training.fine_tuned_model(self.settings, self.store, self.models, TWIN, version, self.train)

    def aligned(self, version="1"):
        return training.aligned_model(self.settings, self.store, self.models, TWIN, version, self.train)


@pytest.fixture
def world(store):
    made = World(store)
    made.write(small.documents("train", "train", "test"))
    return made


@pytest.fixture
def based(world, tiny, tokenizer):
    """A base that is there without having been trained, so that a test pays for no training."""
    world.models.keep("base_model", "test", lambda folder: written(folder, tiny, tokenizer))
    return world


def written(folder, base, tokenizer):
    base.save_pretrained(folder)
    tokenizer.save_pretrained(folder, save_jinja_files=False)
    return {"revision": "", "first_loss": 2.0, "final_loss": 1.0}


def test_the_base_is_trained_once_and_then_stays(world):
    model, reason = world.base()
    assert reason == "there is no base model yet"
    assert model.metadata["trained_on"] == training.training_texts(world.store.read("cleaned_documents"))
    world.write(small.documents("train", "train", "test", "test"))
    again, reason = world.base()
    assert (again.version, again.reused, reason) == (model.version, True, None)
    assert world.tasks == ["base_model"]


def test_the_same_documents_give_the_same_base_in_another_home(world, tmp_path):
    other = World(type(world.store)(tmp_path / "other"))
    other.write(small.documents("train", "train", "test"))
    assert other.base()[0].version == world.base()[0].version


@pytest.mark.parametrize(
    ("splits", "tokens", "reason"),
    [
        (("train", "test", "test"), 5_000, "left the training text"),
        (("train", "train", "train"), 5_000, "% of its training text changed"),
        (("train", "train", "test"), 6_000, "recipe changed"),
    ],
)
def test_the_base_is_trained_again_for_a_reason(world, splits, tokens, reason):
    world.base()
    world.write(small.documents(*splits))
    assert reason in world.base(tokens)[1]
    assert world.tasks == ["base_model"] * 2


def test_another_recipe_trains_the_base_in_another_job(world, monkeypatch):
    world.base()
    monkeypatch.setattr(training.pretrain, "recipe", lambda tokens: {"layers": 3})
    world.base()
    assert len(world.jobs) == 2


def test_a_base_whose_folder_is_gone_is_trained_again(world):
    model, _ = world.base()
    (world.store.home / model.folder).rename(world.store.home / "moved")
    assert world.base()[1] == "there is no base model yet"


def test_the_adapter_is_trained_once_and_names_its_base(based):
    model = based.tuned()
    assert model.metadata["base"] == based.models.current("base_model").version
    assert model.metadata["recipe"]["epochs"] == 1
    train = small.documents("train", "train")["document_id"]
    assert model.metadata["trained_on"] == sorted(train)
    assert based.tuned() == replace(model, reused=True)
    assert based.tasks == ["fine_tuned_model"]


def test_documents_outside_the_train_split_train_no_adapter(based):
    based.tuned()
    based.write(small.documents("train", "train", "test", "test"))
    assert based.tuned().reused


def test_new_rows_a_new_base_or_a_new_recipe_train_the_adapter_again(based, tiny, tokenizer):
    versions = [based.tuned().version]
    based.write(small.documents("train", "train", "test", "train"))
    versions.append(based.tuned().version)
    based.models.keep("base_model", "other", lambda folder: written(folder, tiny, tokenizer) | note(folder))
    versions.append(based.tuned().version)
    based.settings = based.settings.model_copy(update={"tuning_epochs": 2})
    versions.append(based.tuned().version)
    assert len(set(versions)) == 4
    assert not based.tuned(version="2").reused
    assert len(based.jobs) == 5


def note(folder):
    (folder / "note.json").write_text("{}")
    return {}


def test_a_training_that_fails_leaves_the_model_as_it_was(based):
    before = based.tuned()
    based.write(small.documents("test", "train"))
    with pytest.raises(ZeroDivisionError):
        training.fine_tuned_model(
            based.settings, based.store, based.models, TWIN, "1", lambda task: task["threads"] / 0
        )
    assert based.models.current("fine_tuned_model", TWIN) == before
    left = {path.name for path in based.models.place("fine_tuned_model", TWIN).glob("[!.]*")}
    assert left == {before.version, "current.json", "about"}


def test_what_changed_while_the_training_was_starting_is_not_trained_on(based):
    place = {"home": str(based.store.home), "threads": 1, "folder": "nowhere"}
    with pytest.raises(ChangedMeanwhile, match="the documents changed"):
        work({"kind": "base_model", "documents": "older", "tokens": 5_000, **place}, say_nothing)
    with pytest.raises(ChangedMeanwhile, match="the training rows changed"):
        task = {"kind": "fine_tuned_model", "rows": "older", "recipe": lora.recipe(True, 1)}
        work(task | {"twin": TWIN, **place}, say_nothing)
    with pytest.raises(ChangedMeanwhile, match="the preference rows changed"):
        task = {"kind": "aligned_model", "pairs": "older", "recipe": dpo.recipe(True)}
        work(task | {"twin": TWIN, **place}, say_nothing)


def test_without_a_base_there_is_nothing_to_tune(world):
    with pytest.raises(NotMaterialized, match="base_model"):
        world.tuned()


def test_a_folder_of_somebody_elses_is_named_and_not_copied(store, base, tokenizer, tmp_path):
    folder = tmp_path / "theirs"
    written(folder, base, tokenizer)
    world = World(store, base_model=str(folder))
    world.write(small.documents("train"))
    # The rows of other bases than the bundled one may carry passages.
    store.materialize("cleaned_chunks", "none", lambda: Table(empty(CHUNKS)))
    model, reason = world.base()
    assert (model.version, reason) == (weights_hash(folder), None)
    assert world.models.location(model) == str(folder)
    assert world.base()[0] == replace(model, reused=True)
    assert world.tuned().metadata["recipe"]["rate"] == 2e-4
    assert world.tasks == ["fine_tuned_model"]
    note(folder)
    assert world.base()[0].version != model.version


def test_a_hub_model_is_known_by_id_and_revision(store):
    def version(**changes):
        world = World(store, base_model="some/name", **changes)
        model, _ = world.base()
        assert world.models.location(model) == "some/name"
        return model.version

    assert version() == version(base_revision="main") != version(base_revision="1234")


@pytest.mark.parametrize("missing", ["model.safetensors", "config.json"])
def test_a_folder_without_a_model_is_refused_with_a_mend(store, base, tmp_path, missing):
    base.save_pretrained(tmp_path / "theirs")
    (tmp_path / "theirs" / missing).unlink()
    with pytest.raises(training.UnusableBase, match=r"LLM_TWIN_BASE_MODEL.*save_pretrained"):
        World(store, base_model=str(tmp_path / "theirs")).base()


def test_a_killed_training_is_gone_on_from_by_the_same_inputs_only(based):
    lines = []

    def killed_late(task):
        def tell(line):
            if line.startswith("step 7 of"):
                raise KeyboardInterrupt

        return work(task, tell)

    def told(task):
        return work(task, lines.append)

    def tune(train):
        return training.fine_tuned_model(based.settings, based.store, based.models, TWIN, "1", train)

    with pytest.raises(KeyboardInterrupt):
        tune(killed_late)
    places = based.store.home / "checkpoints" / "fine_tuned_model" / TWIN
    assert len(list(places.glob("*/checkpoint-5"))) == 1
    based.write(small.documents("train", "train", "train"))
    with pytest.raises(KeyboardInterrupt):
        tune(killed_late)
    assert len(list(places.glob("*/checkpoint-5"))) == 1
    model = tune(told)
    assert lines[0] == "going on from checkpoint-5"
    assert model.metadata["resumed_at_step"] == 5
    assert list(places.glob("*")) == []
    based.write(small.documents("train", "train", "train", "train"))
    assert tune(lambda task: work(task, say_nothing)).metadata["resumed_at_step"] == 0


def test_an_adapter_is_aligned_once_on_the_tuned_one(based):
    tuned = based.tuned()
    model = based.aligned()
    assert model.version != tuned.version
    assert model.metadata["aligned"] is True
    assert model.metadata["base"] == tuned.metadata["base"]
    assert set(tuned.metadata["trained_on"]) <= set(model.metadata["trained_on"])
    assert based.aligned() == replace(model, reused=True)
    assert based.tasks == ["fine_tuned_model", "aligned_model"]
    assert list((based.store.home / "checkpoints" / "aligned_model" / TWIN).glob("*")) == []


def test_new_pairs_or_a_new_tuned_adapter_align_again(based):
    based.tuned()
    first = based.aligned()
    pairs = based.store.read("preference_dataset", TWIN)
    based.prefer("fewer", pairs.iloc[1:])
    second = based.aligned()
    based.settings = based.settings.model_copy(update={"tuning_epochs": 2})
    based.tuned()
    third = based.aligned()
    assert not third.reused
    assert len({first.inputs, second.inputs, third.inputs}) == 3


def test_without_pairs_the_tuned_adapter_is_the_aligned_one_and_says_so(based):
    tuned = based.tuned()
    pairs = based.store.read("preference_dataset", TWIN)
    based.prefer("of the test split only", pairs[pairs["split"] == "test"])
    model = based.aligned()
    assert (model.version, model.folder) == (tuned.version, tuned.folder)
    assert (model.metadata["aligned"], model.metadata["pairs"]) == (False, 0)
    assert model.metadata["trained_on"] == tuned.metadata["trained_on"]
    assert based.aligned() == replace(model, reused=True)
    assert based.models.current("fine_tuned_model", TWIN) == tuned
    assert based.tasks == ["fine_tuned_model"]


def test_an_adapter_of_another_base_is_not_aligned(based, tiny, tokenizer):
    with pytest.raises(NotMaterialized, match="fine_tuned_model"):
        based.aligned()
    based.tuned()
    based.models.keep("base_model", "other", lambda folder: written(folder, tiny, tokenizer) | note(folder))
    with pytest.raises(training.OtherBase, match="run fine_tuned_model"):
        based.aligned()


def test_what_is_shown_leaves_out_lists_and_pictures(based):
    found = training.shown(based.tuned())
    assert {"final_loss", "reused", "rows"} <= set(found)
    assert not {"trained_on", "recipe", "loss_curve"} & set(found)
