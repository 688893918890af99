"""The tokenizer that was trained with an adapter: how messages become tokens, and tokens text."""

import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from llm_twin_assets.serving.engine import BrokenModel
from llm_twin_assets.serving.stopping import Pieces
from llm_twin_assets.training.chat import prompt_ids, text_ids

# Prompts whose tokens are kept: each is asked for several times while an answer is prepared.
KEPT_PROMPTS: Final = 64


class AdapterTokenizer:
    """Reads the tokenizer in an adapter's folder; raises BrokenModel where it cannot be used for a chat."""

    def __init__(self, folder: str) -> None:
        if not (Path(folder) / "adapter_model.safetensors").exists():
            raise BrokenModel(f"{folder} has no adapter_model.safetensors: train this twin again")
        self._tokenizer = _read(folder)
        self.prompt = lru_cache(KEPT_PROMPTS)(self._prompt)

    def __len__(self) -> int:
        return len(self._tokenizer)

    @property
    def end(self) -> int:
        """The token that ends an answer."""
        return int(self._tokenizer.eos_token_id)

    def encode(self, text: str) -> list[int]:
        """The tokens of plain text."""
        return text_ids(self._tokenizer, text)

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens, byte for byte; special tokens are left out."""
        return str(
            self._tokenizer.decode(list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        )

    def pieces(self, stops: Sequence[str]) -> Pieces:
        """What turns the tokens of one answer into text as they come."""
        return Pieces(self._tokenizer, stops)

    def _prompt(self, message: str) -> tuple[int, ...]:
        """The tokens of a user's message in the chat format, up to where the answer begins."""
        return tuple(prompt_ids(self._tokenizer, [{"role": "user", "content": message}]))


def _read(folder: str) -> Any:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    if tokenizer.chat_template is None:
        raise BrokenModel(f"the tokenizer in {folder} has no chat template: train this twin again")
    if tokenizer.eos_token_id is None:
        raise BrokenModel(f"the tokenizer in {folder} has no end token: train this twin again")
    # How long a text may be is decided by the model's context; a warning at each would fill the log.
    tokenizer.model_max_length = sys.maxsize
    return tokenizer
