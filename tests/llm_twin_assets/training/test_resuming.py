"""A training killed in the middle goes on from its last whole checkpoint and ends as if nothing had been."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from llm_twin_assets.training.lora import save_adapter
from tests.llm_twin_assets.training import killed, small


def kill_during(kind, folder, step, *more):
    command = [sys.executable, "-m", "tests.llm_twin_assets.training.killed", kind, folder, step, *more]
    done = subprocess.run(
        [str(part) for part in command],
        env=os.environ | {"PYTHONPATH": str(Path.cwd()), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    return folder


def weights_of(model):
    return {name: weight for name, weight in model.named_parameters() if "lora" in name}


def same(one, other):
    weights = weights_of(other)
    return all(torch.equal(weight, weights[name]) for name, weight in weights_of(one).items())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return killed.train("sft", tmp_path_factory.mktemp("undisturbed"), small.say_nothing)


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """What a tuning killed after its twelfth step left: whole checkpoints of steps 5 and 10."""
    return kill_during("sft", tmp_path_factory.mktemp("killed"), 12)


def resumed(left, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(left, folder)
    return folder


def test_a_killed_tuning_goes_on_and_ends_with_the_same_weights(left, tmp_path, undisturbed):
    lines = []
    model, fit = killed.train("sft", resumed(left, tmp_path), lines.append)
    assert lines[0] == "going on from checkpoint-10"
    assert fit.more["resumed_at_step"] == 10
    assert (fit.steps, fit.tokens, len(fit.losses)) == (
        undisturbed[1].steps,
        undisturbed[1].tokens,
        len(undisturbed[1].losses),
    )
    assert fit.timed < fit.tokens
    assert fit.losses == undisturbed[1].losses
    assert same(model, undisturbed[0])


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "optimizer.pt", "trainer_state.json"])
def test_a_truncated_checkpoint_is_never_loaded(left, tmp_path, undisturbed, name):
    folder = resumed(left, tmp_path)
    file = folder / "checkpoint-10" / name
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    lines = []
    model, fit = killed.train("sft", folder, lines.append)
    assert lines[0] == "going on from checkpoint-5"
    assert fit.steps == undisturbed[1].steps
    assert same(model, undisturbed[0])


def test_a_killed_alignment_goes_on_from_its_own_weights_and_the_same_reference(tmp_path, tokenizer):
    tuned, _ = killed.train("sft", None, small.say_nothing)
    save_adapter(tuned, tokenizer, "base", tmp_path / "adapter")
    adapter = str(tmp_path / "adapter")
    folder = kill_during("dpo", tmp_path / "killed", 7, adapter)
    lines = []
    model, fit = killed.train("dpo", folder, lines.append, adapter)
    assert lines[0] == "going on from checkpoint-5"
    whole, undisturbed = killed.train("dpo", None, small.say_nothing, adapter)
    assert fit.steps == undisturbed.steps
    assert fit.losses == undisturbed.losses
    assert same(model, whole)
