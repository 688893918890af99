"""Adapters: every linear layer, the base untouched, safetensors only, the same bytes on every run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from llm_twin_assets.serving.adapter_tokenizer import AdapterTokenizer
from llm_twin_assets.training import lora
from llm_twin_assets.training.corpus import IGNORED, Window
from llm_twin_assets.training.loading import load_adapted, load_base
from llm_twin_assets.training.lora import (
    recipe,
    rows_version,
    save_adapter,
    training_rows,
    tune,
    with_passages,
)
from llm_twin_assets.training.prompt import PROMPT, written
from resources.models import weights_hash
from tests.llm_twin_assets.training import small
from tests.llm_twin_assets.training.small import say_nothing

HOW = recipe(True, 1)


def learned(windows):
    return [label for window in windows for label in window.labels if label != IGNORED]


@pytest.fixture(scope="module")
def rows():
    return training_rows(small.rows(small.documents("train", "train", "test")), recipe(True, 1))


@pytest.fixture
def saved(base, tokenizer, rows, tmp_path):
    model, fit = tune(base, tokenizer, rows, HOW, say_nothing)
    folder = tmp_path / "adapter"
    save_adapter(model, tokenizer, "base-version", folder)
    return folder, fit, model


def test_training_rows_are_of_the_train_split_without_continuations():
    every = small.rows(small.documents("train", "test"))
    found = training_rows(every.sample(frac=1, random_state=1), recipe(True, 1))
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
        "rows = training_rows(small.rows(small.documents('train', 'train', 'test')), recipe(True, 1))\n"
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


def test_the_prompt_that_is_trained_on_is_to_the_token_the_one_that_is_served(saved, base, tokenizer, rows):
    folder, _, _ = saved
    base.save_pretrained(folder.parent / "base")
    tokenizer.save_pretrained(folder.parent / "base", save_jinja_files=False)
    served = AdapterTokenizer(str(folder))
    for asked, answer in zip(rows["instruction"], rows["answer"], strict=True):
        message, _ = written(PROMPT, asked, [], lambda message: True)
        prompt = list(served.prompt(message))
        windows = lora._windows(tokenizer, rows[rows["answer"] == answer].iloc[:1], 10_000)
        assert windows[0].ids[: len(prompt)] == prompt
        assert windows[0].labels[: len(prompt)] == [IGNORED] * len(prompt)
        assert served.decode(learned(windows)) == answer


def test_every_window_is_learned_once_in_each_epoch_packed_or_not(tiny, tokenizer, rows):
    lengths = [len(window.ids) for window in lora._windows(tokenizer, rows, 64)]
    for is_bundled in (True, False):
        steps = lora._steps(lengths, recipe(is_bundled, 3), 64)
        assert sorted(at for batch in steps.batches for at in batch) == sorted([*range(len(lengths))] * 3)
        assert len(steps.tokens) == len(steps.batches)
    assert sum(steps.tokens) == 3 * sum(lengths)


def test_the_loss_is_that_of_the_answers_only_packed_or_padded(tiny):
    windows = [Window([5, 6, 7, 8], [IGNORED, IGNORED, 7, 8]), Window([9, 5, 9], [IGNORED, 5, 9])]
    found = [{"input_ids": window.ids, "labels": window.labels} for window in windows]
    with torch.no_grad():
        alone = [
            tiny(input_ids=torch.tensor([window.ids]), labels=torch.tensor([window.labels])).loss * 2
            for window in windows
        ]
        for collate in (lora._collate, lora._collate_packed):
            assert float(lora.answer_loss(tiny, collate(found))) == pytest.approx(
                float(sum(alone)) / 4, rel=1e-4
            )
            assert float(lora.answer_loss(tiny, collate(found), 8)) == pytest.approx(
                float(sum(alone)) / 8, rel=1e-4
            )


def test_packed_rows_teach_too(tiny, tokenizer, rows):
    _, fit = tune(tiny, tokenizer, rows, recipe(True, 6) | {"packed": True}, say_nothing)
    assert fit.final_loss < fit.first_loss
    assert fit.tokens == 6 * sum(len(window.ids) for window in lora._windows(tokenizer, rows, 64))


def test_enough_validation_rows_choose_the_weights(tiny, tokenizer, rows, monkeypatch):
    monkeypatch.setattr(lora, "FEWEST_VALIDATION", 2)
    _, fit = tune(tiny, tokenizer, rows, recipe(True, 2), say_nothing, validation=rows.iloc[:1])
    losses = dict(fit.validation)
    assert 0 in losses and fit.steps in losses
    assert losses[fit.more["best_step"]] == min(losses[step] for step in losses if step)


def test_too_few_validation_rows_are_not_looked_at(tiny, tokenizer, rows):
    _, fit = tune(tiny, tokenizer, rows, HOW, say_nothing, validation=rows.iloc[:0])
    assert fit.validation == []


def test_rows_that_carry_passages_are_learned_from_only_where_the_recipe_says():
    rows = small.rows(small.documents("train", "train"))
    carrying = rows.iloc[:1].assign(row_id="with", passages=json.dumps(["c1", "gone"]))
    both = pd.concat([rows, carrying])
    assert "with" not in set(training_rows(both, recipe(True, 1))["row_id"])
    assert "with" in set(training_rows(both, recipe(False, 1))["row_id"])


def test_a_row_with_passages_asks_as_serving_does(tokenizer):
    row = small.rows(small.documents("train", "train")).iloc[:1]
    chunks = pd.DataFrame([{"chunk_id": "c1", "title": "On tides", "text": "The tide turns."}])
    asked = with_passages(row.assign(passages=json.dumps(["c1", "gone"])), chunks, tokenizer, 4096)
    message, shown = written(PROMPT, row["instruction"].iloc[0], [("On tides", "The tide turns.")], bool)
    assert (asked["instruction"].iloc[0], shown) == (message, 1)
    assert with_passages(row, chunks, tokenizer, 4096)["instruction"].equals(row["instruction"])
    cramped = with_passages(row.assign(passages=json.dumps(["c1"])), chunks, tokenizer, 40)
    assert row["instruction"].iloc[0].startswith(cramped["instruction"].iloc[0])
