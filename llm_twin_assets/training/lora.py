"""A twin's adapter: low-rank weights beside every linear layer of the base (LoRA, arXiv 2106.09685)."""

import json
import random
from functools import partial
from pathlib import Path
from typing import Any, Final

import pandas as pd

from llm_twin_assets.contracts import digest
from llm_twin_assets.training.chat import answer_ids, prompt_ids
from llm_twin_assets.training.corpus import IGNORED, Window, answer_windows, packed, packs, padded, similar
from llm_twin_assets.training.loading import nameless
from llm_twin_assets.training.loop import Fit
from llm_twin_assets.training.prompt import PROMPT, written
from llm_twin_assets.training.trainers import (
    FEWEST_VALIDATION,
    MOST_VALIDATION,
    Ours,
    Steps,
    Tell,
    arguments,
    place_for,
    run,
)

RANK: Final = 16
ALPHA: Final = 32
BATCH: Final = 4
SEED: Final = 0
BUNDLED_RATE: Final = 4e-3
OTHER_RATE: Final = 2e-4
LONGEST_WINDOW: Final = 512


def recipe(is_bundled: bool, epochs: int, quantized: bool = False) -> dict[str, Any]:
    """Everything that decides how an adapter is trained, apart from its base and rows."""
    return {
        "version": 2,
        "rank": RANK,
        "alpha": ALPHA,
        "batch": BATCH,
        "rate": BUNDLED_RATE if is_bundled else OTHER_RATE,
        "epochs": epochs,
        "seed": SEED,
        # Padding costs a small model less than the mask of packed rows does (tests/bench_training.py).
        "packed": not is_bundled,
        "quantized": quantized,
        # No passage fits into the bundled model's context beside a question.
        "passages": not is_bundled,
    }


def training_rows(rows: pd.DataFrame, how: dict[str, Any], split: str = "train") -> pd.DataFrame:
    """The rows an adapter learns from, or is validated on, in an order that does not depend on the table's.

    Continuations are left out: their words stand in two other rows already, and a third time cost
    bits on validation documents. Rows that carry passages are learned from where the recipe `how` says.
    """
    learned = rows[(rows["split"] == split) & (rows["intent"] != "continue")]
    if not how["passages"]:
        learned = learned[learned["passages"].fillna("") == ""]
    return learned.sort_values("row_id").reset_index(drop=True)


def with_passages(rows: pd.DataFrame, chunks: pd.DataFrame, tokenizer: Any, length: int) -> pd.DataFrame:
    """Rows whose instruction is what serving would ask: with the passages they carry, as many as fit.

    A prompt takes at most half the window of `length` tokens; a chunk that is gone is left out.
    """
    known = chunks.set_index("chunk_id")[["title", "text"]]
    asked = []
    for instruction, carried in zip(rows["instruction"], rows["passages"].fillna(""), strict=True):
        names = [name for name in json.loads(carried or "[]") if name in known.index]
        passages = [(str(known.at[name, "title"]), str(known.at[name, "text"])) for name in names]
        fits = partial(_fits, tokenizer, length // 2)
        asked.append(written(PROMPT, instruction, passages, fits)[0] if passages else instruction)
    return rows.assign(instruction=asked)


def _fits(tokenizer: Any, most: int, message: str) -> bool:
    return len(prompt_ids(tokenizer, [{"role": "user", "content": message}])) <= most


def rows_version(rows: pd.DataFrame) -> str:
    """A hash of training rows: equal exactly where an adapter would learn the same."""
    columns = ["row_id", "instruction", "answer", "passages"]
    return digest(rows[columns].fillna("").astype(object).to_numpy().tolist())


def tune(
    base: Any,
    tokenizer: Any,
    rows: pd.DataFrame,
    how: dict[str, Any],
    tell: Tell,
    validation: pd.DataFrame | None = None,
    checkpoints: Path | None = None,
) -> tuple[Any, Fit]:
    """Train an adapter on top of the frozen base, by a `recipe`; returns the adapted model and the fit.

    Where there are enough `validation` rows, the adapter is the one with the least loss on them. Goes on
    from a sound checkpoint in `checkpoints`. Raises ValueError where there is no row.
    """
    length = window_of(base)
    windows = _windows(tokenizer, rows, length)
    if not windows:
        raise ValueError("there is no training row: the author needs a document with a section of 60 words")
    held_out = _windows(tokenizer, rows.iloc[:0] if validation is None else validation, length)
    enough = len(held_out) >= FEWEST_VALIDATION
    steps = _steps([len(window.ids) for window in windows], how, length)
    with place_for(checkpoints) as folder:
        model = new_adapter(base, how)
        trainer = sft_trainer()(
            model=model,
            args=_arguments(folder, how, base, len(steps.batches), enough),
            train_dataset=_dataset(windows),
            eval_dataset=_dataset(held_out[:MOST_VALIDATION]) if enough else None,
            processing_class=tokenizer,
        )
        trainer.steps, trainer.collate = steps, _collate_packed if how["packed"] else _collate
        fit = run(trainer, tell)
    return model, fit


def window_of(base: Any) -> int:
    """How many tokens the model is trained on at once: its context, at most LONGEST_WINDOW."""
    return int(min(base.config.max_position_embeddings, LONGEST_WINDOW))


def new_adapter(base: Any, how: dict[str, Any]) -> Any:
    """The base, frozen, with an adapter that changes nothing yet."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(how["seed"])
    low_rank = LoraConfig(
        r=how["rank"], lora_alpha=how["alpha"], target_modules="all-linear", task_type="CAUSAL_LM"
    )
    return nameless(get_peft_model(base, low_rank))


def sft_trainer() -> Any:
    """TRL's trainer for supervised fine-tuning, made ours."""
    from trl import SFTTrainer

    class Sft(Ours, SFTTrainer):
        def compute_loss(
            self,
            model: Any,
            inputs: dict[str, Any],
            return_outputs: bool = False,
            num_items_in_batch: Any = None,
        ) -> Any:
            """Mean cross-entropy over the answers' tokens: TRL's also counts entropy and accuracy."""
            loss = answer_loss(model, inputs, num_items_in_batch)
            return loss if num_items_in_batch is None else loss * self.accelerator.num_processes

    return Sft


def answer_loss(model: Any, inputs: dict[str, Any], count: Any = None) -> Any:
    """Cross-entropy (nats) over the labelled tokens, divided by `count`, or by how many they are.

    Only the columns of the batch that have a label go through the output layer.
    """
    from torch.nn.functional import cross_entropy

    inputs = dict(inputs)
    targets = inputs.pop("labels")[:, 1:][:, inputs["logits_to_keep"]].flatten()
    logits = model(**inputs, use_cache=False).logits.flatten(0, 1).float()
    total = cross_entropy(logits, targets, reduction="sum", ignore_index=IGNORED)
    return total / ((targets != IGNORED).sum() if count is None else count)


def save_adapter(
    model: Any, tokenizer: Any, base_version: str, folder: Path, weights: dict[str, Any] | None = None
) -> None:
    """Write adapter and tokenizer, safetensors and JSON only, the same bytes for the same weights.

    `weights` are the model's where it holds only a part of them (a fit's `weights`).
    """
    model.peft_config["default"].base_model_name_or_path = base_version
    # "auto" would ask the model hub whether the base's vocabulary has grown.
    model.save_pretrained(
        folder, save_embedding_layers=False, selected_adapters=["default"], state_dict=weights
    )
    tokenizer.save_pretrained(folder, save_jinja_files=False)
    (folder / "README.md").unlink(missing_ok=True)
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text())
    # A set in the library: its order changes from process to process.
    config["target_modules"] = sorted(config["target_modules"])
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def _windows(tokenizer: Any, rows: pd.DataFrame, length: int) -> list[Window]:
    return [
        window
        for asked, answer in zip(rows["instruction"], rows["answer"], strict=True)
        for window in answer_windows(
            prompt_ids(tokenizer, [{"role": "user", "content": asked}]), answer_ids(tokenizer, answer), length
        )
    ]


def _steps(lengths: list[int], how: dict[str, Any], length: int) -> Steps:
    """Every window once in each epoch, in another order each time."""
    order = random.Random(how["seed"])
    draw, size = (packs, how["batch"] * length) if how["packed"] else (similar, how["batch"])
    batches = [batch for _ in range(how["epochs"]) for batch in draw(lengths, size, order)]
    longest = (max(lengths[at] for at in batch) * len(batch) for batch in batches)
    together = (sum(lengths[at] for at in batch) for batch in batches)
    return Steps(batches, list(together if how["packed"] else longest))


def _dataset(windows: list[Window]) -> Any:
    from datasets import Dataset

    return Dataset.from_dict(
        {"input_ids": [window.ids for window in windows], "labels": [window.labels for window in windows]}
    )


def _arguments(folder: Path, how: dict[str, Any], base: Any, steps: int, validated: bool) -> Any:
    from trl import SFTConfig

    # The rows are made of tokens by our own chat format.
    own = {"skip_prepare_dataset": True}
    return arguments(SFTConfig, folder, how, base, steps, validated, dataset_kwargs=own)


def _collate(rows: list[dict[str, Any]]) -> dict[str, Any]:
    ids, labels = padded(_as_windows(rows))
    return {"input_ids": ids, "labels": labels, "logits_to_keep": _learned(labels)}


def _collate_packed(rows: list[dict[str, Any]]) -> dict[str, Any]:
    ids, labels, positions = packed(_as_windows(rows))
    return {"input_ids": ids, "labels": labels, "position_ids": positions, "logits_to_keep": _learned(labels)}


def _as_windows(rows: list[dict[str, Any]]) -> list[Window]:
    return [Window(row["input_ids"], row["labels"]) for row in rows]


def _learned(labels: Any) -> Any:
    """The columns whose next token is a label in some row of the batch."""
    return (labels[:, 1:] != IGNORED).any(0).nonzero()[:, 0]
