"""What serves one twin: its champion, its canary, and what was borrowed of them."""

from dataclasses import dataclass
from typing import Any

from llm_twin_assets.serving.arms import Arm
from llm_twin_assets.serving.engine import LoadedTwin


class NotServed(LookupError):
    """A twin was asked for that is not in service (`known` False), or not yet (`known` True).

    With a release: the twin is in service, and that release of it is not.
    """

    def __init__(self, twin: str, known: bool, release_id: str | None = None) -> None:
        self.known = known
        said = f"twin {twin!r} is still being loaded" if known else f"there is no twin {twin!r} in service"
        super().__init__(f"release {release_id!r} of twin {twin!r} is not served" if release_id else said)


@dataclass(frozen=True)
class Borrowed:
    """A loaded release, and which arm of a canary's comparison its answer counts for."""

    loaded: LoadedTwin
    arm: Arm = ""


@dataclass
class Served:
    """What one twin serves now, and what stands in the way of what it should serve."""

    desired: str
    loaded: LoadedTwin | None = None
    error: str | None = None
    tried_at: float = 0.0

    @property
    def release_id(self) -> str | None:
        """The release that answers now."""
        return self.loaded.manifest.release_id if self.loaded else None

    def told(self) -> dict[str, Any]:
        """How the twin stands."""
        return {"release_id": self.release_id, "desired": self.desired, "error": self.error}


@dataclass
class Trial(Served):
    """A canary's release, and the percentage of conversations that it should answer."""

    share: int = 0

    def told(self) -> dict[str, Any]:
        """How the canary stands."""
        told = {"release_id": self.desired, "share": self.share, "error": self.error}
        return told | {"serving": self.loaded is not None}
