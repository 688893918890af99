"""An engine on other machines: whatever speaks OpenAI's chat completions, behind one small transport."""

import logging
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any, Final, Protocol

from llm_twin_assets.serving import choosing
from llm_twin_assets.serving.completion_stream import Chunks
from llm_twin_assets.serving.engine import BrokenModel, Candidate, EngineDown, Sampling, Usage
from llm_twin_assets.serving.replicas import Refused
from llm_twin_assets.serving.token_counts import TokenCounts

log = logging.getLogger(__name__)

PROBE: Final = "Who are you?"
PROBED_TOKENS: Final = 4
# A choice in JSON, however a server lays it out.
REPLY_TOKENS: Final = 64
CHOICE_TURNS: Final = 2
# The statuses of a server that does not take the schema, or the length, of a request.
FORM_REFUSED: Final = (400, 422)
NOTHING: Final = Usage(0, 0)


class Transport(Protocol):
    """How requests reach the servers and name an adapter there; bodies are OpenAI's but for `model`."""

    def load(self, adapter: str, folder: str) -> None:
        """Make an adapter answerable; raises BrokenModel or EngineDown with the server's words."""

    def unload(self, adapter: str) -> None:
        """Take an adapter away once its last request has ended."""

    def stream(self, adapter: str, body: dict[str, Any]) -> Chunks:
        """The chunks of one completion; closing it ends the request. Raises EngineDown."""

    def probe(self, adapter: str, body: dict[str, Any]) -> None:
        """Let every server that answers for the adapter do so; raises EngineDown."""

    def close(self) -> None:
        """End what is being answered, with EngineDown."""


class RemoteEngine:
    """The Engine protocol over a transport.

    Free text is streamed. For a grounded answer the model is shown the candidates with numbers and may
    only choose among them (choosing.py); it is told once it is whole.
    """

    def __init__(self, transport: Transport, context: int) -> None:
        self._transport, self._context = transport, context
        self._counts: dict[str, TokenCounts] = {}

    @property
    def adapters(self) -> set[str]:
        """The names of the adapters that can answer."""
        return set(self._counts)

    @property
    def context(self) -> int:
        """How many tokens prompt and answer may have together: as LLM_TWIN_ENGINE_CONTEXT says."""
        return self._context

    def load(self, adapter: str, folder: str) -> None:
        """Put an adapter beside those there are; raises BrokenModel, EngineDown, OSError."""
        if adapter not in self._counts:
            counts = TokenCounts(folder)
            self._transport.load(adapter, folder)
            self._counts[adapter] = counts

    def unload(self, adapter: str) -> None:
        """Forget an adapter; what still answers with it does so to the end."""
        if self._counts.pop(adapter, None):
            self._transport.unload(adapter)

    def probe(self, adapter: str) -> None:
        """Let every server say a few tokens; raises BrokenModel where one does not know the adapter."""
        body = _body([_user(PROBE)], temperature=0.0, max_tokens=PROBED_TOKENS)
        try:
            self._transport.probe(adapter, body)
        except Refused as error:
            raise BrokenModel(str(error)) from None

    def room(self, adapter: str, message: str) -> int:
        """How many tokens an answer to this message may have (see token_counts.py)."""
        return self._context - self._of(adapter).of_prompt(message)

    def quote(
        self,
        adapter: str,
        message: str,
        candidates: Sequence[Candidate],
        limit: int,
        max_sentences: int,
        tell: Callable[[int], None],
    ) -> Usage:
        """Let the model choose candidates by number; where it does not, they are chosen by prior alone."""
        counts = self._of(adapter)
        sizes = [counts.of_text(one.text) for one in candidates]
        among = choosing.allowed(candidates, sizes, limit)
        shown = choosing.shown(candidates, sizes, among, self.room(adapter, message))
        texts = [candidates[at].text for at in shown]
        # Where there is nothing to choose, nobody is asked.
        picks, usage = (
            self._chosen(adapter, message, texts, max_sentences) if len(texts) > 1 else (None, NOTHING)
        )
        said = (
            choosing.by_prior(candidates, among, max_sentences)
            if picks is None
            else choosing.ordered([shown[at] for at in picks], candidates)
        )
        kept = choosing.within(said, sizes, limit)
        for at in kept:
            tell(at)
        return replace(usage, cut=len(kept) < len(said))

    def speak(self, adapter: str, message: str, sampling: Sampling, emit: Callable[[str], None]) -> Usage:
        """Say what the model samples, until it ends, the limit or a stop string."""
        if sampling.limit < 1:
            return Usage(0, 0, cut=True)
        drawing: dict[str, Any] = {"top_p": sampling.top_p, "seed": sampling.seed}
        if sampling.stop:
            drawing["stop"] = list(sampling.stop)
        messages = [_user(self._of(adapter).without_marks(message))]
        body = _body(messages, sampling.temperature, sampling.limit) | drawing
        return self._answer(adapter, body, emit)[1]

    def close(self) -> None:
        """End what is being generated with EngineDown."""
        self._transport.close()

    def _of(self, adapter: str) -> TokenCounts:
        try:
            return self._counts[adapter]
        except KeyError:
            raise EngineDown(f"the adapter {adapter} is not loaded") from None

    def _chosen(
        self, adapter: str, message: str, texts: Sequence[str], max_sentences: int
    ) -> tuple[list[int] | None, Usage]:
        """Positions among the texts, None where the model does not choose as asked."""
        asked = choosing.instructed(message, texts, max_sentences)
        messages = [_user(self._of(adapter).without_marks(asked))]
        usage = NOTHING
        for _ in range(CHOICE_TURNS):
            body = _body(messages, temperature=0.0, max_tokens=REPLY_TOKENS)
            body["response_format"] = choosing.form(len(texts), max_sentences)
            try:
                reply, took = self._answer(adapter, body, lambda _: None)
                usage = _sum(usage, took)
                return choosing.picked(reply, len(texts), max_sentences), usage
            except choosing.Unusable as error:
                messages = [*messages, *choosing.repair(reply, str(error))]
            except Refused as error:
                if error.status not in FORM_REFUSED:
                    raise
                log.warning("sentences are chosen without the model, for %s", error)
                break
        return None, usage

    def _answer(self, adapter: str, body: dict[str, Any], emit: Callable[[str], None]) -> tuple[str, Usage]:
        """The whole text, emitted as it comes; counted here where the server does not say what it took."""
        counts, said, usage, cut = self._of(adapter), "", None, False
        with closing(self._transport.stream(adapter, body)) as chunks:
            for chunk in chunks:
                cut = cut or chunk.finish == "length"
                usage = chunk.usage or usage
                piece = chunk.text if said else chunk.text.lstrip()
                if piece:
                    said += piece
                    emit(piece)
        if usage is None:
            read = sum(counts.of_prompt(one["content"]) for one in body["messages"])
            usage = Usage(read, counts.of_text(said))
        return said, Usage(usage.prompt_tokens, usage.completion_tokens, cut)


def _user(message: str) -> dict[str, str]:
    return {"role": "user", "content": message}


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(one.prompt_tokens + other.prompt_tokens, one.completion_tokens + other.completion_tokens)


def _body(messages: list[dict[str, str]], temperature: float, max_tokens: int) -> dict[str, Any]:
    return {
        "messages": messages,
        "temperature": temperature,
        "max_tokens": max_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
