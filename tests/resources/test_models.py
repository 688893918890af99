import pytest

from resources.files import here
from resources.models import Model, ModelStore, weights_hash


def _writes(content):
    def train(folder):
        (folder / "model.safetensors").write_text(content)
        return {"loss": 1.0}

    return train


def test_a_model_is_named_by_its_content(home):
    models = ModelStore(home)
    first = models.keep("base_model", "i", _writes("a"))
    again = models.keep("base_model", "j", _writes("a"))
    other = models.keep("base_model", "k", _writes("b"))
    assert first.version == again.version != other.version
    assert models.current("base_model") == other
    assert weights_hash(here(home / first.folder)) == first.version


def test_a_training_that_fails_leaves_the_current_model_and_is_swept(home):
    models = ModelStore(home)
    kept = models.keep("fine_tuned_model", "i", _writes("a"), "ada")

    def fails(folder):
        (folder / "half").write_text("")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        models.keep("fine_tuned_model", "j", fails, "ada")
    assert models.current("fine_tuned_model", "ada") == kept
    models.keep("fine_tuned_model", "j", _writes("b"), "ada")
    assert not list(models.place("fine_tuned_model", "ada").glob(".*"))


def test_a_hub_id_is_where_it_says(home):
    models = ModelStore(home)
    assert models.location(Model("v", "i", "someone/model")) == "someone/model"
    kept = models.keep("base_model", "i", _writes("a"))
    assert models.location(kept) == str(here(home / "models/base_model" / kept.version))
    assert models.stands(kept)
    assert not models.stands(Model("v", "i", "models/base_model/v"))


def test_every_version_stays_known_with_what_it_was_trained_on(home):
    models = ModelStore(home)
    kept = [models.keep("fine_tuned_model", "i", _writes(words), "ada") for words in "ab"]
    assert sorted(models.versions("fine_tuned_model", "ada"), key=lambda one: one.version) == sorted(
        kept, key=lambda one: one.version
    )
    assert models.versions("fine_tuned_model", "bob") == []
