"""Writing files so that a killed process leaves the old content or the new, never half.

A place is a folder of this machine or an address in S3. There a file is one object, put in one request, and
an immutable folder is one packed object, of which each machine keeps an unpacked copy.
"""

import contextlib
import json
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from resources import s3
from resources.leases import check_held
from resources.packing import pack, unpack
from resources.places import Place, is_remote, scratch_of

if TYPE_CHECKING:
    from cloudpathlib import S3Path

PACKED: Final = "folder.tar.gz"
# Of a file in S3, the newest copies that a machine keeps.
COPIES: Final = 2
# What was left half downloaded for so long has nobody who downloads it.
ABANDONED_SECONDS: Final = 86_400


@contextlib.contextmanager
def replacing(path: Place) -> Iterator[Path]:
    """Yield a temporary path of this machine; on success its content takes `path`'s place atomically.

    Raises LeaseLost, and leaves the old content, where the caller lost a lease that it was to hold.
    """
    beside = copy_of(path).parent if is_remote(path) else path.parent
    beside.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=beside)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        if is_remote(path):
            _put(temporary, path)
        else:
            _sync(temporary)
            temporary.replace(path)
            _sync(beside)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Place, value: Any) -> None:
    """Write a value as indented JSON, atomically."""
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if is_remote(path):
        check_held()
        s3.put(path, text.encode())
        return
    with replacing(path) as temporary:
        temporary.write_text(text)


def read_json(path: Place) -> Any | None:
    """The JSON value at path, or None where there is no file."""
    if is_remote(path):
        found = s3.get(path)
        return None if found is None else json.loads(found.body)
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None


def fetched(path: Place) -> Path | None:
    """A file of this machine with the content that is at `path` now, or None where there is no file.

    Of a file in S3 a copy is kept, named by its ETag: it comes over the network once for each change.
    """
    if not is_remote(path):
        return path if path.exists() else None
    copies = copy_of(path)
    kept = max(copies.glob("[!.]*"), key=_age, default=None)
    with _arriving(path) as new:
        etag = s3.fetch(path, new, f'"{kept.name}"' if kept else None)
        if etag is None:
            return None
        return kept if kept and etag == f'"{kept.name}"' else _keep(new, path, etag)


def mark(path: Place) -> object:
    """What tells a file from the one that lay there before; None where there is no file."""
    if is_remote(path):
        return s3.etag(path)
    try:
        seen = path.stat()
    except FileNotFoundError:
        return None
    return (seen.st_mtime_ns, seen.st_size, seen.st_ino)


def remove(path: Place) -> None:
    """Remove a file; nothing happens where there is none."""
    if is_remote(path):
        check_held()
        s3.remove(path)
        shutil.rmtree(copy_of(path), ignore_errors=True)
        return
    path.unlink(missing_ok=True)


def settle(temporary: Path, final: Place, *shown: str) -> None:
    """Give a finished folder its final name; one that stands there already is the same content.

    shown: the names of files that are to be read without the others; the last one is written last.
    """
    if is_remote(final):
        _settle_remote(temporary, final, shown)
        return
    if stands(final):
        shutil.rmtree(temporary)
        return
    for path in (*temporary.rglob("*"), temporary):
        _sync(path)
    temporary.replace(final)
    _sync(final.parent)


def stands(final: Place) -> bool:
    """Whether a settled folder is there."""
    return s3.etag(final / PACKED) is not None if is_remote(final) else final.is_dir()


def here(final: Place) -> Path:
    """A settled folder as a folder of this machine, unpacked at the first call; raises FileNotFoundError.

    Copies of folders that are no longer beside it go when a new one comes.
    """
    if not is_remote(final):
        return final
    copy = copy_of(final)
    if not copy.is_dir():
        with _arriving(final) as packed:
            if s3.fetch(final / PACKED, packed) is None:
                raise FileNotFoundError(f"{final} is not there")
            with tempfile.TemporaryDirectory(dir=packed.parent) as name:
                unpack(packed, Path(name))
                _move(Path(name), copy)
        _forget_copies(final)
    return copy


@contextlib.contextmanager
def working(final: Place) -> Iterator[Path]:
    """An empty folder of this machine to fill, before `settle` names it; what was not settled goes."""
    beside = copy_of(final).parent if is_remote(final) else final.parent
    beside.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".new-", dir=beside))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def drop(final: Place) -> None:
    """Remove a settled folder; a kill in the middle leaves what the next sweep takes, and nobody reads."""
    if is_remote(final):
        check_held()
        final.rmtree()
    _discard(copy_of(final))


def listed(folder: Place, pattern: str) -> list[Place]:
    """What lies below a folder under names like this, in the order of the names."""
    found: Iterable[Any] = folder.glob(pattern)
    return sorted(found)


def sweep(folder: Place) -> None:
    """Remove what killed writers left in a folder; call while holding its lock."""
    local = copy_of(folder) if is_remote(folder) else folder
    for left in local.glob(".*") if local.is_dir() else ():
        shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)


def write_marked(path: Place, mark: str, text: Callable[[], str]) -> Place:
    """A page that ends with a mark of what it was made from; made anew only where the mark is another."""
    ending = f"<!-- {mark} -->"
    kept = fetched(path)
    if kept and kept.read_text(encoding="utf-8").endswith(ending):
        return path
    with replacing(path) as temporary:
        temporary.write_text(text() + ending, encoding="utf-8")
    return path


def drop_copies(home: Place) -> None:
    """Remove this machine's copies of a home in S3, old ones too; what living writers have there stays."""
    for folder, below, files in os.walk(copy_of(home)) if is_remote(home) else ():
        below[:] = [name for name in below if not name.startswith(".")]
        # A folder with files in it is a copy; any other leads to copies.
        if not all(name.startswith(".") for name in files):
            _discard(Path(folder))


def copy_of(path: Place) -> Path:
    """Where this machine keeps what it has of a place in S3; a local path itself."""
    return scratch_of(path) / "copies" / path.bucket / path.key if is_remote(path) else path


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _arriving(path: "S3Path") -> Iterator[Path]:
    """A file to download into; apart from what writers leave, because readers hold no lock."""
    folder = scratch_of(path) / "arriving"
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if time.time() - left.lstat().st_mtime > ABANDONED_SECONDS:
                shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
    handle, name = tempfile.mkstemp(dir=folder)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _put(file: Path, path: "S3Path") -> None:
    check_held()
    with file.open("rb") as content:
        etag = s3.put(path, content)
    _keep(file, path, str(etag))


def _keep(file: Path, path: "S3Path", etag: str) -> Path:
    """Keep a file as the newest copy of what lies at a path, and the one before for whoever just reads it."""
    copies = copy_of(path)
    copies.mkdir(parents=True, exist_ok=True)
    kept = file.replace(copies / etag.strip('"'))
    for old in sorted(copies.glob("[!.]*"), key=_age)[:-COPIES]:
        old.unlink(missing_ok=True)
    return kept


def _settle_remote(temporary: Path, final: "S3Path", shown: tuple[str, ...]) -> None:
    check_held()
    if not stands(final):
        with _arriving(final) as packed:
            pack(temporary, packed)
            check_held()
            s3.upload(packed, final / PACKED)
    for name in shown:
        check_held()
        s3.put(final / name, (temporary / name).read_bytes())
    _move(temporary, copy_of(final))
    shutil.rmtree(temporary, ignore_errors=True)


def _move(folder: Path, copy: Path) -> None:
    """Let a folder become the copy, unless another process was first."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):
        folder.rename(copy)
    if not copy.is_dir():
        raise FileNotFoundError(f"{copy} could not be made")


def _forget_copies(final: "S3Path") -> None:
    """Remove this machine's copies of folders beside this one that are gone in S3."""
    for copy in copy_of(final).parent.glob("[!.]*"):
        if not stands(final.parent / copy.name):
            _discard(copy)


def _discard(folder: Path) -> None:
    """Remove a folder, out of sight at once: half of it must not be taken for the whole."""
    gone = folder.with_name(f".gone-{folder.name}-{uuid.uuid4().hex}")
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder.replace(gone))


def _age(file: Path) -> int:
    """When a file was written, in ns; 0 where another reader removed it meanwhile."""
    with contextlib.suppress(FileNotFoundError):
        return file.stat().st_mtime_ns
    return 0
