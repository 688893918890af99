"""A twin's adapter: low-rank weights beside every linear layer of the base (LoRA, arXiv 2106.09685)."""

import json
import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from llm_twin_assets.contracts import digest
from llm_twin_assets.training.chat import answer_ids, prompt_ids
from llm_twin_assets.training.corpus import Window, answer_windows, batches, padded
from llm_twin_assets.training.loop import Fit, fit

if TYPE_CHECKING:
    import torch

RANK: Final = 16
ALPHA: Final = 32
BATCH: Final = 4
SEED: Final = 0
BUNDLED_RATE: Final = 4e-3
OTHER_RATE: Final = 2e-4
LONGEST_WINDOW: Final = 512


def recipe(is_bundled: bool, epochs: int) -> dict[str, Any]:
    """Everything that decides how an adapter is trained, apart from its base and rows."""
    rate = BUNDLED_RATE if is_bundled else OTHER_RATE
    return {
        "version": 1,
        "rank": RANK,
        "alpha": ALPHA,
        "batch": BATCH,
        "rate": rate,
        "epochs": epochs,
        "seed": SEED,
    }


def training_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows an adapter learns from, in an order that does not depend on the table's.

    Continuations are left out: their words stand in two other rows already, and a third time cost
    bits on validation documents.
    """
    learned = rows[(rows["split"] == "train") & (rows["intent"] != "continue")]
    return learned.sort_values("row_id").reset_index(drop=True)


def rows_version(rows: pd.DataFrame) -> str:
    """A hash of training rows: equal exactly where an adapter would learn the same."""
    return digest(rows[["row_id", "instruction", "answer"]].astype(object).to_numpy().tolist())


def tune(
    base: Any, tokenizer: Any, rows: pd.DataFrame, how: dict[str, Any], tell: Callable[[str], None]
) -> tuple[Any, Fit]:
    """Train an adapter on top of the frozen base, by a `recipe`; returns the adapted model and the fit.

    Raises ValueError where there is no row.
    """
    import torch
    from peft import LoraConfig, get_peft_model

    windows = _windows(tokenizer, rows, min(base.config.max_position_embeddings, LONGEST_WINDOW))
    if not windows:
        raise ValueError("there is no training row: the author needs a document with a section of 60 words")
    torch.manual_seed(how["seed"])
    low_rank = LoraConfig(
        r=how["rank"], lora_alpha=how["alpha"], target_modules="all-linear", task_type="CAUSAL_LM"
    )
    model = get_peft_model(base, low_rank)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=how["rate"], weight_decay=0.0)
    steps = how["epochs"] * math.ceil(len(windows) / how["batch"])
    return model, fit(model, _batches(windows, how), steps, [optimizer], tell)


def save_adapter(model: Any, tokenizer: Any, base_version: str, folder: Path) -> None:
    """Write adapter and tokenizer, safetensors and JSON only, the same bytes for the same weights."""
    model.peft_config["default"].base_model_name_or_path = base_version
    # "auto" would ask the model hub whether the base's vocabulary has grown.
    model.save_pretrained(folder, save_embedding_layers=False)
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


def _batches(windows: list[Window], how: dict[str, Any]) -> "Iterator[tuple[torch.Tensor, torch.Tensor]]":
    order = random.Random(how["seed"])
    while True:
        yield from map(padded, batches(windows, how["batch"], order))
