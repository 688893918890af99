"""What a model answers when it is asked: sampled as a release samples, many prompts at a time.

Each prompt has random numbers of its own, drawn from its question. So its answer does not hang on what
else is asked, equal models answer alike, and two models are compared on the same draws.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from llm_twin_assets.contracts import digest
from llm_twin_assets.evaluation.memorisation import Memory, longest_run, unquoted
from llm_twin_assets.training.chat import prompt_ids, text_ids
from llm_twin_assets.training.prompt import PROMPT, TEMPERATURE, TOP_P, written

# The longest answer: as long as a run of training text that no answer may hold, and a little more.
NEW_TOKENS: Final = 64
BATCH: Final = 32
# Answers made another way must not be compared with these.
GENERATING: Final = digest("1", PROMPT, TEMPERATURE, TOP_P, NEW_TOKENS)
USUAL_CONTEXT: Final = 2048

# A prompt's tokens, and the question that its random numbers are drawn from.
Drawn = tuple[tuple[int, ...], str]


@dataclass(frozen=True)
class Asked:
    """A question with passages (title, text), best first, or none; `learned` names the training text."""

    question: str
    passages: tuple[tuple[str, str], ...]
    learned: str

    @property
    def key(self) -> str:
        """Names everything that an answer hangs on, apart from the model."""
        return digest(GENERATING, self.question, self.passages, self.learned)


@dataclass(frozen=True)
class Answer:
    """A text of so many tokens; `shown`: how many passages fitted into the prompt.

    run: the most tokens in a row that stand in the training text and not in what was shown.
    """

    text: str
    tokens: int
    shown: int
    run: int


def answers(model: Any, tokenizer: Any, asked: Sequence[Asked], texts: Sequence[str]) -> list[Answer]:
    """What a causal language model answers, in the order of `asked`; `texts` is what it learned from."""
    if not asked:
        return []
    context = int(getattr(model.config, "max_position_embeddings", USUAL_CONTEXT))
    room = min(NEW_TOKENS, context // 2)
    prompts = [_prompt(tokenizer, one, context - room) for one in asked]
    drawn = [(tuple(ids), one.question) for (ids, _), one in zip(prompts, asked, strict=True)]
    said = _all_said(model, tokenizer, drawn, room)
    learned = Memory(text_ids(tokenizer, text) for text in texts)
    return [
        _answer(tokenizer, one, said[key], shown, learned)
        for one, key, (_, shown) in zip(asked, drawn, prompts, strict=True)
    ]


def _prompt(tokenizer: Any, asked: Asked, most: int) -> tuple[list[int], int]:
    """The prompt's tokens, and how many of the passages stand in it."""

    def ids(message: str) -> list[int]:
        return prompt_ids(tokenizer, [{"role": "user", "content": message}])

    message, shown = written(PROMPT, asked.question, asked.passages, lambda text: len(ids(text)) <= most)
    return ids(message), shown


def _all_said(model: Any, tokenizer: Any, prompts: Sequence[Drawn], room: int) -> dict[Drawn, list[int]]:
    """The tokens of the answer to each prompt; prompts that are the same are answered once."""
    # Prompts of about one length side by side need little padding.
    order = sorted(set(prompts), key=lambda prompt: (len(prompt[0]), prompt))
    said: dict[Drawn, list[int]] = {}
    for start in range(0, len(order), BATCH):
        batch = order[start : start + BATCH]
        said |= dict(zip(batch, _generated(model, tokenizer, batch, room), strict=True))
    return said


def _generated(model: Any, tokenizer: Any, prompts: Sequence[Drawn], room: int) -> list[list[int]]:
    """The tokens of each answer, without the token that ends it."""
    import torch
    from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopPLogitsWarper

    end, longest = tokenizer.eos_token_id, max(len(ids) for ids, _ in prompts)
    rows = [[end] * (longest - len(ids)) + list(ids) for ids, _ in prompts]
    mask = [[0] * (longest - len(ids)) + [1] * len(ids) for ids, _ in prompts]
    sampled = _Sampled([int(digest(question)[:16], 16) for _, question in prompts])
    made = model.generate(
        input_ids=torch.tensor(rows, device=model.device),
        attention_mask=torch.tensor(mask, device=model.device),
        logits_processor=LogitsProcessorList(
            [TemperatureLogitsWarper(TEMPERATURE), TopPLogitsWarper(TOP_P), sampled]
        ),
        do_sample=False,
        num_beams=1,
        max_new_tokens=room,
        eos_token_id=end,
        pad_token_id=end,
    )
    found: list[list[int]] = made[:, longest:].tolist()
    return [row[: row.index(end)] if end in row else row for row in found]


class _Sampled:
    """A logits processor (by its call alone) after which the greatest score is a sample.

    The Gumbel-max trick: argmax of log p plus Gumbel noise is distributed as p.
    """

    def __init__(self, seeds: Sequence[int]) -> None:
        self._draws = [np.random.default_rng(seed) for seed in seeds]

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Scores (prompts, vocabulary), each prompt with noise of its own."""
        noise = np.stack([draw.gumbel(size=scores.shape[-1]) for draw in self._draws])
        return scores.float() + scores.new_tensor(noise).float()


def _answer(tokenizer: Any, asked: Asked, tokens: list[int], shown: int, learned: Memory) -> Answer:
    text = str(tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)).strip()
    given = Memory(text_ids(tokenizer, passage) for _, passage in asked.passages[:shown])
    run = longest_run(text_ids(tokenizer, unquoted(text)), learned, given)
    return Answer(text, len(tokens), shown, run)
