"""Adapters: every linear layer, the base untouched, safetensors only, the same bytes on every run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from llm_twin_assets.training.loading import load_adapted, load_base
from llm_twin_assets.training.lora import recipe, rows_version, save_adapter, training_rows, tune
from resources.models import weights_hash
from tests.llm_twin_assets.training import small
from tests.llm_twin_assets.training.small import say_nothing

HOW = recipe(True, 1)


@pytest.fixture(scope="module")
def rows():
    return training_rows(small.rows(small.documents("train", "train", "test")))


@pytest.fixture
def saved(base, tokenizer, rows, tmp_path):
    model, fit = tune(base, tokenizer, rows, HOW, say_nothing)
    folder = tmp_path / "adapter"
    save_adapter(model, tokenizer, "base-version", folder)
    return folder, fit, model


def test_training_rows_are_of_the_train_split_without_continuations():
    every = small.rows(small.documents("train", "test"))
    found = training_rows(every.sample(frac=1, random_state=1))
    assert set(found["split"]) == {"train"}
    assert "continue" not in set(found["intent"])
    assert list(found["row_id"]) == sorted(found["row_id"])


def test_the_rows_version_follows_what_would_be_learned(rows):
    assert rows_version(rows) == rows_version(rows.copy())
    assert rows_version(rows) != rows_version(rows.assign(answer="other"))
    assert rows_version(rows) == rows_version(rows.assign(split="train", generator="another"))


def test_the_adapter_learns_and_the_base_stays_as_it_was(base, tokenizer, rows):
    before = {name: value.clone() for name, value in base.state_dict().items()}
    model, fit = tune(base, tokenizer, rows, recipe(True, 4), say_nothing)
    assert fit.final_loss < fit.first_loss
    unwrapped = {
        name.replace(".base_layer", ""): value for name, value in model.base_model.model.state_dict().items()
    }
    assert all(torch.equal(unwrapped[name], value) for name, value in before.items())


def test_every_linear_layer_but_the_head_gets_rank_sixteen(saved):
    folder, _, _ = saved
    weights = load_file(folder / "adapter_model.safetensors")
    layers = {name.split(".")[-3] for name in weights}
    assert layers == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    assert {value.shape[0] for name, value in weights.items() if "lora_A" in name} == {16}
    config = json.loads((folder / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"], config["lora_dropout"]) == (16, 32, 0.0)


def test_the_folder_holds_weights_and_json_only_and_names_the_base(saved):
    folder, _, _ = saved
    assert {file.suffix for file in folder.iterdir()} == {".safetensors", ".json"}
    assert (
        json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"] == "base-version"
    )
    assert str(folder.parent) not in "".join(file.read_text() for file in folder.glob("*.json"))


def test_what_was_saved_is_what_was_trained(saved, tokenizer):
    folder, _, model = saved
    ids = torch.tensor([[5, 6, 7, 8]])
    loaded = load_adapted(small.untrained(tokenizer), str(folder))
    with torch.no_grad():
        assert torch.equal(loaded(input_ids=ids).logits, model.eval()(input_ids=ids).logits)


def test_another_process_writes_the_same_bytes(saved):
    """Sets and hashes change their order from process to process; the adapter's version must not."""
    folder, _, _ = saved
    program = (
        "import sys, pathlib, torch\n"
        "from tests.llm_twin_assets.training import small\n"
        "from llm_twin_assets.training.lora import *\n"
        "torch.set_num_threads(int(sys.argv[2]))\n"
        "made = small.tokenizer()\n"
        "rows = training_rows(small.rows(small.documents('train', 'train', 'test')))\n"
        "model, _ = tune(small.untrained(made), made, rows, recipe(True, 1), small.say_nothing)\n"
        "save_adapter(model, made, 'base-version', pathlib.Path(sys.argv[1]))\n"
    )
    other = folder.parent / "other"
    command = [sys.executable, "-c", program, str(other), str(torch.get_num_threads())]
    subprocess.run(
        command, check=True, env=os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": str(Path.cwd())}
    )
    assert weights_hash(other) == weights_hash(folder)


def test_no_row_is_an_error_with_a_mend(base, tokenizer, rows):
    with pytest.raises(ValueError, match="section of 60 words"):
        tune(base, tokenizer, rows.iloc[:0], HOW, say_nothing)


def test_another_base_is_tuned_more_gently():
    assert recipe(False, 3)["rate"] < recipe(True, 3)["rate"]
    assert recipe(True, 3) != recipe(True, 4)


def test_a_base_is_loaded_from_safetensors_only(base, tokenizer, tmp_path):
    base.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    model, loaded = load_base(str(tmp_path), "")
    assert not model.training
    assert loaded.chat_template == tokenizer.chat_template
    torch.save(base.state_dict(), tmp_path / "pytorch_model.bin")
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(OSError, match="safetensors"):
        load_base(str(tmp_path), "")
