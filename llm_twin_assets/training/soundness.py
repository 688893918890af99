"""What can be wrong with a stored model."""

import math
from pathlib import Path

from resources.models import Model, weights_hash

# A folder of ours holds nothing that could be run when it is opened.
ALLOWED = {".safetensors", ".json"}


def faults(folder: Path, model: Model) -> list[str]:
    """Each fault in words; a hub model has none here, because its files are not ours to check."""
    return [*_of_files(folder, model), *_of_loss(model)]


def _of_files(folder: Path, model: Model) -> list[str]:
    if not folder.is_dir():
        return ["its folder is gone"] if _is_ours(model) else []
    others = sorted(file.name for file in folder.rglob("*") if file.is_file() and file.suffix not in ALLOWED)
    found = (
        [f"files other than safetensors and JSON: {', '.join(others)}"] if others and _is_ours(model) else []
    )
    return (
        found
        if weights_hash(folder) == model.version
        else [*found, "its files are not what its version names"]
    )


def _of_loss(model: Model) -> list[str]:
    if model.metadata.get("aligned"):
        return _of_alignment(model)
    first, final = model.metadata.get("first_loss"), model.metadata.get("final_loss")
    if first is None and not _is_ours(model):
        return []
    if first is None or final is None or not math.isfinite(final) or final >= first:
        return [f"its loss did not fall: {first} at first, {final} in the end"]
    return []


def _of_alignment(model: Model) -> list[str]:
    """Its loss holds the likelihood of other answers at each step, so only what it was trained for tells."""
    margin = model.metadata.get("rewards_margins", math.nan)
    if model.metadata.get("improved_on_validation") is False or margin > 0:
        return []
    return [f"it prefers worse answers to the author's: the margin of their rewards is {margin}"]


def _is_ours(model: Model) -> bool:
    return model.folder.startswith("models/")
