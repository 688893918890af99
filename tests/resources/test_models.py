import pytest

from resources.models import Model, ModelStore, weights_hash


def _writes(content):
    def train(folder):
        (folder / "model.safetensors").write_text(content)
        return {"loss": 1.0}

    return train


def test_a_model_is_named_by_its_content(tmp_path):
    models = ModelStore(tmp_path)
    first = models.keep("base_model", "i", _writes("a"))
    again = models.keep("base_model", "j", _writes("a"))
    other = models.keep("base_model", "k", _writes("b"))
    assert first.version == again.version != other.version
    assert models.current("base_model") == other
    assert weights_hash(tmp_path / first.folder) == first.version


def test_a_training_that_fails_leaves_the_current_model_and_is_swept(tmp_path):
    models = ModelStore(tmp_path)
    kept = models.keep("fine_tuned_model", "i", _writes("a"), "ada")

    def fails(folder):
        (folder / "half").write_text("")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        models.keep("fine_tuned_model", "j", fails, "ada")
    assert models.current("fine_tuned_model", "ada") == kept
    models.keep("fine_tuned_model", "j", _writes("b"), "ada")
    assert not list(models.place("fine_tuned_model", "ada").glob(".*"))


def test_a_hub_id_is_where_it_says(tmp_path):
    models = ModelStore(tmp_path)
    assert models.location(Model("v", "i", "someone/model")) == "someone/model"
    assert models.location(Model("v", "i", "models/base_model/v")) == str(tmp_path / "models/base_model/v")


def test_every_version_stays_known_with_what_it_was_trained_on(tmp_path):
    models = ModelStore(tmp_path)
    kept = [models.keep("fine_tuned_model", "i", _writes(words), "ada") for words in "ab"]
    assert sorted(models.versions("fine_tuned_model", "ada"), key=lambda one: one.version) == sorted(
        kept, key=lambda one: one.version
    )
    assert models.versions("fine_tuned_model", "bob") == []
