"""What makes a stored model unsound."""

import math

import pytest

from llm_twin_assets.training.soundness import faults
from resources.models import Model, weights_hash

FELL = {"first_loss": 3.0, "final_loss": 2.0}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "config.json").write_text("{}")
    return tmp_path


def ours(folder, metadata=FELL):
    return Model(weights_hash(folder), "", "models/base_model/x", metadata)


def test_a_sound_model_has_no_fault(folder):
    assert faults(folder, ours(folder)) == []


def test_a_changed_file_is_a_fault(folder):
    model = ours(folder)
    (folder / "config.json").write_text("[]")
    assert faults(folder, model) == ["its files are not what its version names"]


@pytest.mark.parametrize("name", ["pytorch_model.bin", "modeling.py", "README.md", "sub/training_args.pt"])
def test_anything_that_is_not_safetensors_or_json_is_a_fault(folder, name):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"")
    assert [name.rpartition("/")[2] in fault for fault in faults(folder, ours(folder))] == [True]


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"first_loss": 3.0},
        FELL | {"final_loss": 3.0},
        FELL | {"final_loss": math.nan},
        FELL | {"final_loss": math.inf},
    ],
)
def test_a_loss_that_did_not_fall_is_a_fault(folder, metadata):
    assert "did not fall" in faults(folder, ours(folder, metadata))[0]


def test_a_folder_that_is_gone_is_a_fault(folder):
    model = ours(folder)
    assert faults(folder / "gone", model) == ["its folder is gone"]


def test_a_model_of_somebody_elses_may_hold_other_files_but_must_not_change(folder):
    (folder / "README.md").write_text("card")
    model = Model(weights_hash(folder), "", str(folder), {"revision": ""})
    assert faults(folder, model) == []
    (folder / "README.md").write_text("other")
    assert faults(folder, model) == ["its files are not what its version names"]


def test_a_hub_model_is_not_looked_at(tmp_path):
    assert faults(tmp_path / "some/name", Model("v", "v", "some/name", {"revision": "main"})) == []


def test_an_aligned_adapter_is_sound_when_it_prefers_better_or_was_left_as_it_was(folder):
    aligned = FELL | {"aligned": True}
    assert faults(folder, ours(folder, aligned | {"rewards_margins": 0.1, "final_loss": 3.0})) == []
    assert "prefers worse" in faults(folder, ours(folder, aligned | {"rewards_margins": -0.1}))[0]
    assert "prefers worse" in faults(folder, ours(folder, aligned))[0]
    as_it_was = aligned | {"rewards_margins": -0.1, "improved_on_validation": False}
    assert faults(folder, ours(folder, as_it_was)) == []
