"""What a replay sees of the system between two events: what is live, how traffic stands, who was alerted."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from resources.files import read_json
from resources.store import NotMaterialized, Store

QUESTIONS: Final = "questions"


@dataclass(frozen=True)
class Standing:
    """What is live for a twin, by id or hash; "" where there is nothing."""

    release_id: str
    index_id: str
    base: str
    adapter: str
    documents: int
    decision: str


def standing(resources: Mapping[str, Any], twin: str) -> Standing:
    """What is live for a twin now."""
    store, models = resources["store"], resources["models"]
    base, adapter = models.current("base_model"), models.current("aligned_model", twin)
    report = _report(store, "model_evaluation", twin)
    return Standing(
        resources["releases"].desired(twin) or "",
        resources["vectors"].live() or "",
        base.version if base else "",
        adapter.version if adapter else "",
        len(store.read_or_empty("cleaned_documents")),
        f"{report['decision']} ({report['reason']})" if report else "",
    )


def outcome(job: str, before: Standing, after: Standing) -> str:
    """What a run that succeeded came to."""
    if job == "base_job":
        return "a new base model" if after.base != before.base else "the base model stays as it is"
    if job == "twin_job":
        learned = "trained anew" if after.adapter != before.adapter else "nothing new to learn from"
        return f"{learned}; the gate: {after.decision}"
    index = "a new index is live" if after.index_id != before.index_id else "the index stays as it is"
    return f"{after.documents} documents, {after.documents - before.documents:+d}; {index}"


def drift_of(store: Store, twin: str) -> tuple[str, dict[str, Any]]:
    """What the last drift report says, in words and in numbers."""
    report = _report(store, "drift_report", twin)
    if not report:
        return "no report", {}
    looks = report["signals"].get(QUESTIONS, {}).get("looks", [])
    numbers: dict[str, Any] = {
        "state": report["state"],
        "drifted": report["numbers"]["drifted"],
        "alpha": report["thresholds"]["alpha"],
        "windows": len(report["windows"]),
    }
    if not looks:
        return f"{report['state']}: {report['reason']}", numbers
    numbers |= {name: looks[-1][name] for name in ("adjusted", "effect", "is_alarm")}
    return worded(numbers, report["reason"]), numbers


def worded(numbers: Mapping[str, Any], reason: str) -> str:
    """A verdict that rests on windows; where all is well, the reason only repeats the numbers."""
    alarm = "an alarm" if numbers["is_alarm"] else "no alarm"
    seen = f"questions p {numbers['adjusted']:.3f}, effect {numbers['effect']:.4f}, {alarm}"
    why = "" if numbers["state"] in ("ok", "insufficient") else f"; {reason}"
    return f"{numbers['state']}: {seen}{why}"


def alerts_of(home: Path) -> dict[str, str]:
    """What people were alerted of in a home: by the name of each event's file, its title."""
    files = (home / "alerts" / "known").glob("*.json")
    return {path.name: str((read_json(path) or {}).get("title", "")) for path in files}


def _report(store: Store, asset: str, twin: str) -> dict[str, Any]:
    try:
        return store.report(asset, twin)
    except NotMaterialized:
        return {}
