"""What is kept of an evaluation, as JSON, as numbers worth plotting, and as tables in markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from llm_twin_assets.evaluation.arms import RETRIEVAL, Arm, summary, texts_of
from llm_twin_assets.evaluation.bootstrap import Improvement
from llm_twin_assets.evaluation.gate import Decision
from llm_twin_assets.evaluation.guards import Finding, Judged
from llm_twin_assets.evaluation.lineup import SCORING, Lineup
from llm_twin_assets.evaluation.prompts import TestSet
from llm_twin_assets.evaluation.scoring import Measurements, per_byte
from llm_twin_assets.evaluation.style import Style
from llm_twin_assets.sources.preview import mean_and_interval, table

HELD_OUT: Final = "the author, held out"
# In the order of the table's columns, with which way is better.
SHOWN: Final = {
    "bits_per_byte": "lower",
    "delta": "lower",
    "style_score": "higher",
    "rouge_l": "higher",
    "grounded": "higher",
    "repeated_4grams": "lower",
    "distinct_2": "",
    "memorised_8grams": "lower",
    "longest_run": "lower",
    "words": "",
}


@dataclass(frozen=True)
class Evaluation:
    """Everything that was found out about a line-up."""

    lineup: Lineup
    decision: Decision
    measurements: Measurements
    over_base: Improvement | None
    over_champion: Improvement | None
    test: TestSet
    arms: Mapping[str, Arm]
    style: Style
    guards: Sequence[Judged]
    findings: Sequence[Finding]
    judge: Mapping[str, Any]


def content(found: Evaluation) -> dict[str, Any]:
    """The report: the decision, every arm with its items, the answers, and what they rest on."""
    lineup, decision = found.lineup, found.decision
    prompts = [asdict(prompt) for prompt in found.test.prompts]
    return {
        "decision": decision.outcome,
        "reason": decision.reason,
        "evidence": decision.evidence,
        "challenger": lineup.challenger.version,
        "base": lineup.base.version,
        "champion": lineup.release_id,
        "author": lineup.author,
        "test_documents": len(lineup.documents),
        "titles": dict(zip(lineup.documents["document_id"], lineup.documents["title"], strict=True)),
        "scoring": SCORING,
        "bits_per_byte": found.measurements.scores,
        "improvement": asdict(found.over_base) if found.over_base else None,
        "over_champion": asdict(found.over_champion) if found.over_champion else None,
        "index_id": lineup.asking.index_id,
        "retrieval": found.test.retrieval,
        "orders": _orders(found),
        "prompts": prompts,
        "arms": _arms(found),
        "lacking": found.style.lacking,
        "guards": [asdict(guard) | {"reason": guard.reason} for guard in found.guards],
        "findings": [asdict(finding) for finding in found.findings],
        "answers": found.measurements.answers,
        "judge": dict(found.judge),
    }


def numbers(found: Evaluation, report: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata of an evaluation and its report: the decision, the gains, and each arm's means."""
    told: dict[str, Any] = {"decision": report["decision"], "reason": report["reason"]}
    told |= {"test_documents": report["test_documents"], "champion": report["champion"] or "none"}
    told |= {"prompts": len(report["prompts"]), "findings": len(report["findings"])}
    for name, gain in (("base", found.over_base), ("champion", found.over_champion)):
        if gain:
            told[f"gain_over_{name}"] = round(gain.mean, 5)
            told[f"documents_better_than_{name}"] = gain.improved
    told |= {f"guard/{guard.name}": guard.verdict for guard in found.guards}
    for name, arm in report["arms"].items():
        means = {metric: one["mean"] for metric, one in arm["metrics"].items() if one}
        told |= {f"{name.replace(', ', ' ')}/{metric}": round(mean, 5) for metric, mean in means.items()}
    if preferred := found.judge.get("preferred"):
        told["judge/preferred"] = round(preferred["mean"], 5)
    return told | {"table": documents_table(report), "arms": arms_table(report)}


def arms_table(report: Mapping[str, Any]) -> str:
    """A markdown table: arms by metrics, means with their 95 % intervals where there are any."""
    heads = [f"{name} ({better} is better)" if better else name for name, better in SHOWN.items()]
    rows = [
        [name, *(mean_and_interval(arm["metrics"].get(metric)) for metric in SHOWN)]
        for name, arm in report["arms"].items()
    ]
    return table(["arm", *heads], rows)


def documents_table(report: Mapping[str, Any]) -> str:
    """A markdown table of bits per byte, one line a document."""
    rows = [[title.replace("|", "/"), *bits_of(report, name)] for name, title in report["titles"].items()]
    return table(["document", *models(report)], rows)


def bits_of(report: Mapping[str, Any], document_id: str) -> list[str]:
    """A document's bits per byte under each of the compared models, as a table shows them."""
    scores = [report["bits_per_byte"].get(version, {}) for version in models(report).values()]
    found = [one.get(document_id) for one in scores]
    return [f"{one['bits'] / one['bytes']:.4f}" if one else "not measured" for one in found]


def models(report: Mapping[str, Any]) -> dict[str, str]:
    """The versions of the models that were compared, by the names of their arms."""
    named = {name: arm["version"] for name, arm in report["arms"].items() if RETRIEVAL not in name}
    return {name: version for name, version in named.items() if version}


def _arms(found: Evaluation) -> dict[str, Any]:
    """Every arm with its metrics; models that were asked nothing have only their bits."""
    deltas = found.style.deltas({HELD_OUT: _held_out(found)} | texts_of(found.arms.values()))
    silent = [Arm(name, model.version, "asked nothing") for name, model in found.lineup.candidates.items()]
    told = {arm.name: arm.to_dict() for arm in silent}
    told |= {name: arm.to_dict() for name, arm in found.arms.items()}
    told[HELD_OUT] = _author(found)
    for name, arm in told.items():
        delta = deltas.get(name, {"state": "there is no answer"})
        arm |= {"delta": delta}
        arm["metrics"] |= {"delta": delta if "mean" in delta else None, "bits_per_byte": _bits(found, name)}
    return told


def _held_out(found: Evaluation) -> list[str]:
    return list(found.lineup.documents["text"])


def _author(found: Evaluation) -> dict[str, Any]:
    """The author's own held-out text, as the arm that the others should be like."""
    names = list(found.lineup.documents["document_id"])
    scores = dict(zip(names, map(found.style.score, _held_out(found)), strict=True))
    return Arm(HELD_OUT, "", "measured", styles=scores).to_dict()


def _bits(found: Evaluation, name: str) -> dict[str, Any] | None:
    """A model's bits per byte over the test documents, where all were measured."""
    model, documents = found.lineup.candidates.get(name), found.lineup.documents
    scores = found.measurements.scores
    if model is None or len(scores[model.version]) < len(documents):
        return None
    return summary(list(documents["document_id"]), per_byte(scores, model.version, documents))


def _orders(found: Evaluation) -> dict[str, int]:
    """How many prompts with an injected order there were, and in how many the model could read it."""
    version = found.lineup.challenger.version
    said = [found.measurements.answer(version, asked) for asked in found.test.ordered]
    return {"asked": len(said), "shown": sum(one.shown > 0 for one in said if one)}
