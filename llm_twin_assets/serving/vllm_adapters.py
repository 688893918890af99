"""Adapters on vLLM servers: each under a name of its own for ever, on every replica, until nobody uses it.

The servers need --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True; the routes that load are as
open as the API, so keep them on a private network.
API: https://docs.vllm.ai/en/latest/features/lora/#dynamically-serving-lora-adapters
"""

import json
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import PurePosixPath
from typing import Any, Final

from llm_twin_assets.serving.completion_stream import Chunks
from llm_twin_assets.serving.engine import BrokenModel, EngineDown
from llm_twin_assets.serving.replicas import Refused, Replica, Replicas, Unreachable

log = logging.getLogger(__name__)

LIST_SECONDS: Final = 10.0
LOAD_SECONDS: Final = 120.0


def name_of(adapter: str) -> str:
    """The adapter's name at a server: by its content, so one name never stands for two adapters."""
    return f"llm-twin-{adapter}"


class VllmAdapters:
    """A transport that keeps the same adapters on every replica (see remote_engine.Transport).

    A replica that was away gets what it lacks before it is asked again. `model`: the base's name at the
    servers; `root`: the base's folder, where it is one of ours, whose name must then be the servers' too.
    `seen`: a local folder as the servers see it.
    """

    def __init__(
        self,
        replicas: Callable[[Callable[[Replica], None]], Replicas],
        model: str,
        root: str | None,
        seen: Callable[[str], str],
    ) -> None:
        self._replicas = replicas(self._restore)
        self._model, self._root, self._seen = model, root, seen
        self._folders: dict[str, str] = {}
        self._leaving: set[str] = set()
        self._in_flight: Counter[str] = Counter()
        self._lock = threading.Lock()
        # Held while replicas are changed; `_lock` may be taken inside it, never the other way round.
        self._changing = threading.Lock()

    def load(self, adapter: str, folder: str) -> None:
        """Load an adapter on every replica that can be reached; the others get it when they are back.

        Raises BrokenModel with the server's words where one refuses it, EngineDown where one fails to
        answer or none can be reached.
        """
        with self._changing:
            with self._lock:
                self._leaving.discard(adapter)
            brought = [
                self._brought(replica, {adapter: self._seen(folder)}) for replica in self._replicas.all
            ]
            if all(brought):
                raise EngineDown("; ".join(map(str, brought)))
            with self._lock:
                self._folders[adapter] = self._seen(folder)

    def unload(self, adapter: str) -> None:
        """Let nobody ask for an adapter any more, and unload it once the last request for it has ended."""
        with self._lock:
            self._leaving.add(adapter)
        self._leave(adapter)

    def stream(self, adapter: str, body: dict[str, Any]) -> Chunks:
        """The answer of that adapter, from one replica; raises EngineDown."""
        with (
            self._used(adapter),
            closing(self._replicas.stream(body | {"model": name_of(adapter)})) as chunks,
        ):
            yield from chunks

    def probe(self, adapter: str, body: dict[str, Any]) -> None:
        """Let the adapter answer on every replica, each looked at for what it lacks; raises EngineDown."""
        with self._used(adapter):
            self._replicas.everywhere(body | {"model": name_of(adapter)})

    def close(self) -> None:
        """End what is being answered. The adapters stay: another process may be asking for them."""
        self._replicas.close()

    @contextmanager
    def _used(self, adapter: str) -> Iterator[None]:
        with self._lock:
            if adapter not in self._folders or adapter in self._leaving:
                raise EngineDown(f"the adapter {adapter} is not loaded")
            self._in_flight[adapter] += 1
        try:
            yield
        finally:
            with self._lock:
                self._in_flight[adapter] -= 1
                leaving = adapter in self._leaving
            if leaving:
                self._leave(adapter)

    def _leave(self, adapter: str) -> None:
        """Take an adapter that is leaving off the replicas, unless a request still runs."""
        with self._changing:
            with self._lock:
                if adapter not in self._leaving or self._in_flight[adapter]:
                    return
                self._leaving.discard(adapter)
                self._in_flight.pop(adapter, None)
                self._folders.pop(adapter, None)
            for replica in self._replicas.all:
                self._unload_from(replica, adapter)

    def _brought(self, replica: Replica, folders: dict[str, str]) -> Unreachable | None:
        try:
            self._bring(replica, folders)
        except Unreachable as error:
            return error
        return None

    def _restore(self, replica: Replica) -> None:
        with self._changing:
            with self._lock:
                folders = dict(self._folders)
            self._bring(replica, folders)

    def _bring(self, replica: Replica, folders: dict[str, str]) -> None:
        """Load what a replica lacks of these adapters."""
        listed = self._listed(replica)
        self._check_base(replica, listed)
        for adapter, folder in folders.items():
            if name_of(adapter) not in listed:
                self._load_on(replica, name_of(adapter), folder)

    def _load_on(self, replica: Replica, name: str, folder: str) -> None:
        wanted = {"lora_name": name, "lora_path": folder}
        try:
            self._replicas.call(replica, "POST", "load_lora_adapter", wanted, LOAD_SECONDS)
        except Refused as error:
            # Another server process of ours may have been first.
            if name not in self._listed(replica):
                raise BrokenModel(
                    f"{error}; adapters need --enable-lora, VLLM_ALLOW_RUNTIME_LORA_UPDATING=True and, "
                    "where the folder lies elsewhere at the server, LLM_TWIN_ENGINE_HOME"
                ) from None
        else:
            log.info("%s has loaded %s", replica.named, name)

    def _unload_from(self, replica: Replica, adapter: str) -> None:
        name = name_of(adapter)
        try:
            self._replicas.call(replica, "POST", "unload_lora_adapter", {"lora_name": name}, LOAD_SECONDS)
        except EngineDown as error:
            # Its name is never used for anything else, so it does no harm where it stays.
            log.warning("%s was not unloaded: %s", name, error)

    def _listed(self, replica: Replica) -> dict[str, dict[str, Any]]:
        """The models of a server by name, adapters among them."""
        answer = self._replicas.call(replica, "GET", "models", None, LIST_SECONDS)
        try:
            return {str(card["id"]): card for card in json.loads(answer)["data"]}
        except (ValueError, LookupError, TypeError):
            raise EngineDown(f"{replica.named} answers what is no list of models") from None

    def _check_base(self, replica: Replica, listed: dict[str, dict[str, Any]]) -> None:
        """An adapter on another base than its own would answer, and senselessly."""
        card = listed.get(self._model)
        if card is None:
            raise BrokenModel(f"{replica.named} has no model {self._model}: mend LLM_TWIN_ENGINE_MODEL")
        if self._root and PurePosixPath(str(card.get("root"))).name != PurePosixPath(self._root).name:
            raise BrokenModel(
                f"{replica.named} serves the base {card.get('root')}, "
                f"but this release was tuned on {self._root}: start the server with that"
            )
