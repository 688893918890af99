"""A twin's traffic held to the reference that was pinned for it: which windows there are, and what they show.

The reference is a thousand questions that the release which serves now was asked, the first it got; they stay
pinned until another release serves, the embedder changes, or somebody asks for it, and then the newest
thousand take their place. What came after is cut into windows of two hundred. Only requests that this
release answered count: another one's scores differ for reasons that are no drift.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from llm_twin_assets.contracts import digest
from llm_twin_assets.monitoring.drift_looks import Thresholds
from llm_twin_assets.monitoring.drift_plots import p_values_plot, projection_plot, scores_plot
from llm_twin_assets.monitoring.drift_reference import Pinned, pin, questions, read_pinned, window_of
from llm_twin_assets.monitoring.drift_rule import Verdict, drift
from llm_twin_assets.monitoring.sessions import count
from llm_twin_assets.monitoring.windows import Window, cut
from llm_twin_assets.retrieval.embedding import space
from llm_twin_assets.retrieval.query_vectors import QueryVectors
from llm_twin_assets.serving.decoding import Decoding
from resources.embedder import Embedder
from resources.opik_settings import OpikPlace
from resources.releases import Releases
from resources.store import Store

ASSET: Final = "drift_report"
_PINNED: Final = "reference.npz"
_REMEMBERED: Final = "vectors.npz"


@dataclass(frozen=True)
class Plan:
    """How many questions make a reference and a window, how many windows are looked at, and the limits.

    tests/bench_drift.py measures the rule with these numbers.
    """

    reference: int = 1000
    window: int = 200
    most_windows: int = 10
    thresholds: Thresholds = field(default_factory=Thresholds)


@dataclass(frozen=True)
class Lineup:
    """What is to be looked at: the reference (None while there is too little), and the rows that came after.

    asked: how many questions the release got in all.
    """

    twin: str
    release_id: str
    asked: int
    pinned: Pinned | None
    rows: pd.DataFrame
    memory: QueryVectors
    plan: Plan

    @property
    def window_id(self) -> str:
        """Names the reference and the windows: it changes with the reference, and with each whole window."""
        last = str(self.rows["trace_id"].iloc[-1]) if len(self.rows) else None
        return digest(self.twin, self.release_id, self.pinned and self.pinned.about, last)[:16]

    @property
    def inputs(self) -> str:
        """What the report hangs on; while there is no reference, also on how far it has come."""
        return digest(self.window_id, asdict(self.plan), None if self.pinned else self.asked)


def line_up(
    store: Store, releases: Releases, embedder: Embedder, twin: str, plan: Plan, repin: bool = False
) -> Lineup:
    """The reference, pinned now where it has to be, and the whole windows after it.

    repin: take the newest questions for the reference, whatever is pinned. Raises NotMaterialized.
    """
    rows = store.read("production_traces", twin)
    release_id = releases.desired(twin) or (str(rows["release_id"].iloc[-1]) if len(rows) else "")
    rows = rows[rows["release_id"] == release_id].reset_index(drop=True)
    path, pinned = store.folder(ASSET, twin) / _PINNED, None
    if not repin:
        pinned = _fitting(read_pinned(path), release_id, space(embedder))
    if pinned is None and len(rows) >= plan.reference:
        chosen = rows.tail(plan.reference) if repin else rows.head(plan.reference)
        pinned = pin(path, chosen, embedder, _declining(releases, twin, release_id))
    memory = QueryVectors(path.with_name(_REMEMBERED), embedder, space(embedder))
    after = _whole(rows[_begin(store, twin, pinned, rows) :], plan) if pinned else rows.head(0)
    return Lineup(twin, release_id, len(rows), pinned, after, memory, plan)


def report(lineup: Lineup) -> tuple[dict[str, Any], dict[str, Any]]:
    """The report with its pictures, and the numbers worth plotting of it."""
    pinned, (verdict, windows) = lineup.pinned, _judged(lineup)
    lineup.memory.keep()
    told = numbers(verdict)
    return {
        **verdict.as_json(),
        "twin": lineup.twin,
        "window_id": lineup.window_id,
        "numbers": told,
        "reference": pinned and {**pinned.about, **_size(pinned.window)},
        "windows": _told(lineup, windows),
        "plots": _plots(pinned.window, windows, verdict) if pinned and windows else {},
    }, told


def numbers(verdict: Verdict) -> dict[str, Any]:
    """State and reason, what drifted, and of each signal its state and its last look's p and effect."""
    drifted = [name for name, signal in verdict.signals.items() if signal.state == "drift"]
    told: dict[str, Any] = {"state": verdict.state, "reason": verdict.reason, "drifted": ", ".join(drifted)}
    told |= {"reference_questions": verdict.reference, "windows": len(verdict.windows)}
    for name, signal in verdict.signals.items():
        told[f"{name}/state"] = signal.state
        if signal.looks:
            last = signal.looks[-1]
            told |= {f"{name}/p": round(last.adjusted, 5), f"{name}/effect": round(last.effect, 5)}
    return told


def tell_opik(home: Path, content: Mapping[str, Any], place: OpikPlace) -> str | None:
    """Note what a report found for the next export, each window once; returns its trace's id.

    None, and nothing is noted, while there is no window. Raises sqlite3.Error.
    """
    from resources.opik_drift import publish_drift

    if not content["windows"]:
        return None
    found = content["numbers"].items()
    known = {name.replace("/", "_"): value for name, value in found if isinstance(value, float)}
    until = datetime.fromisoformat(content["windows"][-1]["until"])
    at = until if until.tzinfo else until.replace(tzinfo=UTC)
    return publish_drift(home, place, content["twin"], at, content["state"], known)


def _judged(lineup: Lineup) -> tuple[Verdict, list[Window]]:
    """The verdict, and the windows that it is about."""
    plan, pinned = lineup.plan, lineup.pinned
    if pinned is not None:
        windows = _windows(lineup, pinned)
        return drift(pinned.window, windows, plan.thresholds), windows
    asked = f"{lineup.asked} questions to release {lineup.release_id or '(none yet)'}"
    reason = f"{asked}, {plan.reference} are needed for a reference"
    return Verdict("insufficient", reason, {}, plan.thresholds, lineup.asked, ()), []


def _windows(lineup: Lineup, pinned: Pinned) -> list[Window]:
    if lineup.rows.empty:
        return []
    stream = window_of(lineup.rows, lineup.memory.encode(questions(lineup.rows)), pinned.declining)
    return cut(stream, lineup.plan.window, [str(at)[:16] for at in lineup.rows["created_at"]])


def _whole(after: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """The last whole windows of what came after the reference."""
    whole = after.head(len(after) // plan.window * plan.window)
    return whole.tail(plan.most_windows * plan.window).reset_index(drop=True)


def _begin(store: Store, twin: str, pinned: Pinned, rows: pd.DataFrame) -> int:
    """Where the first window begins: after the reference, or at one that was cut when it was still there.

    So windows stay as they were cut when the requests before them are forgotten.
    """
    place = {trace: at for at, trace in enumerate(rows["trace_id"])}
    if pinned.last in place:
        return place[pinned.last] + 1
    before = store.report(ASSET, twin)["windows"] if store.record(ASSET, twin) else []
    return next((place[one["first"]] for one in before if one["first"] in place), 0)


def _declining(releases: Releases, twin: str, release_id: str) -> float:
    if release_id not in releases.all(twin):
        return Decoding().min_similarity
    decoding = releases.manifest(twin, release_id).decoding
    return float(decoding.get("min_similarity", Decoding().min_similarity))


def _fitting(pinned: Pinned | None, release_id: str, vectors: str) -> Pinned | None:
    """What is pinned, where it is of this release and in this space."""
    return pinned if pinned and (pinned.release_id, pinned.space) == (release_id, vectors) else None


def _size(window: Window) -> dict[str, int]:
    return {"questions": len(window), "sessions": count(window.sessions)}


def _told(lineup: Lineup, windows: list[Window]) -> list[dict[str, Any]]:
    """Of each window its ends, its size, and each score's mean."""
    rows, size = lineup.rows, lineup.plan.window
    ends = [rows.iloc[[at * size, (at + 1) * size - 1]].to_dict("records") for at in range(len(windows))]
    return [
        {
            "first": first["trace_id"],
            "since": first["created_at"],
            "until": last["created_at"],
            "means": _means(window),
            **_size(window),
        }
        for (first, last), window in zip(ends, windows, strict=True)
    ]


def _means(window: Window) -> dict[str, float]:
    known = {name: values[~np.isnan(values)] for name, values in window.scores.items()}
    return {name: round(float(values.mean()), 4) for name, values in known.items() if len(values)}


def _plots(reference: Window, windows: list[Window], verdict: Verdict) -> dict[str, str]:
    """The pictures that there are, as data URIs."""
    made = {
        "p_values": p_values_plot(verdict),
        "projection": projection_plot(reference, windows[-1]),
        "scores": scores_plot(reference, windows[-1]),
    }
    return {name: uri for name, uri in made.items() if uri}
