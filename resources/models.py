"""Model folders, immutable and named by their content, with a pointer to the current one."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from resources.files import copy_of, here, listed, read_json, settle, stands, sweep, working, write_json
from resources.leases import locks_of
from resources.places import Place


@dataclass(frozen=True)
class Model:
    """A stored model: `version` is the hash of its weights and names its folder."""

    version: str
    inputs: str
    folder: str
    metadata: dict[str, Any] = field(default_factory=dict)
    reused: bool = False

    @property
    def learned_from(self) -> list[str]:
        """The ids of the documents it was trained on; a base model's stand with their hashes and sizes."""
        entries = self.metadata.get("trained_on", [])
        return [entry if isinstance(entry, str) else entry[0] for entry in entries]

    def reported(self) -> dict[str, Any]:
        """Metadata for the orchestrator."""
        return self.metadata | {"reused": self.reused}


class ModelStore:
    """`models/<asset>[/<twin>]/<version>/`, beside them `about/<version>.json` and `current.json`."""

    def __init__(self, home: Place) -> None:
        self.home = home
        self.locks = locks_of(home)

    def place(self, asset: str, twin: str | None = None) -> Place:
        """The folder that holds an asset's versions."""
        base = self.home / "models" / asset
        return base / twin if twin else base

    def current(self, asset: str, twin: str | None = None) -> Model | None:
        """The model last produced, or None."""
        stored = read_json(self.place(asset, twin) / "current.json")
        return Model(**stored) if stored else None

    def location(self, model: Model) -> str:
        """What `from_pretrained` takes: a stored model's folder on this machine, or a hub id as it is.

        Raises FileNotFoundError for a model that a home in S3 does not hold.
        """
        return str(here(self.home / model.folder)) if model.folder.startswith("models/") else model.folder

    @property
    def root(self) -> Path:
        """The folder of this machine that stored models' folders lie below."""
        return copy_of(self.home)

    def stands(self, model: Model) -> bool:
        """Whether a stored model's folder is there."""
        return model.folder.startswith("models/") and stands(self.home / model.folder)

    def keep(
        self,
        asset: str,
        inputs: str,
        train: Callable[[Path], dict[str, Any]],
        twin: str | None = None,
    ) -> Model:
        """Let `train` fill an empty folder and return metadata; then make that the current model.

        The caller holds the lock `asset[/twin]`, so what an earlier writer left can go.
        """
        place = self.place(asset, twin)
        sweep(place)
        with working(place / "new") as filled:
            metadata = train(filled)
            version = weights_hash(filled)
            settle(filled, place / version)
        folder = "/".join(filter(None, ["models", asset, twin, version]))
        return self.point(asset, Model(version, inputs, folder, metadata), twin)

    def point(self, asset: str, model: Model, twin: str | None = None) -> Model:
        """Make a model the current one; what is known of each version stays beside it."""
        stored = {key: value for key, value in asdict(model).items() if key != "reused"}
        write_json(self.place(asset, twin) / "about" / f"{model.version}.json", stored)
        write_json(self.place(asset, twin) / "current.json", stored)
        return model

    def versions(self, asset: str, twin: str | None = None) -> list[Model]:
        """Every version that was ever current, in the order of their names."""
        files = listed(self.place(asset, twin) / "about", "[!.]*.json")
        return [Model(**known) for known in map(read_json, files) if known]


def weights_hash(folder: Path) -> str:
    """SHA-256 over names and contents of a model folder's files, in name order."""
    total = hashlib.sha256()
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        total.update(file.relative_to(folder).as_posix().encode() + b"\0")
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()
