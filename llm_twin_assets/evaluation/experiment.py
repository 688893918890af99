"""An evaluation as an experiment in Opik, over the dataset of the author's held-out questions."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from llm_twin_assets.evaluation.arms import METRICS
from resources.opik_library import Experiment, ExperimentRow, note_experiment
from resources.opik_settings import OpikPlace
from resources.store import Store

ASSET: Final = "model_evaluation"
# What each answer has by itself; a style score belongs to all answers about a document together.
OF_AN_ANSWER: Final = tuple(metric for metric in METRICS if metric != "style_score")
TOLD: Final = ("decision", "reason", "challenger", "champion", "base", "index_id")


def experiment(twin: str, version: str, report: Mapping[str, Any], at: datetime) -> Experiment | None:
    """The experiment of a report: a row a question, with every arm's answer and scores, named ARM/METRIC.

    The experiment's own scores are the arms' means and the gains. None where no model answered.
    """
    arms = {name: arm for name, arm in report["arms"].items() if arm["items"]}
    if not arms:
        return None
    rows = [
        _row(prompt, {name: arm["items"][at] for name, arm in arms.items()})
        for at, prompt in enumerate(report["prompts"])
    ]
    told = {name: report[name] for name in TOLD if report[name] is not None}
    return Experiment(
        name=f"{twin} {version[:12]}",
        dataset=f"{twin}-held-out",
        at=at,
        rows=rows,
        metadata={"twin": twin, "evaluation": version, **told},
        scores=_means(report),
    )


def note_evaluation(home: Path, store: Store, twin: str, place: OpikPlace) -> str | None:
    """Have the next export send the stored report, once; returns the experiment's id, None without one."""
    written = (store.folder(ASSET, twin) / "report.json").stat().st_mtime
    at = datetime.fromtimestamp(written, UTC)
    made = experiment(twin, store.version(ASSET, twin), store.report(ASSET, twin), at)
    return note_experiment(home, place, twin, made) if made else None


def _row(prompt: Mapping[str, Any], items: Mapping[str, Mapping[str, Any]]) -> ExperimentRow:
    scores = {
        f"{arm}/{metric}": float(item[metric])
        for arm, item in items.items()
        for metric in OF_AN_ANSWER
        if item[metric] is not None
    }
    return ExperimentRow(
        asked={"question": prompt["instruction"]},
        answered={arm: item["text"] for arm, item in items.items()},
        wanted={"answer": prompt["reference"]},
        scores=scores,
    )


def _means(report: Mapping[str, Any]) -> dict[str, float]:
    means = {
        f"{name}/{metric}": found["mean"]
        for name, arm in report["arms"].items()
        for metric, found in arm["metrics"].items()
        if found
    }
    gains = {"gain_over_base": report["improvement"], "gain_over_champion": report["over_champion"]}
    return means | {name: gain["mean"] for name, gain in gains.items() if gain}
