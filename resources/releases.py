"""Releases: immutable manifests named by their hash, and which one each twin should serve."""

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from resources.files import listed, read_json, remove, write_json
from resources.places import Place

# What a canary begins with, and how many conversations in each arm it is first looked at with.
FIRST_SHARE: Final = 5
FIRST_LOOK: Final = 20


class UnknownRelease(LookupError):
    """A release was named that does not exist for this twin."""


class NoCanary(LookupError):
    """A twin's canary was to be moved or ended, and there is none."""


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


@dataclass(frozen=True)
class Canary:
    """A release on trial beside the one that a twin serves.

    share: the percentage of conversations that it answers. since: an ISO moment, UTC. looks: what earlier
    looks saw, oldest first. after: the twin's last trace before it started, or None.
    """

    release_id: str
    share: int
    since: str
    looks: tuple[dict[str, Any], ...] = ()
    after: str | None = None

    @property
    def due(self) -> int:
        """How many conversations each arm needs for the next look."""
        return int(self.looks[-1]["next"]) if self.looks else FIRST_LOOK


@dataclass(frozen=True)
class Desired:
    """What a twin should serve: its champion, the canary beside it, and how the last one ended.

    ended: release_id, action, reason and evidence of the canary that ended last, until the twin is
    deployed again.
    """

    release_id: str
    canary: Canary | None = None
    ended: dict[str, Any] | None = None


class Releases:
    """`releases/<twin>/<release_id>/manifest.json` and `serving/desired/<twin>.json`."""

    def __init__(self, home: Place) -> None:
        self.home = home

    def add(self, manifest: Manifest, about: dict[str, Any]) -> str:
        """Store a manifest, with what stands outside its hash in `about`; returns its id."""
        path = self._folder(manifest.twin) / manifest.release_id / "manifest.json"
        if read_json(path) is None:
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
        folders = [path.parent.name for path in listed(self._folder(twin), "*/manifest.json")]
        return sorted(folders, key=lambda name: self._stored(twin, name)["about"]["created_at"])

    def champion(self, twin: str) -> Manifest | None:
        """The release a twin should be serving, or None before the first deployment."""
        release_id = self.desired(twin)
        return self.manifest(twin, release_id) if release_id else None

    def desired(self, twin: str) -> str | None:
        """The id of the release a twin should be serving, whatever a canary answers beside it."""
        state = self.state(twin)
        return state.release_id if state else None

    def canary(self, twin: str) -> Canary | None:
        """The release on trial beside the champion; none as soon as its adapter is in quarantine."""
        state = self.state(twin)
        return state.canary if state else None

    def state(self, twin: str) -> Desired | None:
        """All that a twin should serve, from one reading of one file."""
        state = self.written(twin)
        if state is not None and state.canary is not None and self._is_quarantined(twin, state.canary):
            return replace(state, canary=None)
        return state

    def written(self, twin: str) -> Desired | None:
        """Like `state`, with a canary that was quarantined and not ended yet."""
        stored = read_json(self._desired(twin))
        if stored is None:
            return None
        canary = stored.get("canary")
        if canary is not None:
            canary = Canary(**{**canary, "looks": tuple(canary["looks"])})
        return Desired(str(stored["release_id"]), canary, stored.get("ended"))

    def desire(self, twin: str, release_id: str | None) -> None:
        """Say which release a twin should serve, which ends a canary; None takes the twin out of service."""
        if release_id is None:
            remove(self._desired(twin))
            return
        self.manifest(twin, release_id)
        self.restore(twin, Desired(release_id))

    def restore(self, twin: str, state: Desired | None) -> None:
        """Let a twin serve again what `written` said earlier."""
        if state is None:
            remove(self._desired(twin))
        elif state != self.written(twin):
            write_json(self._desired(twin), asdict(state))

    def start_canary(
        self, twin: str, release_id: str, share: int = FIRST_SHARE, after: str | None = None
    ) -> Canary:
        """Let a release answer a share of the conversations, instead of any other canary.

        One that is on trial already goes on as it is. Raises UnknownRelease; ValueError where the twin
        serves nothing yet, or this very release, or where its adapter is in quarantine.
        """
        self.manifest(twin, release_id)
        state = self.state(twin)
        if state is None or state.release_id == release_id:
            serves = f"serves {release_id} already" if state else "serves no release to compare a canary with"
            raise ValueError(f"twin {twin} {serves}")
        if state.canary is not None and state.canary.release_id == release_id:
            return state.canary
        canary = Canary(release_id, share, datetime.now(UTC).isoformat(timespec="milliseconds"), (), after)
        if self.quarantine_of(twin, release_id):
            raise ValueError(f"release {release_id} of twin {twin} was rolled back: it is in quarantine")
        self.restore(twin, Desired(state.release_id, canary))
        return canary

    def move_canary(self, twin: str, share: int, look: dict[str, Any] | None = None) -> Canary:
        """Give the canary another share, or the same, and keep what was seen. Raises NoCanary."""
        state, canary = self._on_trial(twin)
        moved = replace(canary, share=share, looks=(*canary.looks, look) if look else canary.looks)
        self.restore(twin, replace(state, canary=moved))
        return moved

    def end_canary(self, twin: str, promote: bool, ended: dict[str, Any] | None = None) -> str:
        """Let the canary take the champion's place, or go; returns what the twin serves now.

        ended: what to keep of it. Raises NoCanary.
        """
        state, canary = self._on_trial(twin)
        serves = canary.release_id if promote else state.release_id
        self.restore(twin, Desired(serves, None, {"release_id": canary.release_id} | (ended or {})))
        return serves

    def everything_desired(self) -> dict[str, Desired]:
        """What each twin in service should serve, by its name."""
        files = listed(self.home / "serving" / "desired", "[!.]*.json")
        names = [path.stem for path in files]
        return {name: state for name in names if (state := self.state(name))}

    def quarantine(
        self, twin: str, release_id: str, reason: str, evidence: dict[str, Any] | None = None
    ) -> None:
        """Never let the gate promote this release's adapter again; ends its canary at once."""
        adapter = self.manifest(twin, release_id).adapter
        kept = read_json(self._quarantine(twin)) or {}
        told = {"release_id": release_id, "reason": reason, "evidence": evidence or {}}
        write_json(self._quarantine(twin), kept | {adapter: told})

    def release_from_quarantine(self, twin: str, release_id: str) -> None:
        """Somebody deliberately chose this release again."""
        adapter = self.manifest(twin, release_id).adapter
        kept = read_json(self._quarantine(twin)) or {}
        if adapter not in kept:
            return
        write_json(self._quarantine(twin), {key: value for key, value in kept.items() if key != adapter})

    def quarantined(self, twin: str) -> set[str]:
        """The adapter versions the gate must not promote."""
        return set(read_json(self._quarantine(twin)) or {})

    def quarantine_of(self, twin: str, release_id: str) -> dict[str, Any] | None:
        """Release id, reason and evidence of the quarantine that a release's adapter is in, or None."""
        adapter = self.manifest(twin, release_id).adapter
        found: dict[str, Any] | None = (read_json(self._quarantine(twin)) or {}).get(adapter)
        return found

    def _is_quarantined(self, twin: str, canary: Canary) -> bool:
        kept = read_json(self._quarantine(twin)) or {}
        return any(one["release_id"] == canary.release_id for one in kept.values())

    def _on_trial(self, twin: str) -> tuple[Desired, Canary]:
        """What is written of a twin that has a canary, also of one that was just quarantined."""
        state = self.written(twin)
        if state is None or state.canary is None:
            raise NoCanary(f"twin {twin} has no canary")
        return state, state.canary

    def _stored(self, twin: str, release_id: str) -> dict[str, Any]:
        stored: dict[str, Any] | None = read_json(self._folder(twin) / release_id / "manifest.json")
        if stored is None:
            there = ", ".join(self.all(twin)) or "none"
            raise UnknownRelease(f"twin {twin} has no release {release_id!r}; it has: {there}")
        return stored

    def _folder(self, twin: str) -> Place:
        return self.home / "releases" / twin

    def _desired(self, twin: str) -> Place:
        return self.home / "serving" / "desired" / f"{twin}.json"

    def _quarantine(self, twin: str) -> Place:
        return self._folder(twin) / "quarantine.json"
