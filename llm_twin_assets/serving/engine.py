"""A base model in memory with several LoRA adapters on it, and what each says when it is asked."""

import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llm_twin_assets.serving.decoding import Decoding
from llm_twin_assets.training.chat import prompt_ids, text_ids
from llm_twin_assets.training.loading import load_base
from resources.releases import Manifest

# Models that do not say how long a text they take.
USUAL_CONTEXT = 2048


class BrokenModel(ValueError):
    """A model folder that cannot be served, with what is wrong with it."""


@dataclass
class Engine:
    """One base model with named adapters; one answer at a time, because the adapter is a state of the model.

    `base` is a folder or hub id, `revision` its hub revision. Nothing is loaded before the first `load`.
    """

    base: str
    revision: str
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _tokenizers: dict[str, Any] = field(default_factory=dict)
    _model: Any = None

    def load(self, adapter: str, folder: str) -> None:
        """Put an adapter beside those there are; raises BrokenModel, OSError or peft's ValueError."""
        if adapter in self._tokenizers:
            return
        tokenizer = _tokenizer(folder)
        with self._lock:
            self._model = self._with_adapter(adapter, folder)
            self._model.eval()
            _check_vocabulary(tokenizer, self._model)
            self._tokenizers[adapter] = tokenizer

    def unload(self, adapter: str) -> None:
        """Forget an adapter; the last one stays, because it goes with the whole engine."""
        with self._lock:
            if len(self._tokenizers) > 1 and self._tokenizers.pop(adapter, None) is not None:
                self._model.set_adapter(next(iter(self._tokenizers)))
                self._model.delete_adapter(adapter)

    @property
    def adapters(self) -> set[str]:
        """The names of the adapters that can answer."""
        return set(self._tokenizers)

    @property
    def context(self) -> int:
        """How many tokens prompt and answer may have together."""
        return int(getattr(self._model.config, "max_position_embeddings", USUAL_CONTEXT))

    def end(self, adapter: str) -> int:
        """The token that ends an answer."""
        return int(self._tokenizers[adapter].eos_token_id)

    def encode(self, adapter: str, text: str) -> list[int]:
        """The tokens of plain text."""
        return text_ids(self._tokenizers[adapter], text)

    def decode(self, adapter: str, tokens: Sequence[int]) -> str:
        """The text of tokens, byte for byte; special tokens are left out."""
        return str(
            self._tokenizers[adapter].decode(
                list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
        )

    def prompt(self, adapter: str, message: str) -> list[int]:
        """The tokens of a user's message in the adapter's chat format, up to where the answer begins."""
        return prompt_ids(self._tokenizers[adapter], [{"role": "user", "content": message}])

    def generate(
        self,
        adapter: str,
        prompt: list[int],
        on_token: Callable[[int], None],
        limit: int,
        **how: Any,
    ) -> None:
        """Generate at most `limit` tokens and hand over each as it is decided; the end token too.

        `how` goes to transformers' generate. What `on_token` raises ends the generation.
        """
        import torch

        end = self.end(adapter)
        how |= {"max_new_tokens": limit, "eos_token_id": end, "pad_token_id": end}
        with self._lock:
            self._model.set_adapter(adapter)
            inputs = torch.tensor([prompt], device=self._model.device)
            mask = torch.ones_like(inputs)
            self._model.generate(input_ids=inputs, attention_mask=mask, streamer=_Tokens(on_token), **how)

    def _with_adapter(self, adapter: str, folder: str) -> Any:
        from peft import PeftModel

        if not (Path(folder) / "adapter_model.safetensors").exists():
            raise BrokenModel(f"{folder} has no adapter_model.safetensors: train this twin again")
        if self._model is None:
            return PeftModel.from_pretrained(_base(self.base, self.revision), folder, adapter_name=adapter)
        try:
            self._model.load_adapter(folder, adapter_name=adapter)
        except Exception:
            if adapter in self._model.peft_config:
                self._model.delete_adapter(adapter)
            raise
        return self._model


@dataclass(frozen=True)
class LoadedTwin:
    """A release in memory: its manifest, how it decodes, and the engine that holds its adapter."""

    manifest: Manifest
    decoding: Decoding
    engine: Engine

    def probe(self) -> None:
        """Generate a few tokens; raises BrokenModel where the weights yield no numbers."""
        adapter = self.manifest.adapter
        prompt = self.engine.prompt(adapter, "Who are you?")
        self.engine.generate(adapter, prompt, lambda _: None, 4, do_sample=False, logits_processor=[_numbers])


def _numbers(input_ids: Any, scores: Any) -> Any:
    if bool(scores.isnan().any()):
        raise BrokenModel("the model's scores are not numbers: its weights are damaged")
    return scores


class _Tokens:
    """A transformers streamer (by its methods alone): the prompt comes first, then single tokens."""

    def __init__(self, on_token: Callable[[int], None]) -> None:
        self._on_token = on_token
        self._prompt_seen = False

    def put(self, value: Any) -> None:
        """Take what generation hands over."""
        if self._prompt_seen:
            for token in value.reshape(-1).tolist():
                self._on_token(token)
        self._prompt_seen = True

    def end(self) -> None:
        """Nothing is left to do at the end."""


def _base(location: str, revision: str) -> Any:
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    model, _ = load_base(location, revision)
    return model.to("cuda" if torch.cuda.is_available() else "cpu")


def _tokenizer(folder: str) -> Any:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    if tokenizer.chat_template is None:
        raise BrokenModel(f"the tokenizer in {folder} has no chat template: train this twin again")
    if tokenizer.eos_token_id is None:
        raise BrokenModel(f"the tokenizer in {folder} has no end token: train this twin again")
    # How long a text may be is decided here, by the model's context; a warning at each would fill the log.
    tokenizer.model_max_length = sys.maxsize
    return tokenizer


def _check_vocabulary(tokenizer: Any, model: Any) -> None:
    rows = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > rows:
        raise BrokenModel(f"the tokenizer has {len(tokenizer)} tokens, the base model only {rows}")
