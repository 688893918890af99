"""A twin's adapter, trained further to prefer the author's answers to worse ones (DPO, arXiv 2305.18290).

The reference that it must not leave too far is the tuned adapter it starts from, not the bare base. To the
preference loss the likelihood of the author's own answer is added, as in RPO (arXiv 2404.19733): without it
the difference between two answers can grow while both become less likely.
"""

import random
from pathlib import Path
from typing import Any, Final

import pandas as pd

from llm_twin_assets.contracts import digest
from llm_twin_assets.training.chat import answer_ids, prompt_ids
from llm_twin_assets.training.corpus import similar
from llm_twin_assets.training.loading import load_trainable
from llm_twin_assets.training.loop import Fit
from llm_twin_assets.training.lora import BATCH, SEED, window_of
from llm_twin_assets.training.trainers import (
    FEWEST_VALIDATION,
    MOST_VALIDATION,
    PATIENCE,
    Ours,
    Steps,
    Tell,
    arguments,
    place_for,
    run,
)

BETA: Final = 0.1
# Of the author's own answer's loss (nats per token), beside the preference loss.
LIKELIHOOD: Final = 1.0
EPOCHS: Final = 1
BUNDLED_RATE: Final = 1e-4
OTHER_RATE: Final = 2e-5
# A pair costs four times what a row does, and the bundled model has little to gain (docs/benchmarks.md).
MOST_BUNDLED: Final = 160
MOST_OTHER: Final = 20_000

# Token ids under the names that TRL's trainer gives them.
Pair = dict[str, list[int]]


def recipe(is_bundled: bool, quantized: bool = False) -> dict[str, Any]:
    """Everything that decides how an adapter is aligned, apart from what it starts from and its pairs."""
    return {
        "version": 1,
        "beta": BETA,
        "likelihood": LIKELIHOOD,
        "batch": BATCH,
        "rate": BUNDLED_RATE if is_bundled else OTHER_RATE,
        "epochs": EPOCHS,
        "most": MOST_BUNDLED if is_bundled else MOST_OTHER,
        "seed": SEED,
        "quantized": quantized,
    }


def training_pairs(pairs: pd.DataFrame, how: dict[str, Any], split: str = "train") -> pd.DataFrame:
    """The preference rows of a split, as many as the recipe `how` takes, in an order of their own.

    Their ids are hashes, so that the first of them are a fair draw.
    """
    own = pairs[pairs["split"] == split].sort_values("row_id")
    return own.head(how["most"]).reset_index(drop=True)


def pairs_version(pairs: pd.DataFrame) -> str:
    """A hash of preference rows: equal exactly where the same would be learned from them."""
    columns = ["row_id", "instruction", "chosen", "rejected"]
    return digest(pairs[columns].astype(object).to_numpy().tolist())


def align(
    base: Any,
    adapter: str,
    tokenizer: Any,
    pairs: pd.DataFrame,
    how: dict[str, Any],
    tell: Tell,
    validation: pd.DataFrame | None = None,
    checkpoints: Path | None = None,
) -> tuple[Any, Fit]:
    """Train the adapter in the folder `adapter` on, by a `recipe`; returns the adapted model and the fit.

    Where there are enough `validation` pairs, it stops when they no longer get better and keeps the best
    weights; where they never got better, those it started from. Raises ValueError where there is no pair.
    """
    length = window_of(base)
    known = token_pairs(tokenizer, pairs, length)
    if not known:
        raise ValueError("there is no pair of two different answers to learn from")
    held_out = token_pairs(tokenizer, pairs.iloc[:0] if validation is None else validation, length)
    enough = len(held_out) >= FEWEST_VALIDATION
    steps = _steps(known, how)
    with place_for(checkpoints) as folder:
        trainer = _trainer_class()(
            model=load_trainable(base, adapter),
            args=_arguments(folder, how, base, len(steps.batches), enough),
            train_dataset=_dataset(known),
            eval_dataset=_dataset(held_out[:MOST_VALIDATION]) if enough else None,
            processing_class=tokenizer,
            callbacks=_stopping() if enough else None,
        )
        trainer.steps, trainer.collate = steps, trainer.data_collator
        fit = run(trainer, tell)
    return _finished(trainer.model, fit)


def token_pairs(tokenizer: Any, pairs: pd.DataFrame, length: int) -> list[Pair]:
    """Prompt and both answers of each pair, together at most `length` tokens; equal answers are left out.

    A prompt keeps at most its last half, an answer its beginning.
    """
    rows = zip(pairs["instruction"], pairs["chosen"], pairs["rejected"], strict=True)
    found = [_token_pair(tokenizer, *row, length) for row in rows]
    return [pair for pair in found if pair["chosen_ids"] != pair["rejected_ids"]]


def _token_pair(tokenizer: Any, asked: str, chosen: str, rejected: str, length: int) -> Pair:
    prompt = prompt_ids(tokenizer, [{"role": "user", "content": asked}])[-(length // 2) :]
    room = length - len(prompt)
    return {
        "prompt_ids": prompt,
        "chosen_ids": answer_ids(tokenizer, chosen)[:room],
        "rejected_ids": answer_ids(tokenizer, rejected)[:room],
    }


def _trainer_class() -> Any:
    from trl import DPOTrainer

    class Dpo(Ours, DPOTrainer):
        def _prepare_dataset(self, dataset: Any, *args: Any) -> Any:
            """As it is: it was made of tokens by our own chat format."""
            return dataset

    return Dpo


def _steps(pairs: list[Pair], how: dict[str, Any]) -> Steps:
    order = random.Random(how["seed"])
    lengths = [
        len(pair["prompt_ids"]) + max(len(pair["chosen_ids"]), len(pair["rejected_ids"])) for pair in pairs
    ]
    batches = [batch for _ in range(how["epochs"]) for batch in similar(lengths, how["batch"], order)]
    return Steps(batches, [2 * len(batch) * max(lengths[at] for at in batch) for batch in batches])


def _dataset(pairs: list[Pair]) -> Any:
    from datasets import Dataset

    return Dataset.from_list(pairs)


def _arguments(folder: Path, how: dict[str, Any], base: Any, steps: int, validated: bool) -> Any:
    from trl import DPOConfig

    return arguments(
        DPOConfig,
        folder,
        how,
        base,
        steps,
        validated,
        beta=how["beta"],
        loss_type=["sigmoid", "sft"],
        loss_weights=[1.0, how["likelihood"]],
        max_length=None,
        # Of the adapter as it is before the first step, also where a training is gone on from a checkpoint.
        precompute_ref_log_probs=True,
    )


def _stopping() -> list[Any]:
    from transformers import EarlyStoppingCallback

    return [EarlyStoppingCallback(PATIENCE)]


def _finished(model: Any, fit: Fit) -> tuple[Any, Fit]:
    """The model with the better of what it became and what it was, which TRL keeps as adapter "ref"."""
    losses = dict(fit.validation)
    improved = not losses or min(losses.values()) < losses[0]
    if not improved:
        _copy_back(model)
    model.delete_adapter("ref")
    fit.more["improved_on_validation"] = improved if losses else None
    return model, fit


def _copy_back(model: Any) -> None:
    for name, weight in model.named_parameters():
        if ".default." in name:
            weight.data.copy_(model.get_parameter(name.replace(".default.", ".ref.")))
