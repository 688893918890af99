"""Releases: immutable manifests named by their hash, and which one each twin should serve."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from resources.files import read_json, write_json


class UnknownRelease(LookupError):
    """A release was named that does not exist for this twin."""


@dataclass(frozen=True)
class Manifest:
    """What a release is made of. Its id is the hash of exactly these fields.

    adapter and base are model versions; the folders say where `from_pretrained` finds them.
    """

    twin: str
    author: str
    adapter: str
    adapter_folder: str
    base: str
    base_folder: str
    base_revision: str
    prompt: str
    decoding: dict[str, Any]
    evaluation: str
    parent: str | None

    @property
    def release_id(self) -> str:
        """The first 16 hex digits of the manifest's SHA-256."""
        from llm_twin_assets.contracts import digest

        return digest(asdict(self))[:16]


class Releases:
    """`releases/<twin>/<release_id>/manifest.json` and `serving/desired/<twin>.json`."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def add(self, manifest: Manifest, about: dict[str, Any]) -> str:
        """Store a manifest, with what stands outside its hash in `about`; returns its id."""
        path = self._folder(manifest.twin) / manifest.release_id / "manifest.json"
        if not path.exists():
            created = datetime.now(UTC).isoformat(timespec="microseconds")
            write_json(path, {"manifest": asdict(manifest), "about": about | {"created_at": created}})
        return manifest.release_id

    def manifest(self, twin: str, release_id: str) -> Manifest:
        """A stored manifest; raises UnknownRelease."""
        return Manifest(**self._stored(twin, release_id)["manifest"])

    def about(self, twin: str, release_id: str) -> dict[str, Any]:
        """What stands beside a manifest, outside its hash; raises UnknownRelease."""
        return dict(self._stored(twin, release_id)["about"])

    def all(self, twin: str) -> list[str]:
        """Every release id of a twin, oldest first."""
        folders = [path.parent.name for path in self._folder(twin).glob("*/manifest.json")]
        return sorted(folders, key=lambda name: self._stored(twin, name)["about"]["created_at"])

    def champion(self, twin: str) -> Manifest | None:
        """The release a twin should be serving, or None before the first deployment."""
        release_id = self.desired(twin)
        return self.manifest(twin, release_id) if release_id else None

    def desired(self, twin: str) -> str | None:
        """The id of the release a twin should be serving."""
        stored = read_json(self._desired(twin))
        return str(stored["release_id"]) if stored else None

    def desire(self, twin: str, release_id: str | None) -> None:
        """Say which release a twin should serve; None takes it out of service."""
        if release_id is None:
            self._desired(twin).unlink(missing_ok=True)
            return
        self.manifest(twin, release_id)
        if self.desired(twin) != release_id:
            write_json(self._desired(twin), {"release_id": release_id})

    def everything_desired(self) -> dict[str, str]:
        """Twin name to release id, for every twin in service."""
        folder = self.home / "serving" / "desired"
        names = [path.stem for path in sorted(folder.glob("[!.]*.json"))]
        return {name: release_id for name in names if (release_id := self.desired(name))}

    def quarantine(self, twin: str, release_id: str, reason: str) -> None:
        """Never let the gate promote this release's adapter again."""
        adapter = self.manifest(twin, release_id).adapter
        kept = read_json(self._quarantine(twin)) or {}
        write_json(self._quarantine(twin), kept | {adapter: {"release_id": release_id, "reason": reason}})

    def release_from_quarantine(self, twin: str, release_id: str) -> None:
        """Somebody deliberately chose this release again."""
        adapter = self.manifest(twin, release_id).adapter
        kept = read_json(self._quarantine(twin)) or {}
        write_json(self._quarantine(twin), {key: value for key, value in kept.items() if key != adapter})

    def quarantined(self, twin: str) -> set[str]:
        """The adapter versions the gate must not promote."""
        return set(read_json(self._quarantine(twin)) or {})

    def _stored(self, twin: str, release_id: str) -> dict[str, Any]:
        stored: dict[str, Any] | None = read_json(self._folder(twin) / release_id / "manifest.json")
        if stored is None:
            there = ", ".join(self.all(twin)) or "none"
            raise UnknownRelease(f"twin {twin} has no release {release_id!r}; it has: {there}")
        return stored

    def _folder(self, twin: str) -> Path:
        return self.home / "releases" / twin

    def _desired(self, twin: str) -> Path:
        return self.home / "serving" / "desired" / f"{twin}.json"

    def _quarantine(self, twin: str) -> Path:
        return self._folder(twin) / "quarantine.json"
