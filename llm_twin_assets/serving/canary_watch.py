"""Looking at a running canary: from what its two arms were asked to a decision, and what follows from it."""

from datetime import UTC, datetime
from typing import Any

from llm_twin_assets.serving.canary import Decision, decide
from llm_twin_assets.serving.canary_scores import conversations, scorer, thumbs_of
from resources.releases import Canary, Releases
from resources.store import Store
from resources.traces import TraceStore
from resources.trial import counted, requests_of


def looked(store: Store, traces: TraceStore, twin: str, author: str, canary: Canary) -> Decision:
    """What the canary's conversations so far call for; nothing is changed."""
    requests = requests_of(traces, twin, canary)
    thumbs = thumbs_of(traces.feedback_since(twin))
    judge = scorer(store.read("cleaned_documents"), store.read("cleaned_chunks"), author)
    arms = {arm: conversations(rows, judge, thumbs) for arm, rows in requests.items()}
    decision = decide(canary.share, canary.looks, arms["canary"][0], arms["control"][0])
    if decision.evidence:
        decision.evidence.update(
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            failed=counted(requests["canary"])[1],
            parts={arm: parts for arm, (_, parts) in arms.items()},
        )
    return decision


def follow(releases: Releases, twin: str, canary: Canary, decision: Decision) -> None:
    """Do what was decided. A canary that fails is in quarantine first, which ends it: one write for both."""
    ended = {"action": decision.action, "reason": decision.reason, "evidence": decision.evidence}
    if decision.action == "roll_back":
        releases.quarantine(twin, canary.release_id, f"canary: {decision.reason}", decision.evidence)
        releases.end_canary(twin, promote=False, ended=ended)
    elif decision.action == "promote":
        releases.end_canary(twin, promote=True, ended=ended)
    elif decision.evidence:
        releases.move_canary(twin, decision.share, decision.evidence | {"reason": decision.reason})


def finish(releases: Releases, twin: str) -> None:
    """End a canary that a killed run put into quarantine and no further."""
    written = releases.written(twin)
    if written is None or written.canary is None or releases.canary(twin) is not None:
        return
    kept = releases.quarantine_of(twin, written.canary.release_id) or {}
    ended = {"action": "roll_back", "reason": kept.get("reason", ""), "evidence": kept.get("evidence", {})}
    releases.end_canary(twin, promote=False, ended=ended)


def told(decision: Decision) -> dict[str, Any]:
    """A decision as metadata: its numbers by their own names, and the whole evidence."""
    evidence = decision.evidence
    quality = evidence.get("measured", {}).get("quality", {})
    numbers = {
        "conversations_canary": evidence.get("canary"),
        "conversations_control": evidence.get("control"),
        "quality_difference": quality.get("difference"),
        "quality_at_least": evidence.get("at_least"),
        "quality_at_most": quality.get("upper"),
    }
    known = {name: value for name, value in numbers.items() if value is not None}
    return {"action": decision.action, "reason": decision.reason} | known | {"evidence": evidence}
