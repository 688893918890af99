"""A folder as one file, so that it is put into S3 whole or not at all; holes in its files stay holes."""

import tarfile
from pathlib import Path
from typing import IO, Final

BLOCK: Final = 1 << 20


def pack(folder: Path, file: Path) -> None:
    """Write a folder's content, empty folders included, into a compressed tar file."""
    # The holes of an index's files make up most of it, and the weakest compression takes them out.
    with tarfile.open(file, "w:gz", compresslevel=1, format=tarfile.PAX_FORMAT) as made:
        for path in sorted(folder.rglob("*")):
            made.add(path, path.relative_to(folder).as_posix(), recursive=False)


def unpack(file: Path, folder: Path) -> None:
    """Write what `pack` packed into a folder that is there; raises tarfile.FilterError for any other path."""
    with tarfile.open(file, "r:gz") as packed:
        for member in packed:
            safe = tarfile.data_filter(member, str(folder))
            target = folder / safe.name
            target.parent.mkdir(parents=True, exist_ok=True)
            content = packed.extractfile(safe)
            if content is None:
                target.mkdir(exist_ok=True)
                continue
            with target.open("wb") as written:
                copy_sparse(content, written)


def copy_sparse(read: IO[bytes], written: IO[bytes]) -> None:
    """Copy a file without writing its empty blocks: a fresh index's files are mostly holes."""
    while block := read.read(BLOCK):
        if block.count(0) == len(block):
            written.seek(len(block), 1)
        else:
            written.write(block)
    written.truncate()
