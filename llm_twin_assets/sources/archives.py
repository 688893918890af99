"""Bounded reading of exported archives: zip files, or the folders that they were unpacked to."""

import io
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NoReturn

from llm_twin_assets.contracts import digest
from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.reading import MAX_BYTES, Entry, Refused

# What an archive may weigh as it is, and its wanted members unpacked.
MAX_ARCHIVE_BYTES = 200_000_000
MAX_TOTAL_BYTES = 200_000_000
MAX_MEMBERS = 20_000
_ENCRYPTED = 0x1
_READ = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_EPOCH = (1980, 1, 1, 0, 0, 0)


class Archive:
    """A zip file in memory; one member is unpacked at a time. Names of members are only labels.

    `wanted` says by its name whether a member is used: others are neither counted nor opened.
    """

    def __init__(self, data: bytes, wanted: Callable[[str], bool] = lambda name: True) -> None:
        """Raises Refused for what is no zip file, is damaged, or is larger than the limits."""
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
            raise Refused(Reason.UNREADABLE, f"no zip file ({error}): export it again") from None
        members = self._zip.infolist()
        if len(members) > MAX_MEMBERS:
            raise Refused(Reason.TOO_MANY, f"{len(members)} members, the limit is {MAX_MEMBERS}: split it")
        self._members = [each for each in members if not each.is_dir() and _is_used(each.filename, wanted)]
        total = sum(member.file_size for member in self._members)
        if total > MAX_TOTAL_BYTES:
            limit = MAX_TOTAL_BYTES // 1_000_000
            raise Refused(
                Reason.TOO_LARGE, f"{total / 1e6:.0f} MB unpacked, the limit is {limit} MB: split it"
            )

    @property
    def names(self) -> list[str]:
        """The wanted members' names, in the archive's order; a name may stand there twice."""
        return [member.filename for member in self._members]

    def read(self, position: int) -> bytes:
        """The bytes of the member at a position in `names`; raises Refused for it alone.

        No more is ever unpacked than the size that the archive states, which the limits hold for.
        """
        member = self._members[position]
        if member.flag_bits & _ENCRYPTED:
            raise Refused(Reason.UNREADABLE, "it is encrypted: make the archive without a password")
        if member.file_size > MAX_BYTES:
            limit, size = MAX_BYTES // 1_000_000, member.file_size / 1e6
            raise Refused(Reason.TOO_LARGE, f"{size:.0f} MB, the limit is {limit} MB: split the file")
        if member.compress_type not in _READ:
            raise Refused(Reason.UNREADABLE, "packed in a way that is not read: use the usual zip form")
        try:
            return self._zip.read(member)
        except Exception as error:  # zlib, struct and zipfile each have errors of their own
            raise Refused(Reason.UNREADABLE, f"damaged ({error}): export it again") from None


def zipped(folder: Path) -> bytes:
    """The files below a folder as a zip file, the same bytes for the same files; raises Refused.

    Links are left out: an export holds none, and one may lead out of the folder.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    if len(files) > MAX_MEMBERS:
        raise Refused(Reason.TOO_MANY, f"{len(files)} files, the limit is {MAX_MEMBERS}: split it")
    total = sum(path.stat().st_size for path in files)
    if total > MAX_TOTAL_BYTES:
        limit = MAX_TOTAL_BYTES // 1_000_000
        raise Refused(Reason.TOO_LARGE, f"{total / 1e6:.0f} MB, the limit is {limit} MB: split it")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path in files:
            name = path.relative_to(folder).as_posix().encode("utf-8", "backslashreplace").decode()
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), _bytes(path))
    return packed.getvalue()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refused(Reason.UNREADABLE, f"{path.name}: {error.strerror}: check its permissions") from None


def _is_used(name: str, wanted: Callable[[str], bool]) -> bool:
    """macOS adds a shadow of every file to the archives that it makes."""
    parts = PurePosixPath(name).parts
    return "__MACOSX" not in parts and not (parts and parts[-1].startswith("._")) and wanted(name)


def refused_entry(label: str, refused: Refused) -> Entry:
    """A member that cannot be used, told where others are parsed."""
    return Entry(label, None, digest(label, refused.reason, refused.detail), partial(_refuse, refused))


def _refuse(refused: Refused) -> NoReturn:
    raise refused
