"""Checkpoints that a killed training goes on from: only whole ones, and only its own.

The library writes a checkpoint as a folder of several files; a seal, written last, names them with their
hashes, and what is not as its seal says is not gone on from. The optimizer's state in it is in torch's
format, because transformers keeps it so: it is read with `weights_only`, and only from this folder.
"""

import hashlib
import shutil
from pathlib import Path
from typing import Any, Final

from resources.files import read_json, write_json

SEAL: Final = "seal.json"
PREFIX: Final = "checkpoint-"


def place(home: Path, asset: str, twin: str, inputs: str) -> Path:
    """The checkpoints of one training, named by everything that decides what comes out of it."""
    return home / "checkpoints" / asset / twin / inputs


def drop_others(folder: Path) -> None:
    """Remove the checkpoints of trainings with other inputs: nobody will go on from them."""
    for other in folder.parent.glob("*"):
        if other != folder:
            shutil.rmtree(other)


def drop(folder: Path) -> None:
    """Remove a training's checkpoints, once its model is kept."""
    shutil.rmtree(folder, ignore_errors=True)


def seal(checkpoint: Path, about: dict[str, Any]) -> None:
    """Say that a checkpoint is whole; `about` is what must be the same where it is gone on from."""
    # The library's arguments, pickled: nothing reads them.
    (checkpoint / "training_args.bin").unlink(missing_ok=True)
    write_json(checkpoint / SEAL, {"about": about, "files": _hashes(checkpoint)})


def newest(folder: Path, about: dict[str, Any]) -> Path | None:
    """The last whole checkpoint with this `about`; what comes after it is removed."""
    found = folder.glob(f"{PREFIX}*") if folder.is_dir() else ()
    for checkpoint in sorted(found, key=_step, reverse=True):
        if read_json(checkpoint / SEAL) == {"about": about, "files": _hashes(checkpoint)}:
            return checkpoint
        shutil.rmtree(checkpoint)
    return None


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.removeprefix(PREFIX))


def _hashes(checkpoint: Path) -> dict[str, str]:
    files = (file for file in checkpoint.rglob("*") if file.is_file() and file.name != SEAL)
    return {file.relative_to(checkpoint).as_posix(): _hash(file) for file in files}


def _hash(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
