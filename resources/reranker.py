"""How well passages answer a question: any cross-encoder that sentence-transformers can read."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from resources.models import weights_hash
from resources.processor import fast_bfloat16, single_threaded
from resources.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# A passage has at most 200 tokens of the embedder's; a window of thousands would only let questions cost.
MOST_TOKENS: Final = 512
BATCH: Final = 8


class RerankerError(RuntimeError):
    """The reranker cannot be used; the message says what to do."""


class Reranker(Protocol):
    """What searching needs of a reranker; several threads may use one."""

    @property
    def model_id(self) -> str:
        """Names the weights, without loading them."""

    def scores(self, question: str, passages: Sequence[str]) -> "NDArray[np.float32]":
        """How well each passage answers the question, shape (len(passages),); higher is better."""


def build_reranker(settings: Settings) -> Reranker | None:
    """The reranker that the settings name, or None."""
    return CrossEncoderReranker(settings.reranker, settings.threads) if settings.reranker else None


class CrossEncoderReranker:
    """A cross-encoder, by hub id or folder; loaded when it is first asked, and if that fails, not again.

    `threads` batches are computed at once, each on one core.
    """

    def __init__(self, location: str, threads: int) -> None:
        self._location = location
        self._threads = threads
        self._turn = threading.RLock()

    @cached_property
    def model_id(self) -> str:
        """Name and start of the weights' hash; a hub id stands for itself."""
        folder = Path(self._location)
        return f"{folder.name}@{weights_hash(folder)[:8]}" if folder.is_dir() else self._location

    def scores(self, question: str, passages: Sequence[str]) -> "NDArray[np.float32]":
        """The model's logits, float32, shape (len(passages),), in the order of the passages.

        What exceeds the model's window, or 512 tokens, is cut off the longer one of question and
        passage. Raises RerankerError when the model cannot be used.
        """
        import numpy as np

        found = np.empty(len(passages), dtype=np.float32)
        order = sorted(range(len(passages)), key=lambda position: (-len(passages[position]), position))
        groups = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
        with ThreadPoolExecutor(self._threads, initializer=single_threaded) as pool:
            pairs = [[(question, passages[position]) for position in group] for group in groups]
            for group, made in zip(groups, pool.map(self._scored, pairs), strict=True):
                found[group] = made
        return found

    def _scored(self, pairs: list[tuple[str, str]]) -> "NDArray[np.float32]":
        import torch
        from sentence_transformers.util import batch_to_device

        model = self._model
        try:
            # One at a time: a tokenizer that two threads use at once raises "Already borrowed".
            with self._turn:
                features = model.preprocess(pairs)
            with torch.inference_mode():
                made = model(batch_to_device(features, model.device))["scores"]
        except RuntimeError as error:
            raise RerankerError(_message(self._location, error)) from error
        rows: NDArray[np.float32] = made.float().reshape(len(pairs)).cpu().numpy()
        return rows

    @property
    def _model(self) -> Any:
        with self._turn:
            loaded = self._loaded
        if isinstance(loaded, str):
            raise RerankerError(loaded)
        return loaded

    @cached_property
    def _loaded(self) -> Any:
        """The model, or why there is none: a hub that does not answer must not hold up every question."""
        try:
            return _load(self._location)
        # Whatever a folder holds is read by libraries that raise errors of many kinds.
        except Exception as error:
            return _message(self._location, error)


def _load(location: str) -> Any:
    import torch
    from sentence_transformers import CrossEncoder
    from transformers.utils import logging

    logging.disable_progress_bar()
    model = CrossEncoder(location, trust_remote_code=False, model_kwargs={"use_safetensors": True})
    if model.num_labels != 1 or _has_new_head(model):
        raise ValueError("it has no head that gives a passage one score")
    model.max_seq_length = min(model.max_seq_length or MOST_TOKENS, MOST_TOKENS)
    return model.to(torch.bfloat16) if fast_bfloat16(model.device.type) else model


def _has_new_head(model: Any) -> bool:
    """Whether the folder held an encoder only, to which loading has added a head of random weights."""
    trained = any(name.endswith("ForSequenceClassification") for name in model.config.architectures or ())
    return getattr(model[0], "transformer_task", None) == "sequence-classification" and not trained


def _message(location: str, error: Exception) -> str:
    return (
        f"LLM_TWIN_RERANKER: cannot use {location!r} ({error}); write the hub id or the folder of a "
        "cross-encoder with safetensors weights, or unset it to do without"
    )
