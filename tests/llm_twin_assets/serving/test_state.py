"""The server's state follows what is desired: beside, probe, switch, unload."""

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from llm_twin_assets.serving import state
from llm_twin_assets.serving.served import NotServed
from resources.models import weights_hash
from tests.llm_twin_assets.serving.small import DOCUMENTS, WordEmbedder, following
from tests.waiting import wait_until


@pytest.fixture
def serving(small):
    made = small.serving()
    yield made
    made.close()


def served(serving, twin="ada"):
    return serving.ready()["twins"][twin]["release_id"]


def test_before_the_first_look_nothing_is_ready(serving):
    assert not serving.ready()["ready"]
    assert serving.ready()["error"]


def test_without_a_desired_twin_the_server_is_ready_and_knows_nobody(serving):
    serving.step()
    assert serving.ready()["ready"]
    with pytest.raises(NotServed) as raised, serving.borrowed("ada"):
        pass
    assert not raised.value.known


def test_a_desired_release_is_loaded_and_switched_to_the_next(small, serving):
    first = small.release("first")
    serving.step()
    assert served(serving) == first
    second = small.release("second")
    assert not_ready_yet(small, serving) == {"release_id": first, "desired": first}
    serving.step()
    assert served(serving) == second
    assert serving.ready()["ready"]


def not_ready_yet(small, serving):
    stands = serving.ready()["twins"]["ada"]
    return {"release_id": stands["release_id"], "desired": stands["desired"]}


def test_a_twin_taken_out_of_service_is_gone(small, serving):
    small.release()
    serving.step()
    small.releases.desire("ada", None)
    serving.step()
    assert serving.twins() == {}
    assert serving.ready() == {
        "ready": True,
        "index_id": small.vectors.live(),
        "error": None,
        "twins": {},
    }


def test_twins_share_the_base_and_unused_adapters_are_unloaded(small, serving):
    small.release("first", "ada")
    small.release("second", "ben", "Ben Ferro")
    serving.step()
    ada, ben = serving.twins()["ada"], serving.twins()["ben"]
    assert ada.engine is ben.engine
    small.release("third", "ada")
    serving.step()
    assert ada.engine.adapters == {
        small.adapter("third").version,
        small.adapter("second", "ben").version,
    }


def test_what_is_borrowed_stays_loaded_until_it_is_given_back(small, serving):
    small.release("first")
    serving.step()
    with serving.borrowed("ada") as borrowed:
        loaded = borrowed.loaded
        small.release("second")
        serving.step()
        serving.step()
        assert loaded.manifest.adapter in loaded.engine.adapters
        loaded.probe()
    serving.step()
    assert loaded.manifest.adapter not in loaded.engine.adapters


def test_another_base_is_another_engine_and_the_old_one_is_let_go(small, serving, tmp_path):
    small.release("first")
    serving.step()
    before = serving.twins()["ada"].engine
    models = shutil.copytree(small.made, tmp_path / "models")
    (models / "base" / "note.txt").write_text("another base")
    small.made = models
    small.base = small._model("base_model", None, "base")
    small.release("first")
    serving.step()
    assert serving.ready()["ready"]
    after = serving.twins()["ada"].engine
    assert after is not before
    assert list(serving._engines.values()) == [after]


def broken_release(small, damage):
    """A release whose adapter was damaged in a way that its hash does not tell."""
    folder = small.home / "models" / "aligned_model" / "ada" / "broken"
    shutil.copytree(small.made / "second", folder)
    damage(folder)
    version = weights_hash(folder)
    folder.rename(folder.with_name(version))
    manifest = small.manifest("second")
    fields = vars(manifest) | {"adapter": version, "adapter_folder": f"models/aligned_model/ada/{version}"}
    release_id = small.releases.add(type(manifest)(**fields), {})
    small.releases.desire("ada", release_id)
    return release_id


def not_numbers(folder):
    path = folder / "adapter_model.safetensors"
    weights = {name: torch.full_like(value, float("nan")) for name, value in load_file(path).items()}
    save_file(weights, path, metadata={"format": "pt"})


def no_weights(folder):
    (folder / "adapter_model.safetensors").write_bytes(b"not a safetensors file")


@pytest.mark.parametrize(("damage", "said"), [(not_numbers, "not numbers"), (no_weights, "Safetensor")])
def test_a_broken_release_is_reported_and_the_old_one_goes_on(small, serving, damage, said):
    first = small.release("first")
    serving.step()
    broken = broken_release(small, damage)
    serving.step()
    stands = serving.ready()["twins"]["ada"]
    assert not serving.ready()["ready"]
    assert (stands["release_id"], stands["desired"]) == (first, broken)
    assert said in stands["error"]
    with serving.borrowed("ada") as borrowed:
        borrowed.loaded.probe()
    small.releases.desire("ada", first)
    serving.step()
    assert serving.ready()["ready"]
    assert served(serving) == first


def test_a_broken_release_of_one_twin_does_not_stop_another(small, serving):
    broken_release(small, no_weights)
    ben = small.release("second", "ben", "Ben Ferro")
    serving.step()
    assert served(serving, "ben") == ben
    assert served(serving, "ada") is None
    with pytest.raises(NotServed) as raised, serving.borrowed("ada"):
        pass
    assert raised.value.known


def test_files_that_are_not_those_of_the_release_are_not_served(small, serving):
    small.release("first")
    folder = small.home / small.adapter("first").folder
    (folder / "adapter_model.safetensors").write_bytes(
        (small.made / "second" / "adapter_model.safetensors").read_bytes()
    )
    serving.step()
    assert "their hash differs" in serving.ready()["twins"]["ada"]["error"]


def test_a_manifest_that_was_changed_is_not_served(small, serving):
    release_id = small.release("first")
    path = small.home / "releases" / "ada" / release_id / "manifest.json"
    path.write_text(path.read_text().replace("Ada Moss", "Ben Ferro"))
    serving.step()
    assert "was changed" in serving.ready()["twins"]["ada"]["error"]


def test_a_release_that_failed_is_tried_again_later_and_not_at_every_look(small, serving, monkeypatch):
    release_id = small.release("first")
    folder = small.home / small.adapter("first").folder
    away = folder.rename(folder.with_name("away"))
    serving.step()
    assert "does not exist" in serving.ready()["twins"]["ada"]["error"]
    away.rename(folder)
    serving.step()
    assert served(serving) is None
    monkeypatch.setattr(state, "RETRY_SECONDS", 0.0)
    serving.step()
    assert served(serving) == release_id
    assert serving.ready()["twins"]["ada"]["error"] is None


def test_the_live_index_is_followed(small, serving):
    serving.step()
    before = serving.index_id
    after = small.publish_index(DOCUMENTS[:2])
    assert before != after
    serving.step()
    assert serving.index_id == after


def test_an_index_of_another_embedder_is_reported_and_the_old_one_goes_on(small, serving):
    serving.step()
    before = serving.index_id
    other = WordEmbedder()
    other.model_id = "other@1"
    small.publish_index(DOCUMENTS, other)
    serving.step()
    assert serving.index_id == before
    assert "other@1" in serving.ready()["error"]
    assert not serving.ready()["ready"]


def test_whatever_goes_wrong_while_looking_is_reported_and_looking_goes_on(small, serving):
    small.release("first")
    path = small.home / "serving" / "desired" / "ada.json"
    good = path.read_text()
    path.write_text("{")
    serving.step()
    assert "JSON" in serving.ready()["error"]
    path.write_text(good)
    serving.step()
    assert serving.ready()["ready"]


def test_in_its_own_thread_it_follows_until_it_is_stopped(small, serving):
    with following(serving):
        wait_until(lambda: serving.ready()["ready"])
        release_id = small.release("first")
        wait_until(lambda: serving.twins() and served(serving) == release_id)
    assert served(serving) == release_id
