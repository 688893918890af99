"""A training that kills itself: python -m tests.llm_twin_assets.training.killed sft|dpo FOLDER STEP."""

import os
import signal
import sys
from pathlib import Path

import torch

from llm_twin_assets.training import dpo, lora
from tests.llm_twin_assets.training import small

SFT = lora.recipe(True, 1)
DPO = dpo.recipe(True) | {"epochs": 8}


def train(kind, folder, tell, adapter=None):
    """The tiny model tuned or aligned, with checkpoints in `folder`; the same weights each time."""
    torch.set_num_threads(1)
    made = small.tokenizer()
    table = small.documents("train", "train")
    if kind == "sft":
        rows = lora.training_rows(small.rows(table), SFT)
        return lora.tune(small.tiny(made), made, rows, SFT, tell, checkpoints=folder)
    pairs = dpo.training_pairs(small.pairs(table), DPO)
    return dpo.align(small.tiny(made), adapter, made, pairs, DPO, tell, checkpoints=folder)


def main(kind, folder, step, adapter=None):
    """Kill this process with SIGKILL as soon as it tells of the step."""

    def tell(line):
        if line.startswith(f"step {step} of"):
            os.kill(os.getpid(), signal.SIGKILL)

    train(kind, Path(folder), tell, adapter)


if __name__ == "__main__":
    main(*sys.argv[1:])
