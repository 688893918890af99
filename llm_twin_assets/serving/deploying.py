"""Bringing a release into service, and back out when it does not come up."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from llm_twin_assets.serving.canary import Decision
from llm_twin_assets.serving.canary_watch import finish, follow, looked, told
from resources.endpoint import Endpoint, EndpointError
from resources.releases import Canary, Desired, Releases
from resources.settings import Settings
from resources.store import Store
from resources.traces import TraceStore

POLL_SECONDS: Final = 0.1


@dataclass(frozen=True)
class Deployed:
    """What a deployment came to: the release that serves or is on trial, and where.

    share: the percentage of conversations that it answers. decision: what a look at a canary decided.
    """

    release_id: str
    url: str
    share: int = 100
    decision: Decision | None = None

    @property
    def version(self) -> str:
        """The release id, with its share while it is on trial."""
        return self.release_id if self.share == 100 else f"{self.release_id}@{self.share}"


@dataclass(frozen=True)
class Deployer:
    """Brings a twin's release into service: at once, by a canary in steps, or back again."""

    store: Store
    releases: Releases
    traces: TraceStore
    endpoint: Endpoint
    settings: Settings

    @property
    def seconds(self) -> float:
        """How long the server may take to serve what it should."""
        return self.settings.server_start_seconds

    def roll_back(self, twin: str, release_id: str) -> Deployed:
        """Serve this release; what answered otherwise, a canary too, is never promoted again."""
        release_id = target(self.store, self.releases, twin, release_id)
        url = roll_back(self.releases, self.endpoint, twin, release_id, self.seconds)
        self._wait(twin, None)
        return Deployed(release_id, url)

    def deploy(self, twin: str, author: str, canary: bool | None) -> Deployed:
        """Bring the release that was last reported one step further.

        A new one begins as a canary or serves at once, as `canary` or else the settings say; a canary that
        runs is looked at, unless it is False. Raises EndpointError where a release does not come up; the
        twin then should serve again what it did.
        """
        finish(self.releases, twin)
        state = self.releases.state(twin)
        reported = str(self.store.report("release", twin)["release_id"])
        on_trial = state.canary if state else None
        if state and on_trial and canary is not False and reported in (state.release_id, on_trial.release_id):
            return self._look(twin, author, on_trial)
        if state and (decision := self._failed(twin, reported, state)):
            # The same run once more, or one that was killed before it could report.
            return self._left(twin, decision)
        release_id = target(self.store, self.releases, twin, None)
        if (self.settings.canary if canary is None else canary) and state and state.release_id != release_id:
            return self._try(twin, release_id)
        url = deploy(self.releases, self.endpoint, twin, release_id, self.seconds)
        self._wait(twin, None)
        return Deployed(release_id, url)

    def _try(self, twin: str, release_id: str) -> Deployed:
        with _restored(self.releases, twin):
            canary = self.releases.start_canary(twin, release_id, after=self.traces.newest(twin))
            url = self.endpoint.ensure_running()
            self._wait(twin, canary)
        return Deployed(release_id, url, canary.share)

    def _look(self, twin: str, author: str, canary: Canary) -> Deployed:
        decision = looked(self.store, self.traces, twin, author, canary)
        follow(self.releases, twin, canary, decision)
        if decision.action == "roll_back":
            return self._left(twin, decision)
        url = self.endpoint.ensure_running()
        if decision.action == "promote":
            self.endpoint.wait_until_serving(twin, canary.release_id, self.seconds)
        else:
            self._wait(twin, self.releases.canary(twin))
        return Deployed(canary.release_id, url, decision.share, decision)

    def _failed(self, twin: str, release_id: str, state: Desired) -> Decision | None:
        """The decision that ended this release's canary, where it was the last one and still holds."""
        ended = state.ended or {}
        if (ended.get("release_id"), ended.get("action")) != (release_id, "roll_back"):
            return None
        if self.releases.quarantine_of(twin, release_id) is None:
            return None
        return Decision("roll_back", ended["reason"], 0, ended["evidence"])

    def _left(self, twin: str, decision: Decision) -> Deployed:
        """The champion answers everybody again."""
        url, champion = self.endpoint.ensure_running(), str(self.releases.desired(twin))
        self.endpoint.wait_until_serving(twin, champion, self.seconds)
        self._wait(twin, None)
        return Deployed(champion, url, decision=decision)

    def _wait(self, twin: str, canary: Canary | None) -> None:
        """Return once the server has this canary, at this share, or none; raises EndpointError."""
        deadline = time.monotonic() + self.seconds
        while time.monotonic() < deadline:
            stands = self.endpoint.status()["twins"].get(twin, {}).get("canary")
            if _is(stands, canary):
                return
            if canary and stands and stands["release_id"] == canary.release_id and stands["error"]:
                raise EndpointError(
                    f"release {canary.release_id} of twin {twin} cannot be served: {stands['error']}"
                )
            time.sleep(POLL_SECONDS)
        wanted = f"{canary.release_id} at {canary.share} %" if canary else "no canary"
        raise EndpointError(f"the server of twin {twin} should have {wanted}; it says: {stands}")


def described(done: Deployed, before: str | None, quarantined: int) -> dict[str, Any]:
    """What is told of a deployment; `before` is the release that should have served until then."""
    metadata: dict[str, Any] = {
        "release_id": done.release_id,
        "previous": before or "none",
        "reused": done.share == 100 and done.release_id == before,
        "share": done.share,
        "quarantined": quarantined,
    }
    return metadata | (told(done.decision) if done.decision else {})


def _is(stands: dict[str, Any] | None, canary: Canary | None) -> bool:
    if stands is None or canary is None:
        return stands is None and canary is None
    same = (stands["release_id"], stands["share"]) == (canary.release_id, canary.share)
    return same and bool(stands["serving"])


def target(store: Store, releases: Releases, twin: str, chosen: str | None) -> str:
    """The release to deploy: the chosen one, else what `release` last reported.

    Raises ValueError where that one has been rolled back since; UnknownRelease, NotMaterialized.
    """
    release_id = chosen or str(store.report("release", twin)["release_id"])
    adapter = releases.manifest(twin, release_id).adapter
    if chosen is None and adapter in releases.quarantined(twin):
        raise ValueError(
            f"release {release_id} of twin {twin} was rolled back: run twin_job for a new evaluation, "
            "or name a release in the run's config"
        )
    return release_id


def deploy(releases: Releases, endpoint: Endpoint, twin: str, release_id: str, seconds: float) -> str:
    """Let the server serve a release, and return its address.

    Raises EndpointError when it does not come up; the twin then should serve again what it did.
    """
    with _restored(releases, twin):
        releases.desire(twin, release_id)
        address = endpoint.ensure_running()
        endpoint.wait_until_serving(twin, release_id, seconds)
        return address


def roll_back(releases: Releases, endpoint: Endpoint, twin: str, release_id: str, seconds: float) -> str:
    """Like `deploy`; the adapters of the releases that are left are never promoted again.

    Those left, the champion or a canary beside it, are marked first, so that a process killed in between
    cannot bring them back.
    """
    state = releases.written(twin)
    serving = [state.release_id, *([state.canary.release_id] if state.canary else [])] if state else []
    left = [one for one in serving if one != release_id]
    before = {one: releases.quarantine_of(twin, one) for one in [*left, release_id]}
    for one in left:
        releases.quarantine(twin, one, f"rolled back to {release_id}")
    releases.release_from_quarantine(twin, release_id)
    try:
        return deploy(releases, endpoint, twin, release_id, seconds)
    except BaseException:
        _restore_quarantine(releases, twin, before)
        raise


def _restore_quarantine(releases: Releases, twin: str, before: dict[str, dict[str, Any] | None]) -> None:
    for release_id, kept in before.items():
        if kept is None:
            releases.release_from_quarantine(twin, release_id)
        else:
            releases.quarantine(twin, release_id, kept["reason"], kept.get("evidence"))


@contextmanager
def _restored(releases: Releases, twin: str) -> Iterator[None]:
    """What fails inside leaves the twin to serve what it did."""
    before = releases.written(twin)
    try:
        yield
    except BaseException:
        releases.restore(twin, before)
        raise


def misquotations(citations: list[dict[str, Any]], texts: dict[str, str]) -> list[str]:
    """The citations whose quotation does not stand at its offsets in the cleaned documents, in words."""
    return [
        f"{one['uri']} {one['start']}:{one['end']}"
        for one in citations
        if texts.get(one["document_id"], "")[one["start"] : one["end"]] != one["quote"]
    ]
