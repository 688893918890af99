"""Alignment: its reference is the tuned adapter, and one adapter like it comes out that prefers better."""

import json
import math

import pytest
import torch
from safetensors.torch import load_file

from llm_twin_assets.training.chat import answer_ids, prompt_ids
from llm_twin_assets.training.dpo import align, pairs_version, recipe, token_pairs, training_pairs
from llm_twin_assets.training.loading import load_trainable
from llm_twin_assets.training.lora import new_adapter, save_adapter
from llm_twin_assets.training.lora import recipe as tuning
from tests.llm_twin_assets.training import small
from tests.llm_twin_assets.training.small import say_nothing

HOW = recipe(True) | {"epochs": 6, "likelihood": 0.0}


@pytest.fixture(scope="module")
def pairs():
    return small.pairs(small.documents("train", "train", "train", "validation", "validation", "test"))


@pytest.fixture
def tuned(tiny, tokenizer, tmp_path):
    """The folder of an adapter that already changes the tiny base."""
    model = new_adapter(tiny, tuning(True, 1))
    torch.manual_seed(3)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.05)
    save_adapter(model, tokenizer, "base", tmp_path / "tuned")
    return tmp_path / "tuned"


def aligned(tuned, tokenizer, pairs, folder, how=HOW, **more):
    model, fit = align(
        small.tiny(tokenizer), str(tuned), tokenizer, training_pairs(pairs, how), how, say_nothing, **more
    )
    save_adapter(model, tokenizer, "base", folder)
    return model, fit


def weights(folder):
    return load_file(folder / "adapter_model.safetensors")


def test_it_starts_as_its_own_reference_and_learns_to_prefer(tuned, tokenizer, pairs, tmp_path):
    _, fit = aligned(tuned, tokenizer, pairs, tmp_path / "out")
    # Before the first step both rewards are 0, whatever the adapter was: log 2, with any other reference not.
    assert fit.losses[0] == pytest.approx(math.log(2), abs=1e-5)
    assert fit.losses[-1] < fit.losses[0]
    assert fit.more["rewards_margins"] > 0
    assert fit.more["rewards_accuracies"] > 0.5


def test_what_comes_out_is_one_adapter_in_the_format_of_the_tuned_one(tuned, tokenizer, pairs, tmp_path):
    model, _ = aligned(tuned, tokenizer, pairs, tmp_path / "out", how=HOW | {"epochs": 1})
    assert list(model.peft_config) == ["default"]
    files = {file.name for file in (tmp_path / "out").iterdir()}
    assert files == {file.name for file in tuned.iterdir()}
    configs = [
        json.loads((folder / "adapter_config.json").read_text()) for folder in (tuned, tmp_path / "out")
    ]
    assert configs[0] == configs[1]
    before, after = weights(tuned), weights(tmp_path / "out")
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_where_validation_never_gets_better_it_stays_as_it_was(
    tuned, tokenizer, pairs, tmp_path, monkeypatch
):
    monkeypatch.setattr("llm_twin_assets.training.dpo.PATIENCE", 1)
    monkeypatch.setattr("llm_twin_assets.training.dpo.FEWEST_VALIDATION", 2)
    worse = pairs[pairs["split"] == "validation"]
    worse = worse.rename(columns={"chosen": "rejected", "rejected": "chosen"})
    _, fit = aligned(tuned, tokenizer, pairs, tmp_path / "out", validation=worse)
    assert fit.validation[0] == (0, pytest.approx(math.log(2), abs=1e-5))
    assert fit.more["improved_on_validation"] is False
    assert fit.more["stopped_early_at_step"] is not None
    before, after = weights(tuned), weights(tmp_path / "out")
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_with_too_few_validation_pairs_nothing_is_stopped(tuned, tokenizer, pairs, tmp_path):
    few = pairs[pairs["split"] == "validation"].iloc[:1]
    _, fit = aligned(tuned, tokenizer, pairs, tmp_path / "out", HOW | {"epochs": 1}, validation=few)
    assert fit.validation == []
    assert fit.more["stopped_early_at_step"] is None
    assert fit.more["improved_on_validation"] is None


def test_no_pair_is_an_error(tuned, tokenizer, pairs, tmp_path):
    with pytest.raises(ValueError, match="no pair"):
        aligned(tuned, tokenizer, pairs.assign(rejected=pairs["chosen"]), tmp_path)


def test_a_pair_is_written_in_the_chat_format_and_cut_to_the_context(tokenizer, pairs):
    row = pairs.iloc[0]
    whole = token_pairs(tokenizer, pairs.iloc[:1], 10_000)[0]
    assert whole["prompt_ids"] == prompt_ids(tokenizer, [{"role": "user", "content": row["instruction"]}])
    assert whole["chosen_ids"] == answer_ids(tokenizer, row["chosen"])
    cut = token_pairs(tokenizer, pairs.iloc[:1], 40)[0]
    assert cut["prompt_ids"] == whole["prompt_ids"][-20:]
    room = 40 - len(cut["prompt_ids"])
    assert cut["chosen_ids"] == whole["chosen_ids"][:room]
    assert len(cut["rejected_ids"]) == room


def test_answers_that_are_equal_once_cut_teach_nothing_and_are_left_out(tokenizer, pairs):
    longer = pairs.assign(rejected=pairs["chosen"] + " And a last word.")
    assert token_pairs(tokenizer, longer, 40) == []
    assert len(token_pairs(tokenizer, longer, 10_000)) == len(pairs)


def test_pairs_are_of_their_split_in_an_order_of_their_own(pairs):
    found = training_pairs(pairs.sample(frac=1, random_state=1), recipe(True))
    assert set(found["split"]) == {"train"}
    assert found.equals(training_pairs(pairs, recipe(True)))
    assert found.head(2).equals(training_pairs(pairs, {"most": 2}))
    assert pairs_version(found) != pairs_version(found.assign(rejected="other"))
    assert pairs_version(found) == pairs_version(found.assign(kind="flattened"))


def test_a_trainable_adapter_names_no_base_that_could_be_looked_for(tuned, tokenizer):
    loaded = load_trainable(small.tiny(tokenizer), str(tuned))
    assert loaded.peft_config["default"].base_model_name_or_path is None
