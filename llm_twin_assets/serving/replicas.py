"""Several OpenAI-compatible servers that are copies of each other: who is asked, and who when one is down."""

import itertools
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from llm_twin_assets.serving.completion_stream import Chunk, Chunks, StreamFault, chunks
from llm_twin_assets.serving.engine import BrokenModel, EngineDown
from resources.openai_server import excerpt, headers, host, versioned

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS: Final = 5.0
# Between two pieces of an answer, and before the first.
READ_SECONDS: Final = 60.0
# How long a replica that could not be reached is left in peace while others can.
REST_SECONDS: Final = 2.0
# Shorter than servers keep an idle connection, so that none is used in the moment it is closed.
IDLE_SECONDS: Final = 3.0
MOST_ANSWER_BYTES: Final = 4_000_000
ADVICE: Final = {
    401: "mend LLM_TWIN_ENGINE_API_KEY",
    403: "mend LLM_TWIN_ENGINE_API_KEY",
    404: "mend LLM_TWIN_ENGINE_MODEL or LLM_TWIN_ENGINE_URLS",
}


class Refused(EngineDown):
    """A server took the request for wrong; another would too."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Unanswered(EngineDown):
    """This replica gave no answer; another may."""


class Unreachable(Unanswered):
    """This replica cannot be connected to, or broke the connection."""


@dataclass
class Replica:
    """A server by its base address; `stale`: it was away, and may have lost what it was given."""

    url: str
    resting_until: float = 0.0
    stale: bool = False

    @property
    def named(self) -> str:
        """For messages."""
        return f"the engine at {host(self.url)}"

    def rest(self) -> None:
        """Leave it in peace for a while."""
        self.resting_until = time.monotonic() + REST_SECONDS
        self.stale = True


class Replicas:
    """Asks one after the other in turn; a request that got no token yet goes on to the next.

    `renew` is called before a replica that was away is asked again, and where one does not know the
    model; it raises EngineDown or BrokenModel where the replica cannot be used.
    """

    def __init__(
        self,
        urls: Sequence[str],
        api_key: str,
        renew: Callable[[Replica], None] | None = None,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        import httpx

        self.all = [Replica(versioned(url)) for url in urls]
        self._key = api_key
        self._renew = renew
        self._turn = itertools.count()
        self._lock = threading.Lock()
        self._closed = False
        self._running: dict[object, httpx.Response | None] = {}
        self._client = httpx.Client(
            headers=headers(api_key, "LLM_TWIN_ENGINE_API_KEY"),
            timeout=httpx.Timeout(read_seconds, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=None, keepalive_expiry=IDLE_SECONDS),
        )

    def stream(self, body: dict[str, Any]) -> Chunks:
        """The answer to a chat completion, piece by piece; closing it ends the request.

        Raises EngineDown where no replica answers, or one stops in the middle.
        """
        error = EngineDown("the engine is closed")
        for replica in self._order():
            try:
                first, rest = self._begun(replica, body)
                break
            except Unanswered as this:
                error = this
        else:
            raise error
        with closing(rest):
            yield from first
            yield from rest

    def everywhere(self, body: dict[str, Any]) -> None:
        """Let each replica that can be reached answer to the end; raises EngineDown where one does not."""
        errors = []
        for replica in self.all:
            replica.stale = True
            try:
                _, rest = self._begun(replica, body)
                for _ in rest:
                    pass
            except Unreachable as error:
                errors.append(error)
        if len(errors) == len(self.all):
            raise errors[0]

    def call(
        self, replica: Replica, method: str, path: str, body: dict[str, Any] | None, seconds: float
    ) -> str:
        """What one replica answers to a request that is no completion; raises Refused or Unanswered."""
        with closing(self._exchange(replica, method, path, body, seconds)) as pieces:
            return _bounded(pieces).decode(errors="replace")

    def close(self) -> None:
        """End what is being answered with EngineDown, and let go of the connections."""
        with self._lock:
            self._closed = True
            running = list(self._running.values())
        for response in running:
            if response is not None:
                _cut(response)
        self._let_go()

    def _order(self) -> list[Replica]:
        """Whose turn it is and the others after; those that rest come last."""
        if self._closed:
            return []
        turn, now = next(self._turn) % len(self.all), time.monotonic()
        rotated = self.all[turn:] + self.all[:turn]
        return sorted(rotated, key=lambda replica: replica.resting_until > now)

    def _begun(self, replica: Replica, body: dict[str, Any]) -> tuple[list[Chunk], Chunks]:
        """The chunks up to the first that says something, and the rest."""
        if replica.stale:
            self._renewed(replica)
        try:
            return self._first(replica, body)
        except Refused as error:
            if error.status != 404 or self._renew is None:
                raise
        self._renewed(replica)
        return self._first(replica, body)

    def _renewed(self, replica: Replica) -> None:
        try:
            if self._renew is not None:
                self._renew(replica)
        except Unanswered:
            raise
        except (EngineDown, BrokenModel) as error:
            replica.rest()
            raise Unanswered(str(error)) from None
        replica.stale = False

    def _first(self, replica: Replica, body: dict[str, Any]) -> tuple[list[Chunk], Chunks]:
        rest, first = self._chunks(replica, body), []
        for chunk in rest:
            first.append(chunk)
            if chunk.text or chunk.finish:
                break
        return first, rest

    def _chunks(self, replica: Replica, body: dict[str, Any]) -> Chunks:
        pieces = self._exchange(replica, "POST", "chat/completions", body)
        try:
            with closing(pieces):
                yield from chunks(pieces)
        except StreamFault as fault:
            raise Unanswered(f"{replica.named} failed: {excerpt(str(fault), self._key)}") from None

    def _exchange(
        self,
        replica: Replica,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        seconds: float | None = None,
    ) -> Generator[bytes, None, None]:
        """The bytes of a good answer; whatever else there is becomes Refused, Unanswered or EngineDown."""
        import httpx

        allowed: Any = {} if seconds is None else {"timeout": httpx.Timeout(seconds, connect=CONNECT_SECONDS)}
        this = object()
        with self._lock:
            if self._closed:
                raise EngineDown("the engine is closed")
            self._running[this] = None
        try:
            with self._client.stream(method, f"{replica.url}/{path}", json=body, **allowed) as response:
                self._running[this] = response
                if response.status_code != 200:
                    raise self._refusal(replica, response.status_code, _bounded(response.iter_bytes()))
                yield from response.iter_bytes()
        except httpx.HTTPError as error:
            raise self._broken(replica, error) from None
        finally:
            with self._lock:
                del self._running[this]
            if self._closed:
                self._let_go()

    def _broken(self, replica: Replica, error: "httpx.HTTPError") -> EngineDown:
        import httpx

        if self._closed:
            return EngineDown("the engine was closed")
        replica.rest()
        kind = type(error).__name__
        # A server that is silent has the request, and would do it a second time beside another.
        if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
            return EngineDown(f"{replica.named} is silent ({kind})")
        return Unreachable(f"{replica.named} cannot be reached ({kind}): is it running?")

    def _refusal(self, replica: Replica, status: int, content: bytes) -> EngineDown:
        said = f"{replica.named} answers {status} ({excerpt(content.decode(errors='replace'), self._key)})"
        if status == 429 or status >= 500:
            return Unanswered(said)
        return Refused(f"{said}: {ADVICE[status]}" if status in ADVICE else said, status)

    def _let_go(self) -> None:
        # Closing a connection under a thread that reads from it could let it read another's.
        with self._lock:
            if not self._running:
                self._client.close()


class OneModel:
    """Servers without adapters: one model answers for every twin, whose voice comes from the prompt alone."""

    def __init__(self, replicas: Replicas, model: str) -> None:
        self._replicas, self._model = replicas, model

    def load(self, adapter: str, folder: str) -> None:
        """There is nothing to load."""

    def unload(self, adapter: str) -> None:
        """There is nothing to unload."""

    def stream(self, adapter: str, body: dict[str, Any]) -> Chunks:
        """The model's answer; raises EngineDown."""
        return self._replicas.stream(body | {"model": self._model})

    def probe(self, adapter: str, body: dict[str, Any]) -> None:
        """Let every server answer; raises EngineDown."""
        self._replicas.everywhere(body | {"model": self._model})

    def close(self) -> None:
        """End what is being answered."""
        self._replicas.close()


def _bounded(pieces: Iterator[bytes]) -> bytes:
    content = b""
    for piece in pieces:
        content += piece
        if len(content) > MOST_ANSWER_BYTES:
            break
    return content


def _cut(response: "httpx.Response") -> None:
    """Wake the thread that reads from this response with an error."""
    stream = response.extensions["network_stream"]
    with suppress(OSError):
        stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
