"""Training the bundled base model on every author's training documents."""

import math
import random
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from llm_twin_assets.datasets.instruct import instruct_rows
from llm_twin_assets.datasets.templates import WHOLE
from llm_twin_assets.documents.splits import learnable
from llm_twin_assets.training.bundled import (
    CONTEXT,
    HEADS,
    INNER,
    LAYERS,
    SMALL_TEXT,
    WIDTH,
    new_model,
    train_tokenizer,
    vocabulary_size,
)
from llm_twin_assets.training.chat import answer_ids, prompt_ids, text_ids
from llm_twin_assets.training.corpus import batches, padded, text_windows
from llm_twin_assets.training.loop import Fit, fit

if TYPE_CHECKING:
    import torch

SEED: Final = 0
BATCH: Final = 8
MUON_RATE: Final = 0.03
ADAM_RATE: Final = 4e-3
# A small corpus is read at most this often: what the base has learned by heart from an author's pages,
# no adapter can add any more (docs/benchmarks.md).
MOST_PASSES: Final = 1.0
# A tiny one gets this many steps all the same.
FEWEST_STEPS: Final = 20


def recipe(tokens: int) -> dict[str, Any]:
    """Everything that decides how the base is trained, apart from the text."""
    shape = {"width": WIDTH, "layers": LAYERS, "heads": HEADS, "inner": INNER, "context": CONTEXT}
    rates = {
        "muon": MUON_RATE,
        "adamw": ADAM_RATE,
        "batch": BATCH,
        "passes": MOST_PASSES,
        "fewest": FEWEST_STEPS,
        "seed": SEED,
    }
    return {"version": 1, "tokens": tokens, "small_text": SMALL_TEXT} | shape | rates


def pretrain(documents: pd.DataFrame, tokens: int, tell: Callable[[str], None]) -> tuple[Any, Any, Fit]:
    """Train tokenizer and model on the documents of the train split; returns model, tokenizer and fit.

    Reads `tokens` tokens, or about MOST_PASSES times the text where that is less. Raises ValueError where
    there is too little text for one window.
    """
    import torch

    train = learnable(documents, "train").sort_values("document_id")
    texts = [str(text) for text in train["text"]]
    torch.manual_seed(SEED)
    tokenizer = train_tokenizer(texts, vocabulary_size(texts))
    model = new_model(tokenizer)
    stream = _stream(tokenizer, texts, train)
    if len(stream) < 2 * CONTEXT:
        raise ValueError(f"{len(stream)} tokens of training text are too few: add documents to a source")
    steps = _step_count(tokens, len(stream))
    return model, tokenizer, fit(model, _batches(stream), steps, _optimizers(model), tell)


def _step_count(tokens: int, text: int) -> int:
    told, enough = (math.ceil(count / (BATCH * CONTEXT)) for count in (tokens, MOST_PASSES * text))
    return min(told, max(enough, FEWEST_STEPS))


def _stream(tokenizer: Any, texts: list[str], train: pd.DataFrame) -> list[int]:
    """Every document, and its passages as rows in the chat format, in random order behind one another."""
    pieces = [[tokenizer.eos_token_id, *text_ids(tokenizer, text)] for text in texts]
    for author in sorted(set(train["author"])):
        rows = instruct_rows(train, "base", author).rows
        rows = rows[~rows["intent"].isin(WHOLE)]
        for asked, answer in zip(rows["instruction"], rows["answer"], strict=True):
            prompt = prompt_ids(tokenizer, [{"role": "user", "content": asked}])
            pieces.append(prompt + answer_ids(tokenizer, answer))
    random.Random(SEED).shuffle(pieces)
    return [token for piece in pieces for token in piece]


def _batches(stream: list[int]) -> "Iterator[tuple[torch.Tensor, torch.Tensor]]":
    """Batches without end; each pass over the stream cuts it at other places."""
    order = random.Random(SEED)
    while True:
        windows = text_windows(stream, CONTEXT, order.randrange(CONTEXT))
        yield from map(padded, batches(windows, BATCH, order))


def _optimizers(model: Any) -> "list[torch.optim.Optimizer]":
    """Muon (Jordan et al., 2024) for the matrices inside the layers, AdamW for embeddings and norms."""
    import torch

    named = list(model.named_parameters())
    inner = [weight for name, weight in named if weight.ndim == 2 and "embed" not in name]
    outer = [weight for name, weight in named if weight.ndim != 2 or "embed" in name]
    return [
        torch.optim.Muon(inner, lr=MUON_RATE),
        torch.optim.AdamW(outer, lr=ADAM_RATE, weight_decay=0.0),
    ]
