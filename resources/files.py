"""Writing files so that a killed process leaves the old content or the new, never half."""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it takes `path`'s place atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON, atomically."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any | None:
    """The JSON value at path, or None where there is no file."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None


def settle(temporary: Path, final: Path) -> None:
    """Give a finished folder its final name; one that stands there already is the same content."""
    if final.exists():
        shutil.rmtree(temporary)
        return
    for path in (*temporary.rglob("*"), temporary):
        _sync(path)
    temporary.replace(final)
    _sync(final.parent)


def sweep(folder: Path) -> None:
    """Remove what killed writers left in a folder; call while holding its lock."""
    for left in folder.glob(".*") if folder.is_dir() else ():
        shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_marked(path: Path, mark: str, text: Callable[[], str]) -> Path:
    """A page that ends with a mark of what it was made from; made anew only where the mark is another."""
    ending = f"<!-- {mark} -->"
    if path.exists() and path.read_text(encoding="utf-8").endswith(ending):
        return path
    with replacing(path) as temporary:
        temporary.write_text(text() + ending, encoding="utf-8")
    return path
