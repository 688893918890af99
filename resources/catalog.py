"""Which documents stand in the declared sources, seen from outside: names, sizes, times."""

import os
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from resources.twins import Source, Twins

DOCUMENT_ENDINGS = (".md", ".markdown", ".txt", ".html", ".htm")


@dataclass(frozen=True)
class SourceFile:
    """One file of a source.

    `name` is its path relative to the twins file's folder, with forward slashes, the same on
    every machine; `size` is in bytes; `problem` says why it cannot be read, where that shows.
    """

    source: Source
    path: Path
    name: str
    size: int
    mtime_ns: int
    problem: str | None = None

    @property
    def is_document(self) -> bool:
        """Whether a connector has to read or reject it: files with other endings are neither."""
        declared = self.source.kind == "handbook_export" or self.path == self.source.path
        return declared or self.problem is not None or _has_document_ending(self.path)


class Catalog:
    """The files of every declared source."""

    def __init__(self, twins: Twins) -> None:
        self.twins = twins

    def files(self) -> list[SourceFile]:
        """All files, in the order of their paths; hidden ones are skipped. Never raises for one of them."""
        found = [self._look(source, path) for source in self.twins.sources for path in _paths(source)]
        return sorted(found, key=lambda file: file.name)

    def fingerprint(self) -> str:
        """A hash over every file's name, size and time and over the declarations; reads no file."""
        from llm_twin_assets.contracts import digest

        sources = [(each.kind, self._name(each.path), each.author) for each in self.twins.sources]
        files = [(file.name, file.size, file.mtime_ns, file.problem) for file in self.files()]
        return digest(sources, files)

    def _look(self, source: Source, path: Path) -> SourceFile:
        make = partial(SourceFile, source, path, self._name(path))
        try:
            seen = path.stat()
        except OSError as error:
            return make(0, 0, error.strerror or "cannot be read")
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


def _has_document_ending(path: Path) -> bool:
    return path.suffix.lower() in DOCUMENT_ENDINGS


def _paths(source: Source) -> Iterator[Path]:
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
