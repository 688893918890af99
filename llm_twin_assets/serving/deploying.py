"""Bringing a release into service, and back out when it does not come up."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from resources.endpoint import Endpoint
from resources.releases import Releases
from resources.store import Store


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
    with _desired(releases, twin, release_id):
        address = endpoint.ensure_running()
        endpoint.wait_until_serving(twin, release_id, seconds)
        return address


def roll_back(releases: Releases, endpoint: Endpoint, twin: str, release_id: str, seconds: float) -> str:
    """Like `deploy`; the adapter of the release that is left is never promoted again.

    The one left is marked first, so that a process killed in between cannot bring it back.
    """
    left, was_quarantined = releases.desired(twin), releases.quarantined(twin)
    if left is not None and left != release_id:
        releases.quarantine(twin, left, f"rolled back to {release_id}")
    releases.release_from_quarantine(twin, release_id)
    try:
        return deploy(releases, endpoint, twin, release_id, seconds)
    except BaseException:
        _restore_quarantine(releases, twin, was_quarantined, left, release_id)
        raise


def _restore_quarantine(
    releases: Releases, twin: str, before: set[str], left: str | None, chosen: str
) -> None:
    if left is not None and releases.manifest(twin, left).adapter not in before:
        releases.release_from_quarantine(twin, left)
    if releases.manifest(twin, chosen).adapter in before:
        releases.quarantine(twin, chosen, "a rollback to it failed")


@contextmanager
def _desired(releases: Releases, twin: str, release_id: str) -> Iterator[None]:
    previous = releases.desired(twin)
    releases.desire(twin, release_id)
    try:
        yield
    except BaseException:
        releases.desire(twin, previous)
        raise


def misquotations(citations: list[dict[str, Any]], texts: dict[str, str]) -> list[str]:
    """The citations whose quotation does not stand at its offsets in the cleaned documents, in words."""
    return [
        f"{one['uri']} {one['start']}:{one['end']}"
        for one in citations
        if texts.get(one["document_id"], "")[one["start"] : one["end"]] != one["quote"]
    ]
