"""What generates an answer: one base model that speaks as any of the adapters loaded on it.

Two ways to speak: quoting chosen sentences, and freely. Which model, in which process or on which
machine, is the engine's own affair (local_engine.py, remote_engine.py, sagemaker_engine.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from llm_twin_assets.serving.decoding import Decoding
from resources.releases import Manifest


class BrokenModel(ValueError):
    """A model folder that cannot be served, with what is wrong with it."""


class EngineDown(RuntimeError):
    """The engine cannot generate now, though the release is sound; the message says why."""


@dataclass(frozen=True)
class Candidate:
    """A sentence that may be quoted. prior: how much it is wanted before the model is asked.

    follows: the position, among the candidates, of the sentence that it directly follows, or None.
    """

    text: str
    prior: float
    follows: int | None = None


@dataclass(frozen=True)
class Sampling:
    """How free text is sampled; the same seed and prompt give the same text on the same engine."""

    limit: int
    temperature: float
    top_p: float
    seed: int = 0
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class Usage:
    """Tokens that the model read and wrote; `cut` where the limit ended it."""

    prompt_tokens: int
    completion_tokens: int
    cut: bool = False


class Engine(Protocol):
    """One base model with named adapters; any number of threads may ask at once.

    What a caller's `tell` or `emit` raises ends that generation and is raised again; EngineDown is
    raised where nothing can be generated.
    """

    def load(self, adapter: str, folder: str) -> None:
        """Put an adapter beside those there are; once more does nothing. Raises BrokenModel, OSError."""

    def unload(self, adapter: str) -> None:
        """Forget an adapter that nobody uses any more."""

    @property
    def adapters(self) -> set[str]:
        """The names of the adapters that can answer."""

    def probe(self, adapter: str) -> None:
        """Generate a few tokens; raises BrokenModel where the weights yield no numbers."""

    @property
    def context(self) -> int:
        """How many tokens prompt and answer may have together."""

    def room(self, adapter: str, message: str) -> int:
        """How many tokens an answer to this user's message may have; not positive where it does not fit."""

    def quote(
        self,
        adapter: str,
        message: str,
        candidates: Sequence[Candidate],
        limit: int,
        max_sentences: int,
        tell: Callable[[int], None],
    ) -> Usage:
        """Choose at most `max_sentences` candidates, in at most `limit` tokens.

        `tell` is given the position of each as soon as it is decided, in the order to say them.
        """

    def speak(self, adapter: str, message: str, sampling: Sampling, emit: Callable[[str], None]) -> Usage:
        """Answer in the model's own words; `emit` is given the text piece by piece."""

    def close(self) -> None:
        """Let go of everything; what is being generated ends with EngineDown."""


@dataclass(frozen=True)
class LoadedTwin:
    """A release in memory: its manifest, how it decodes, and the engine that holds its adapter."""

    manifest: Manifest
    decoding: Decoding
    engine: Engine

    def probe(self) -> None:
        """Generate a few tokens; raises BrokenModel where the weights yield no numbers."""
        self.engine.probe(self.manifest.adapter)
