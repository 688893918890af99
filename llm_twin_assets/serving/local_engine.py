"""The engine of this machine: transformers in a process of its own, answering many requests at once."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any, Final

from llm_twin_assets.serving.adapter_tokenizer import AdapterTokenizer
from llm_twin_assets.serving.engine import BrokenModel, Candidate, Sampling, Usage
from llm_twin_assets.serving.generation import Drawing, Job, Quoting, chooser_of, context_of
from llm_twin_assets.serving.grounded import Chooser, Spelled, spelled, unambiguous
from llm_twin_assets.serving.worker_process import WorkerProcess

PROBE: Final = "Who are you?"
PROBED_TOKENS: Final = 4


class LocalEngine:
    """The Engine protocol for a base in a folder, or on the hub at a revision.

    Nothing is loaded before the first `load`. Tokens become text here: the process knows no text.
    """

    def __init__(self, base: str, revision: str) -> None:
        self._base, self._revision = base, revision
        self.worker = WorkerProcess(base, revision)
        self._tokenizers: dict[str, AdapterTokenizer] = {}
        self._context = 0

    @property
    def adapters(self) -> set[str]:
        """The names of the adapters that can answer."""
        return self.worker.adapters

    @property
    def context(self) -> int:
        """How many tokens prompt and answer may have together; known once an adapter is loaded."""
        return self._context

    @property
    def restarts(self) -> int:
        """How often the process was started again."""
        return self.worker.restarts

    def load(self, adapter: str, folder: str) -> None:
        """Put an adapter beside those there are; raises BrokenModel, OSError or RuntimeError."""
        tokenizer, config = AdapterTokenizer(folder), _config(self._base, self._revision)
        if len(tokenizer) > config.vocab_size:
            raise BrokenModel(
                f"the tokenizer has {len(tokenizer)} tokens, the base model only {config.vocab_size}"
            )
        self._context = context_of(config)
        self.worker.load(adapter, folder)
        self._tokenizers[adapter] = tokenizer

    def unload(self, adapter: str) -> None:
        """Forget an adapter that nobody uses any more."""
        self.worker.unload(adapter)
        self._tokenizers.pop(adapter, None)

    def probe(self, adapter: str) -> None:
        """Generate a few tokens; raises BrokenModel where the weights yield no numbers."""
        likeliest = Drawing(temperature=0, top_p=1, seed=0)
        for _ in self.worker.tokens(self._job(adapter, PROBE, PROBED_TOKENS, likeliest)):
            pass

    def room(self, adapter: str, message: str) -> int:
        """How many tokens an answer to this user's message may have."""
        return self._context - len(self._tokenizers[adapter].prompt(message))

    def quote(
        self,
        adapter: str,
        message: str,
        candidates: Sequence[Candidate],
        limit: int,
        max_sentences: int,
        tell: Callable[[int], None],
    ) -> Usage:
        """Let the model spell out candidates (see grounded.py), and tell each as soon as it is decided."""
        tokenizer = self._tokenizers[adapter]
        spelled_out, places = _spelled(tokenizer, candidates)
        job = self._job(adapter, message, limit, Quoting(spelled_out, max_sentences))
        chooser = chooser_of(job)
        assert chooser is not None
        said = list(chooser.forced(()))
        told = _told(chooser, said, 0, places, tell)
        if said[-1] == job.end:
            return _usage(job, said)
        with closing(self.worker.tokens(replace(job, said=tuple(said)))) as tokens:
            for token in tokens:
                said.append(token)
                told = _told(chooser, said, told, places, tell)
        return _usage(job, said)

    def speak(self, adapter: str, message: str, sampling: Sampling, emit: Callable[[str], None]) -> Usage:
        """Say what the model samples, until its end token, the limit or a stop string."""
        drawing = Drawing(sampling.temperature, sampling.top_p, sampling.seed)
        job = self._job(adapter, message, sampling.limit, drawing)
        pieces = self._tokenizers[adapter].pieces(sampling.stop)
        said: list[int] = []
        with closing(self.worker.tokens(job)) as tokens:
            for token in tokens:
                said.append(token)
                if piece := pieces.add(token):
                    emit(piece)
                if pieces.stopped:
                    return Usage(len(job.prompt), len(said))
        if rest := pieces.rest():
            emit(rest)
        return _usage(job, said)

    def close(self) -> None:
        """End the process."""
        self.worker.close()

    def _job(self, adapter: str, message: str, limit: int, plan: Quoting | Drawing) -> Job:
        tokenizer = self._tokenizers[adapter]
        return Job("", adapter, tokenizer.prompt(message), tokenizer.end, limit, plan)


def _told(
    chooser: Chooser, said: Sequence[int], told: int, places: Sequence[int], tell: Callable[[int], None]
) -> int:
    """Tell what is decided beyond the first `told`; how much is told now."""
    decided = chooser.decided(said)
    for at in decided[told:]:
        tell(places[at])
    return len(decided)


def _spelled(
    tokenizer: AdapterTokenizer, candidates: Sequence[Candidate]
) -> tuple[tuple[Spelled, ...], list[int]]:
    """The candidates that can be spelled and told apart, and the position of each among all."""
    found = [Spelled(spelled(one.text, tokenizer.encode, tokenizer.decode), one.prior) for one in candidates]
    places = [at for at, keep in enumerate(unambiguous(found)) if keep]
    now_at: dict[int | None, int] = {place: at for at, place in enumerate(places)}
    kept = [
        Spelled(found[place].tokens, found[place].prior, now_at.get(candidates[place].follows))
        for place in places
    ]
    return tuple(kept), places


def _usage(job: Job, said: Sequence[int]) -> Usage:
    return Usage(len(job.prompt), len(said), cut=bool(said) and said[-1] != job.end)


def _config(base: str, revision: str) -> Any:
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(base, revision=revision, trust_remote_code=False).get_text_config()
