"""Readers: several clients that ask the server at once, over HTTP, and say what they think of an answer."""

import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from llm_twin_assets.replay.stream import Ask, Said
from llm_twin_assets.replay.timeline import shortened

CLIENTS: Final = 8
ASK_SECONDS: Final = 120.0


@dataclass(frozen=True)
class Reply:
    """What a reader got; `error` says why there is no answer, "" where there is one.

    cited: the titles of the documents that it quotes, each once. milliseconds: as the reader measured it.
    """

    question: str
    answer: str = ""
    cited: list[str] = field(default_factory=list)
    declined: bool = False
    trace_id: str = ""
    release_id: str = ""
    milliseconds: float = 0.0
    error: str = ""


class Readers:
    """Ask one twin of the server at an address; opened and closed as a context."""

    def __init__(self, url: str, token: str, twin: str, clients: int = CLIENTS) -> None:
        import httpx

        # No proxy of the environment, and no certificates: this machine talks to itself.
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=ASK_SECONDS,
            trust_env=False,
            verify=False,
        )
        self._pool = ThreadPoolExecutor(clients)
        self._twin = twin

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._http.close()

    def ask(self, asked: Sequence[Ask]) -> list[Reply]:
        """The replies to questions that are asked together, in the questions' order."""
        return list(self._pool.map(self._one, asked))

    def judge(self, reply: Reply, said: Said) -> str:
        """Say what a reader thinks of a reply; returns why the server refused it, "" where it did not."""
        import httpx

        if not reply.trace_id:
            return "there was no answer"
        body = {"trace_id": reply.trace_id} | said.model_dump(exclude_none=True)
        try:
            response = self._http.post("/feedback", json=body)
            return "" if response.is_success else str(response.json()["error"]["message"])
        except (httpx.HTTPError, ValueError) as error:
            return f"{type(error).__name__}: {error}"

    def served(self) -> tuple[str, str]:
        """The release and the index that the server answers from, "" where it has none or is away."""
        import httpx

        try:
            told = self._http.get("/readyz").json()
        except (httpx.HTTPError, ValueError):
            return "", ""
        stands = told["twins"].get(self._twin, {})
        return stands.get("release_id") or "", told["index_id"] or ""

    def _one(self, one: Ask) -> Reply:
        import httpx

        body: dict[str, Any] = {
            "model": self._twin,
            "messages": [{"role": "user", "content": one.ask}],
            "metadata": {"thread_id": one.thread} if one.thread else {},
        }
        started = time.perf_counter()
        try:
            response = self._http.post("/v1/chat/completions", json=body)
            told = response.json()
        except (httpx.HTTPError, ValueError) as error:
            return Reply(one.ask, error=f"{type(error).__name__}: {error}")
        if response.status_code != 200:
            return Reply(one.ask, error=str(told["error"]["message"]))
        return _reply(one.ask, told, (time.perf_counter() - started) * 1000)


def summary(replies: Sequence[Reply]) -> tuple[str, dict[str, Any]]:
    """Several replies in words and in numbers."""
    failed = [reply.error for reply in replies if reply.error]
    times = [reply.milliseconds for reply in replies if not reply.error]
    numbers = {
        "questions": len(replies),
        "declined": sum(reply.declined for reply in replies),
        "failed": len(failed),
        "median_ms": round(statistics.median(times), 1) if times else None,
    }
    said = f"{len(replies)} questions: {numbers['declined']} declined, {len(failed)} failed"
    more = f" ({shortened(failed[0])})" if failed else f", median {numbers['median_ms']:.0f} ms"
    return said + more, numbers


def _reply(question: str, told: dict[str, Any], milliseconds: float) -> Reply:
    return Reply(
        question,
        answer=told["choices"][0]["message"]["content"],
        cited=list(dict.fromkeys(one["title"] for one in told["citations"])),
        declined=told["declined"],
        trace_id=told["trace_id"],
        release_id=told["release_id"],
        milliseconds=milliseconds,
    )
