"""What the server answers with: it follows the desired releases and the live index by itself."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from llm_twin_assets.retrieval.search import Searcher
from llm_twin_assets.serving.decoding import Decoding
from llm_twin_assets.serving.engine import BrokenModel, Engine, LoadedTwin
from resources.models import Model, ModelStore, weights_hash
from resources.releases import Manifest, Releases

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 0.5
# A release that could not be loaded is tried again, for its files may have been on their way.
RETRY_SECONDS: Final = 10.0


class NotServed(LookupError):
    """A twin was asked for that is not in service (`known` False), or not yet (`known` True)."""

    def __init__(self, twin: str, known: bool) -> None:
        self.known = known
        said = f"twin {twin!r} is still being loaded" if known else f"there is no twin {twin!r} in service"
        super().__init__(said)


@dataclass
class Served:
    """What one twin serves now, and what stands in the way of what it should serve."""

    desired: str
    loaded: LoadedTwin | None = None
    error: str | None = None
    tried_at: float = 0.0

    @property
    def release_id(self) -> str | None:
        """The release that answers now."""
        return self.loaded.manifest.release_id if self.loaded else None


@dataclass
class Serving:
    """Loads a new release beside the old one, probes it, switches, and unloads what nobody uses.

    One thread changes what is served; any number may borrow it.
    """

    releases: Releases
    models: ModelStore
    searcher: Searcher
    index_id: str | None = None
    index_error: str | None = "not looked at yet"
    _twins: dict[str, Served] = field(default_factory=dict)
    _engines: dict[tuple[str, str, str], Engine] = field(default_factory=dict)
    _borrowed: dict[int, int] = field(default_factory=dict)
    _retired: list[LoadedTwin] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopping: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def borrowed(self, twin: str) -> Iterator[LoadedTwin]:
        """What a twin serves now; it stays loaded while it is borrowed. Raises NotServed."""
        with self._lock:
            served = self._twins.get(twin)
            if served is None or served.loaded is None:
                raise NotServed(twin, known=served is not None)
            loaded = served.loaded
            self._borrowed[id(loaded)] = self._borrowed.get(id(loaded), 0) + 1
        try:
            yield loaded
        finally:
            with self._lock:
                self._borrowed[id(loaded)] -= 1

    def twins(self) -> dict[str, LoadedTwin]:
        """Every twin that can be asked now."""
        with self._lock:
            return {name: served.loaded for name, served in self._twins.items() if served.loaded}

    def ready(self) -> dict[str, Any]:
        """Whether all desired releases serve, and how each twin stands."""
        with self._lock:
            twins = {
                name: {
                    "release_id": served.release_id,
                    "desired": served.desired,
                    "index_id": self.index_id,
                    "error": served.error,
                }
                for name, served in sorted(self._twins.items())
            }
        serves = all(one["release_id"] == one["desired"] for one in twins.values())
        return {
            "ready": serves and self.index_error is None,
            "index_id": self.index_id,
            "error": self.index_error,
            "twins": twins,
        }

    def follow(self) -> None:
        """Look, load and switch until `stop` is called; for a thread of its own."""
        while not self._stopping.is_set():
            self.step()
            self._stopping.wait(POLL_SECONDS)

    def stop(self) -> None:
        """End `follow` after the step it is in."""
        self._stopping.set()

    def step(self) -> None:
        """Once: switch to the live index and to each twin's desired release."""
        try:
            self._follow_index()
            self._follow_releases(self.releases.everything_desired())
        except Exception as error:
            # Whatever it was, what is loaded goes on answering, and the next look may do better.
            log.exception("could not look at what should be served")
            self.index_error = _said(error)

    def _follow_index(self) -> None:
        live = self.searcher.vectors.live()
        if live is not None and live != self.index_id:
            # Opens the index and loads the embedder before the first question does; they may not match.
            self.searcher.open(live)
            log.info("index %s is live", live)
            self.index_id = live
        self.index_error = None if self.index_id else "no index is live: run `llm-twin run`"

    def _follow_releases(self, desired: dict[str, str]) -> None:
        with self._lock:
            for gone in set(self._twins) - set(desired):
                self._retire(self._twins.pop(gone).loaded)
            for twin, release_id in desired.items():
                served = self._twins.setdefault(twin, Served(release_id))
                if served.desired != release_id:
                    served.desired, served.error = release_id, None
        for twin in desired:
            self._bring(twin, self._twins[twin])
        self._unload_unused()

    def _bring(self, twin: str, served: Served) -> None:
        if served.release_id == served.desired:
            served.error = None
            return
        if served.error and time.monotonic() - served.tried_at < RETRY_SECONDS:
            return
        try:
            loaded = self._load(served.desired, self.releases.manifest(twin, served.desired))
        except Exception as error:
            # One broken release must not take the others, or its own predecessor, out of service.
            log.exception("release %s of twin %s cannot be served", served.desired, twin)
            served.error, served.tried_at = _said(error), time.monotonic()
            return
        with self._lock:
            self._retire(served.loaded)
            served.loaded, served.error = loaded, None
        log.info("twin %s serves release %s", twin, served.desired)

    def _load(self, release_id: str, manifest: Manifest) -> LoadedTwin:
        base = self.models.location(Model(manifest.base, "", manifest.base_folder))
        adapter = self.models.location(Model(manifest.adapter, "", manifest.adapter_folder))
        _check_untouched(release_id, manifest, base, adapter)
        key = (manifest.base, manifest.base_folder, manifest.base_revision)
        engine = self._engines.get(key) or Engine(base, manifest.base_revision)
        loaded = LoadedTwin(manifest, Decoding(**manifest.decoding), engine)
        engine.load(manifest.adapter, adapter)
        loaded.probe()
        self._engines[key] = engine
        return loaded

    def _retire(self, loaded: LoadedTwin | None) -> None:
        if loaded is not None:
            self._retired.append(loaded)

    def _unload_unused(self) -> None:
        """Let go of what was replaced and is borrowed by nobody any more."""
        with self._lock:
            free = [one for one in self._retired if not self._borrowed.get(id(one))]
            self._retired = [one for one in self._retired if self._borrowed.get(id(one))]
            for one in free:
                self._borrowed.pop(id(one), None)
            needed = [s.loaded for s in self._twins.values() if s.loaded] + self._retired
        self._keep_only({(id(one.engine), one.manifest.adapter) for one in needed})

    def _keep_only(self, needed: set[tuple[int, str]]) -> None:
        used = {engine for engine, _ in needed}
        self._engines = {key: engine for key, engine in self._engines.items() if id(engine) in used}
        for engine in self._engines.values():
            for adapter in engine.adapters:
                if (id(engine), adapter) not in needed:
                    engine.unload(adapter)


def _check_untouched(release_id: str, manifest: Manifest, base: str, adapter: str) -> None:
    """A release is named by its content, so what does not match its name is not that release."""
    if manifest.release_id != release_id:
        raise BrokenModel(
            f"the manifest of release {release_id} was changed: its hash is {manifest.release_id}"
        )
    for folder in (adapter, base) if manifest.base_folder.startswith("models/") else (adapter,):
        if not Path(folder).is_dir():
            raise BrokenModel(f"the model folder {folder} does not exist")
    if weights_hash(Path(adapter)) != manifest.adapter:
        raise BrokenModel(f"the files in {adapter} are not those that were evaluated: their hash differs")


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
