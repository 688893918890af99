"""The stage of a replay: a copy of the home with its own history, server and traces.

Nothing of the user's is changed: the copy is trained, released and served, its traffic is traced in the copy,
staged documents lie in a folder of the copy that is a further source, and no alert or trace is sent anywhere.
The sources themselves are only read, under the addresses that they always have.
"""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from llm_twin_assets.contracts import content_hash
from llm_twin_assets.replay.stream import NewDocument
from resources.locks import Locks
from resources.places import is_remote
from resources.settings import Settings
from resources.twins import FileSource, Twin, Twins

FOLDER: Final = "replay"
# What was made of documents; a server may be at work, so what names comes before what it names. Traffic and
# history are the replay's own.
COPIED: Final = ("serving/desired", "releases", "vectors", "models", "store", "sources", "forgotten.json")
CACHE: Final = "teacher_cache.db"
TRAFFIC: Final = ("production_traces", "drift_report", "feedback_dataset")
# Time goes faster here than the clock by which trainings pause.
HASTE: Final = {"cooldown_minutes": 0, "min_feedback": 5}


class NotStaged(RuntimeError):
    """The home cannot be copied; the message says why and what helps."""


@dataclass(frozen=True)
class Stage:
    """Where a replay plays: settings and twins of the copy, and the folder that new documents go to."""

    folder: Path
    settings: Settings
    twins: Twins
    twin: Twin

    @property
    def documents(self) -> Path:
        """The folder of documents that are new."""
        return self.folder / "documents"

    def write(self, document: NewDocument) -> str:
        """Put a document among those that are new; returns what it is called."""
        if document.path is not None:
            shutil.copyfile(document.path, self.documents / document.path.name)
            return document.path.name
        text = f"# {document.title}\n\n{document.text}\n"
        (self.documents / f"{content_hash(text)[:12]}.md").write_text(text, encoding="utf-8")
        return f"{document.title}, {len(text.split())} words"


def stage_in(settings: Settings) -> Path:
    """The folder of this home's replays."""
    return settings.local / FOLDER


def check(settings: Settings) -> None:
    """Raise NotStaged where a copy would share something with the original."""
    shared = {
        "LLM_TWIN_HOME is in S3": is_remote(settings.home),
        "QDRANT_URL is set": settings.qdrant_url is not None,
        f"LLM_TWIN_ENGINE is {settings.engine}": settings.engine != "local",
    }
    if found := [what for what, is_so in shared.items() if is_so]:
        raise NotStaged(
            f"{' and '.join(found)}: a replay trains and serves a copy of this home, which would share that "
            "with the original. Leave it out for the replay, in a home of its own"
        )


def stage(settings: Settings, twins: Twins, twin: str) -> Stage:
    """A fresh copy of the home; what an earlier replay left is removed. Raises NotStaged.

    Its server must be stopped. Waits for a run that is under way.
    """
    check(settings)
    folder = stage_in(settings)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "documents").mkdir(parents=True)
    with Locks(settings.local / "locks").held("llm-twin-run"):
        _copy(Path(str(settings.home)), folder / "home")
    return staged(settings, twins, twin)


def staged(settings: Settings, twins: Twins, twin: str) -> Stage:
    """The stage as it lies there, without making it anew."""
    folder = stage_in(settings)
    quiet = {"alert_urls": [], "canary": False, "requests_per_minute": 1_000_000}
    here = {"home": folder / "home", "host": "127.0.0.1", "port": 0}
    own = twins.twin(twin)
    fast = own.model_copy(update={"thresholds": own.thresholds.model_copy(update=HASTE)})
    new = FileSource(kind="folder", path=folder / "documents", author=own.author)
    more = {
        "sources": [*twins.sources, new],
        "twins": [fast if one.name == twin else one for one in twins.twins],
    }
    return Stage(folder, settings.model_copy(update=quiet | here), twins.model_copy(update=more), fast)


def quiet_surroundings(found: Mapping[str, str | None]) -> None:
    """Take Opik out of this process's environment and of its children's; `found` is what `.env` says."""
    for name in {*os.environ, *found}:
        if name.startswith("OPIK_"):
            os.environ[name] = ""


def _copy(home: Path, copy: Path) -> None:
    for name in COPIED:
        source = home / name
        if source.is_dir():
            shutil.copytree(source, copy / name, symlinks=True, ignore=_without_traffic(home / "store"))
        elif source.exists():
            copy.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy / name)
    if (home / CACHE).exists():
        copy.mkdir(parents=True, exist_ok=True)
        _copy_database(home / CACHE, copy / CACHE)


def _copy_database(source: Path, copy: Path) -> None:
    """With what still stands in its log alone, which a copy of the file would lack."""
    with (
        contextlib.closing(sqlite3.connect(source)) as there,
        contextlib.closing(sqlite3.connect(copy)) as here,
    ):
        there.backup(here)


def _without_traffic(store: Path) -> Any:
    return lambda folder, names: TRAFFIC if Path(folder) == store else ()
