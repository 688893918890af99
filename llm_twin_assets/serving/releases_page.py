"""What is live, on trial, in quarantine, and why: as JSON, and as a page that shows it."""

from collections.abc import Callable
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from llm_twin_assets.evaluation.report_page import NAME
from llm_twin_assets.serving.pages import Page, assembled
from llm_twin_assets.serving.state import Serving
from resources.releases import Canary, Releases
from resources.store import Store
from resources.twins import Twin, Twins

# Where `make dev` shows the graph that all this came out of.
DAGSTER: Final = "http://127.0.0.1:3000/asset-groups"
TIMELINE: Final = 10


def releases_report(
    twins: Twins, store: Store, releases: Releases, serving: Serving | None
) -> dict[str, Any]:
    """Every declared twin as it stands, as JSON; without `serving`, as it should stand."""
    state = serving.ready() if serving else {"twins": {}}
    return {
        "index_id": state.get("index_id"),
        "index_error": state.get("error"),
        "dagster": DAGSTER,
        "twins": [
            _twin(twin, store, releases, state["twins"].get(twin.name) if serving else None)
            for twin in twins.twins
        ],
    }


def releases_page() -> Page:
    """The page at `/releases`; it holds no data and asks `/v1/releases` for it."""
    return assembled("releases.html", ["look.css", "releases.css"], ["shared.js", "releases.js"])


def add_releases(app: FastAPI, report: Callable[[], dict[str, Any]]) -> None:
    """Serve the page, and the data of the twins that the request's key may ask."""
    page = releases_page()

    @app.get("/releases", response_class=HTMLResponse)
    async def releases() -> HTMLResponse:
        return HTMLResponse(page.html, headers=dict(page.headers))

    @app.get("/v1/releases")
    def releases_data(request: Request) -> dict[str, Any]:
        key, found = getattr(request.state, "key", None), report()
        seen = [one for one in found["twins"] if key is None or key.may(one["twin"])]
        return found | {"twins": seen}


def _twin(twin: Twin, store: Store, releases: Releases, served: dict[str, Any] | None) -> dict[str, Any]:
    desired = releases.state(twin.name)
    canary, ended = (desired.canary, desired.ended) if desired else (None, None)
    timeline = _timeline(releases, twin.name)
    return {
        "twin": twin.name,
        "author": twin.author,
        "live": _live(releases, twin.name, served),
        "canary": _canary(canary, served) if canary else None,
        "ended": _picked(ended, "release_id", "action", "reason") if ended else None,
        "evaluation": _evaluation(store, twin.name),
        "drift": _drift(store, twin.name),
        "quarantined": _quarantined(releases, twin.name),
        "releases": len(timeline),
        "timeline": timeline[:TIMELINE],
    }


def _live(releases: Releases, twin: str, served: dict[str, Any] | None) -> dict[str, Any] | None:
    """The release that answers; where a server does not yet answer as it should, what is in its way."""
    desired = releases.desired(twin)
    release_id = served["release_id"] if served else desired
    if desired is None:
        return None
    waiting = {"release_id": None, "desired": desired, "error": served["error"] if served else None}
    if release_id is None:
        return waiting
    manifest, about = releases.manifest(twin, release_id), releases.about(twin, release_id)
    told = {"author": manifest.author, "made_at": about["created_at"], "parent": manifest.parent}
    told["generation"] = manifest.decoding.get("generation")
    return waiting | {"release_id": release_id} | told


def _canary(canary: Canary, served: dict[str, Any] | None) -> dict[str, Any]:
    """The release on trial, and what the last look at it saw."""
    look = canary.looks[-1] if canary.looks else {}
    return {
        "release_id": canary.release_id,
        "share": canary.share,
        "since": canary.since,
        "serving": bool(served and (served.get("canary") or {}).get("serving")),
        "conversations": {"canary": look.get("canary"), "control": look.get("control"), "due": canary.due},
        "looks": len(canary.looks),
        "reason": look.get("reason"),
        "measured": look.get("measured", {}),
    }


def _picked(told: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: told.get(name) for name in names}


def _evaluation(store: Store, twin: str) -> dict[str, Any] | None:
    """The gate's last decision and what it rests on; None before the first."""
    if store.record("model_evaluation", twin) is None:
        return None
    report = store.report("model_evaluation", twin)
    gain, other = report["over_champion"], "the champion"
    if gain is None:
        gain, other = report["improvement"], "the base model"
    page = store.folder("model_evaluation", twin) / NAME
    return {
        **_picked(report, "decision", "reason", "challenger", "champion"),
        "gain": gain and {**gain, "over": other},
        "guards": [_picked(guard, "name", "verdict", "reason") for guard in report["guards"]],
        "findings": len(report["findings"]),
        "page": f"store/model_evaluation/{twin}/{NAME}" if page.exists() else None,
    }


def _drift(store: Store, twin: str) -> dict[str, Any] | None:
    """What was last found of drift; None where nothing has measured it yet."""
    record = store.record("drift_report", twin)
    if record is None:
        return None
    return {"state": record.metadata.get("state", "measured"), "reason": record.metadata.get("reason")}


def _quarantined(releases: Releases, twin: str) -> list[dict[str, Any]]:
    """Each adapter that the gate must not promote, with the release it was rolled back from and why."""
    found = {}
    for release_id in releases.all(twin):
        if kept := releases.quarantine_of(twin, release_id):
            adapter = releases.manifest(twin, release_id).adapter
            found[adapter] = {"release_id": kept["release_id"], "reason": kept["reason"], "adapter": adapter}
    return list(found.values())


def _timeline(releases: Releases, twin: str) -> list[dict[str, Any]]:
    """Every release of a twin, newest first."""
    return [_entry(releases, twin, release_id) for release_id in reversed(releases.all(twin))]


def _entry(releases: Releases, twin: str, release_id: str) -> dict[str, Any]:
    return {
        "release_id": release_id,
        "made_at": releases.about(twin, release_id)["created_at"],
        "parent": releases.manifest(twin, release_id).parent,
        "quarantined": releases.quarantine_of(twin, release_id) is not None,
    }
