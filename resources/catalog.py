"""The declared sources, seen from outside: what they are called, and when they must be read again."""

import os
import stat
import time
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from resources.forgotten import Forgotten
from resources.places import Place, scratch_of
from resources.twins import FeedSource, FileSource, GitSource, Source, Twins, WebSource

if TYPE_CHECKING:
    from resources.fetcher import Fetcher

# Exports that may lie there as they came, zipped, or unpacked to a folder.
ARCHIVES = ("linkedin_export", "medium_export")
OFFICE_ENDINGS = (".docx", ".pdf")
DOCUMENT_ENDINGS = (".md", ".markdown", ".txt", ".html", ".htm", *OFFICE_ENDINGS)


@dataclass(frozen=True)
class SourceFile:
    """One file of a source.

    `name` is its path relative to the twins file's folder, with forward slashes, the same on
    every machine; `size` is in bytes; `problem` says why it cannot be read, where that shows.
    """

    source: FileSource
    path: Path
    name: str
    size: int
    mtime_ns: int
    problem: str | None = None

    @property
    def is_document(self) -> bool:
        """Whether a connector has to read or reject it: files with other endings are neither."""
        declared = self.source.kind != "folder" or self.path == self.source.path
        return declared or self.problem is not None or _has_document_ending(self.path)

    @property
    def mark(self) -> str:
        """What changes when the file does, as far as can be told without reading it."""
        return self.problem or f"{self.size} {self.mtime_ns}"


class Catalog:
    """The declared sources, and what is needed to read them: a fetcher and a place for mirrors.

    `fetching` makes the fetcher, given the folder of its copies; without it, one with nothing allowed.
    Local sources are looked at as often as anybody asks; remote ones are due once in `poll_seconds`.
    """

    def __init__(
        self,
        twins: Twins,
        home: Place,
        fetching: "Callable[[Path], Fetcher] | None" = None,
        poll_seconds: int = 3600,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.twins = twins
        local = scratch_of(home)
        self.mirrors = local / "sources" / "git"
        self._copies = local / "sources" / "pages"
        self._fetching = fetching
        self.forgotten = Forgotten(home)
        self._poll_seconds = poll_seconds
        self._clock = clock

    @cached_property
    def fetcher(self) -> "Fetcher":
        """What pages are fetched with; made at its first use, because every Dagster process loads this."""
        from resources.fetcher import Fetcher

        return (self._fetching or Fetcher)(self._copies)

    def files(self, source: FileSource) -> list[SourceFile]:
        """A source's files, in the order of their names; hidden ones are skipped. Never raises for one."""
        found = [self._look(source, path) for path in _paths(source)]
        return sorted(found, key=lambda file: file.name)

    def fingerprint(self) -> str:
        """What tells that the sources must be looked at: equal while nothing changed and nothing is due.

        Over the declarations, every local file's name, size and time, and for remote sources the
        current polling period; reads no file and asks nobody.
        """
        from llm_twin_assets.contracts import digest

        files = [
            (file.name, file.mark)
            for source in self.twins.sources
            if isinstance(source, FileSource)
            for file in self.files(source)
        ]
        period = int(self._clock() // self._poll_seconds) if self._has_remote() else None
        declared = [(self.name(source), self.declaration(source)) for source in self.twins.sources]
        return digest(declared, files, period, self.forgotten.uris())

    def declaration(self, source: Source) -> str:
        """All that the twins file says about how a source's documents are read, but not where it lies."""
        return f"{source.model_dump(exclude={'path', 'url'})} {sorted(self.twins.trusted)}"

    def name(self, source: Source) -> str:
        """What a source is called: its kind, and where it is, the same on every machine."""
        if isinstance(source, FileSource):
            return f"{source.kind} {self._name(source.path)}"
        if isinstance(source, GitSource):
            return f"git {self._name(Path(source.url)) if source.is_local else source.url}"
        return f"{source.kind} {source.url if isinstance(source, FeedSource) else _pages(source)}"

    def _has_remote(self) -> bool:
        return any(not isinstance(source, FileSource) for source in self.twins.sources)

    def _look(self, source: FileSource, path: Path) -> SourceFile:
        make = partial(SourceFile, source, path, self._name(path))
        try:
            seen = path.stat()
        except OSError as error:
            return make(0, 0, error.strerror or "cannot be read")
        if source.kind in ARCHIVES and stat.S_ISDIR(seen.st_mode):
            return make(*_total(path))
        if stat.S_ISREG(seen.st_mode):
            # Told here, because giving the permission back changes neither size nor time.
            problem = None if os.access(path, os.R_OK) else "no permission to read it"
            return make(seen.st_size, seen.st_mtime_ns, problem)
        folder = "a folder, where a readable file was expected"
        return make(0, 0, folder if stat.S_ISDIR(seen.st_mode) else "not a regular file")

    def _name(self, path: Path) -> str:
        relative = Path(os.path.relpath(path, self.twins.root.resolve())).as_posix()
        # A name's bytes may be no valid text, and one system composes accents where another does not.
        printable = relative.encode("utf-8", "backslashreplace").decode()
        return unicodedata.normalize("NFC", printable)


def _pages(source: WebSource) -> str:
    return " ".join([source.sitemap or "", *source.urls]).strip()


def _total(folder: Path) -> tuple[int, int]:
    """The bytes of an unpacked export's files, and the time of its newest."""
    seen = [file.lstat() for file in folder.rglob("*")]
    return sum(one.st_size for one in seen), max((one.st_mtime_ns for one in seen), default=0)


def _has_document_ending(path: Path) -> bool:
    return path.suffix.lower() in DOCUMENT_ENDINGS


def _paths(source: FileSource) -> Iterator[Path]:
    return _below(source.path, frozenset()) if source.kind == "folder" else iter([source.path])


def _below(folder: Path, above: frozenset[str]) -> Iterator[Path]:
    """Every visible file below a folder, through links but not around in circles."""
    here = os.path.realpath(folder)
    if here in above:
        return
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        yield folder  # a file, or what is listed as itself so that nothing is missed in silence
        return
    for path in (folder / name for name in names if not name.startswith(".")):
        if not os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises where permission is missing
            yield path
            continue
        if _has_document_ending(path):
            yield path
        yield from _below(path, above | {here})
