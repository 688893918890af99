"""What the server answers with: it follows the desired releases and the live index by itself."""

import contextlib
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from llm_twin_assets.retrieval.search import Searcher
from llm_twin_assets.serving.arms import arm_of
from llm_twin_assets.serving.decoding import Decoding
from llm_twin_assets.serving.engine import BrokenModel, Engine, LoadedTwin
from llm_twin_assets.serving.local_engine import LocalEngine
from llm_twin_assets.serving.served import Borrowed, NotServed, Served, Trial
from resources.models import Model, ModelStore, weights_hash
from resources.places import is_remote
from resources.releases import Canary, Desired, Manifest, Releases

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 0.5
# Every look at a home in S3 is a few requests that are paid for.
REMOTE_SECONDS: Final = 5.0
# A release that could not be loaded is tried again, for its files may have been on their way.
RETRY_SECONDS: Final = 10.0


@dataclass
class Serving:
    """Loads a new release beside the old one, probes it, switches, and unloads what nobody uses.

    One thread changes what is served; any number may borrow it.
    """

    releases: Releases
    models: ModelStore
    searcher: Searcher
    open_engine: Callable[[str, str], Engine] = LocalEngine
    index_id: str | None = None
    index_error: str | None = "not looked at yet"
    _twins: dict[str, Served] = field(default_factory=dict)
    _trials: dict[str, Trial] = field(default_factory=dict)
    _engines: dict[tuple[str, str, str], Engine] = field(default_factory=dict)
    _borrowed: dict[int, int] = field(default_factory=dict)
    _retired: list[LoadedTwin] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopping: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def borrowed(
        self, twin: str, thread_id: str | None = None, release_id: str | None = None
    ) -> Iterator[Borrowed]:
        """What answers a conversation of a twin now; it stays loaded while it is borrowed. Raises NotServed.

        Whoever names a release gets that one, the champion or the canary, and counts for no arm.
        """
        with self._lock:
            found = self._named(twin, release_id) if release_id else self._chosen(twin, thread_id)
            self._borrowed[id(found.loaded)] = self._borrowed.get(id(found.loaded), 0) + 1
        try:
            yield found
        finally:
            with self._lock:
                self._borrowed[id(found.loaded)] -= 1

    def _named(self, twin: str, release_id: str) -> Borrowed:
        if twin not in self._twins:
            raise NotServed(twin, known=False)
        for served in (self._twins[twin], self._trials.get(twin)):
            if served and served.loaded and served.release_id == release_id:
                return Borrowed(served.loaded)
        raise NotServed(twin, known=True, release_id=release_id)

    def _chosen(self, twin: str, thread_id: str | None) -> Borrowed:
        served, trial = self._twins.get(twin), self._trials.get(twin)
        if served is None or served.loaded is None:
            raise NotServed(twin, known=served is not None)
        if trial is None or trial.loaded is None:
            return Borrowed(served.loaded)
        arm = arm_of(twin, trial.desired, trial.share, thread_id or uuid.uuid4().hex)
        return Borrowed(trial.loaded if arm == "canary" else served.loaded, arm)

    def twins(self) -> dict[str, LoadedTwin]:
        """Every twin that can be asked now."""
        with self._lock:
            return {name: served.loaded for name, served in self._twins.items() if served.loaded}

    def ready(self) -> dict[str, Any]:
        """Whether every champion serves, and how each twin stands, its canary included."""
        with self._lock:
            canaries = {name: trial.told() for name, trial in self._trials.items()}
            twins = {
                name: served.told() | {"index_id": self.index_id, "canary": canaries.get(name)}
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
            self._stopping.wait(REMOTE_SECONDS if is_remote(self.models.home) else POLL_SECONDS)

    def stop(self) -> None:
        """End `follow` after the step it is in."""
        self._stopping.set()

    def close(self) -> None:
        """Let go of every engine, once nothing follows and nothing is borrowed any more."""
        for engine in self._engines.values():
            engine.close()
        self._engines.clear()

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

    def _follow_releases(self, desired: dict[str, Desired]) -> None:
        with self._lock:
            for gone in set(self._twins) - set(desired):
                self._retire(self._twins.pop(gone).loaded)
                self._follow_canary(gone, None)
            for twin, state in desired.items():
                self._follow_champion(twin, state.release_id)
                self._follow_canary(twin, state.canary)
        for served in (self._twins, self._trials):
            for twin, one in list(served.items()):
                self._bring(twin, one)
        self._unload_unused()

    def _follow_champion(self, twin: str, release_id: str) -> None:
        """What a twin should serve from now on; a canary that becomes the champion is loaded already."""
        served, trial = self._twins.setdefault(twin, Served(release_id)), self._trials.get(twin)
        if served.desired != release_id:
            served.desired, served.error = release_id, None
        if trial and trial.loaded and trial.desired == release_id != served.release_id:
            self._retire(served.loaded)
            served.loaded = trial.loaded
            log.info("the canary %s of twin %s is its champion", release_id, twin)

    def _follow_canary(self, twin: str, canary: Canary | None) -> None:
        """A canary that ended answers nobody from this moment on."""
        trial = self._trials.get(twin)
        if trial and (canary is None or canary.release_id != trial.desired):
            self._retire(self._trials.pop(twin).loaded)
            log.info("release %s of twin %s is no canary any more", trial.desired, twin)
        if canary:
            self._trials.setdefault(twin, Trial(canary.release_id)).share = canary.share

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
        log.info("release %s of twin %s is loaded", served.desired, twin)

    def _load(self, release_id: str, manifest: Manifest) -> LoadedTwin:
        base = self.models.location(Model(manifest.base, "", manifest.base_folder))
        adapter = self.models.location(Model(manifest.adapter, "", manifest.adapter_folder))
        _check_untouched(release_id, manifest, base, adapter)
        key = (manifest.base, manifest.base_folder, manifest.base_revision)
        engine = self._engines.get(key) or self.open_engine(base, manifest.base_revision)
        loaded = LoadedTwin(manifest, Decoding(**manifest.decoding), engine)
        try:
            engine.load(manifest.adapter, adapter)
            loaded.probe()
        except Exception:
            if key not in self._engines:
                engine.close()
            raise
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
            serving = [*self._twins.values(), *self._trials.values()]
            needed = [one.loaded for one in serving if one.loaded] + self._retired
        self._keep_only({(id(one.engine), one.manifest.adapter) for one in needed})

    def _keep_only(self, needed: set[tuple[int, str]]) -> None:
        used = {engine for engine, _ in needed}
        for key, engine in list(self._engines.items()):
            if id(engine) not in used:
                del self._engines[key]
                engine.close()
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
