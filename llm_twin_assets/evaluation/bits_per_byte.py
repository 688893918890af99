"""How well a model predicts a text it has not seen: bits per byte, so that tokenizers can be compared.

Every token is scored once, in windows that overlap by half, so that all but the first have at least half
a window of context before them. As in nanochat's loss evaluation, bits are counted per UTF-8 byte.
"""

import math
from typing import Any, Final

from llm_twin_assets.training.chat import text_ids

LONGEST_WINDOW: Final = 512
BATCH: Final = 8


def window_of(model: Any) -> int:
    """How many tokens a model is given at once: its own context, at most LONGEST_WINDOW."""
    return int(min(LONGEST_WINDOW, model.config.max_position_embeddings))


def bits(model: Any, tokenizer: Any, text: str, window: int) -> float:
    """The bits a causal language model needs for a text, the first token given the end-of-text token.

    Raises FloatingPointError where the model gives no number.
    """
    import torch

    ids = [tokenizer.eos_token_id, *text_ids(tokenizer, text)]
    spans = _spans(len(ids), window)
    with torch.no_grad():
        nats = sum(_nats(model, ids, spans[at : at + BATCH]) for at in range(0, len(spans), BATCH))
    if not math.isfinite(nats):
        raise FloatingPointError("the model's likelihood of a document is not a number")
    return nats / math.log(2)


def _spans(length: int, window: int) -> list[tuple[int, int, int]]:
    """(start, first scored, end) of every window over `length` tokens; token 0 is context only."""
    spans, scored, start = [], 1, 0
    while scored < length:
        end = min(start + window, length)
        spans.append((start, scored, end))
        scored, start = end, end - window // 2
    return spans


def _nats(model: Any, ids: list[int], spans: list[tuple[int, int, int]]) -> float:
    import torch

    longest = max(end - start for start, _, end in spans)
    rows = [ids[start:end] + [0] * (longest - (end - start)) for start, _, end in spans]
    logits = model(input_ids=torch.tensor(rows), use_cache=False).logits.float()
    total = 0.0
    for row, (start, scored, end) in zip(logits, spans, strict=True):
        likelihood = torch.log_softmax(row[scored - start - 1 : end - start - 1], dim=-1)
        total -= float(likelihood.gather(1, torch.tensor(ids[scored:end])[:, None]).sum())
    return total
