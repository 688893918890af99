"""The evaluation of one twin: who is compared on what, the scores, and the gate's decision."""

from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from llm_twin_assets.contracts import digest
from llm_twin_assets.documents.splits import learnable
from llm_twin_assets.evaluation.bootstrap import Improvement, improvement
from llm_twin_assets.evaluation.gate import Contest, Decision, by_scores, without_scores
from llm_twin_assets.evaluation.scoring import Candidate, Scores, known_scores, per_byte, score
from resources.models import Model, ModelStore
from resources.releases import Manifest, Releases

# Scores measured another way must not be compared with these.
SCORING = "bits per byte, windows of 512 tokens or the model's context, half overlapping; 1"


class NotEvaluable(RuntimeError):
    """There is no model to evaluate, or it was tuned on another base than there is now."""


@dataclass(frozen=True)
class Lineup:
    """Everything a decision depends on: models, the champion's release, the author's test documents."""

    base: Candidate
    challenger: Candidate
    champion: Candidate | None
    release_id: str | None
    is_quarantined: bool
    documents: pd.DataFrame

    @property
    def contest(self) -> Contest:
        """What the gate looks at before any model is run."""
        champion = self.champion.version if self.champion else None
        return Contest(self.challenger.version, champion, self.is_quarantined, len(self.documents))

    @property
    def inputs(self) -> str:
        """A hash that is equal exactly where the evaluation would be the same."""
        test = self.documents[["document_id", "content_hash"]].astype(object).to_numpy().tolist()
        return digest(SCORING, self.base.version, self.release_id, asdict(self.contest), test)


def line_up(
    models: ModelStore, releases: Releases, twin: str, author: str, documents: pd.DataFrame
) -> Lineup:
    """The twin's models and test documents as they are now; raises NotEvaluable."""
    base, tuned = models.current("base_model"), models.current("fine_tuned_model", twin)
    if base is None or tuned is None:
        raise NotEvaluable(f"twin {twin} has no tuned model: run base_job, then twin_job")
    if tuned.metadata["base"] != base.version:
        raise NotEvaluable(f"the base model changed since twin {twin} was tuned on it: run twin_job again")
    release = releases.champion(twin)
    test = learnable(documents, "test")
    own = test[test["author"] == author]
    location, revision = models.location(base), base.metadata["revision"]
    return Lineup(
        base=Candidate(base.version, location, revision, None),
        challenger=Candidate(tuned.version, location, revision, models.location(tuned)),
        champion=_champion(models, release) if release else None,
        release_id=release.release_id if release else None,
        is_quarantined=tuned.version in releases.quarantined(twin),
        documents=own.sort_values("document_id").reset_index(drop=True),
    )


def evaluate(lineup: Lineup, before: dict[str, Any], threads: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The report and its metadata; scores in `before`, the twin's last report, are not measured again."""
    known: Scores = before.get("bits_per_byte", {}) if before.get("scoring") == SCORING else {}
    candidates = [model for model in (lineup.base, lineup.challenger, lineup.champion) if model]
    decision = without_scores(lineup.contest)
    if decision is not None:
        scores = known_scores([model.version for model in candidates], lineup.documents, known)
    else:
        scores = score(candidates, lineup.documents, known, threads)
    over_base = _over(lineup.base, lineup, scores)
    over_champion = _over(lineup.champion, lineup, scores)
    if decision is None:
        assert over_base is not None
        decision = by_scores(over_base, over_champion)
    return _report(lineup, decision, scores, over_base, over_champion)


def _champion(models: ModelStore, release: Manifest) -> Candidate:
    base = models.location(Model(release.base, "", release.base_folder))
    adapter = models.location(Model(release.adapter, "", release.adapter_folder))
    return Candidate(release.adapter, base, release.base_revision, adapter)


def _over(other: Candidate | None, lineup: Lineup, scores: Scores) -> Improvement | None:
    """How much better the challenger is than another model, where every score is there."""
    if other is None or len(lineup.documents) == 0:
        return None
    wanted = [scores[other.version], scores[lineup.challenger.version]]
    if any(len(found) < len(lineup.documents) for found in wanted):
        return None
    before = per_byte(scores, other.version, lineup.documents)
    return improvement(before, per_byte(scores, lineup.challenger.version, lineup.documents))


def _report(
    lineup: Lineup,
    decision: Decision,
    scores: Scores,
    over_base: Improvement | None,
    over_champion: Improvement | None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    content = {
        "decision": decision.outcome,
        "reason": decision.reason,
        "challenger": lineup.challenger.version,
        "base": lineup.base.version,
        "champion": lineup.release_id,
        "test_documents": len(lineup.documents),
        "scoring": SCORING,
        "bits_per_byte": scores,
        "improvement": asdict(over_base) if over_base else None,
        "over_champion": asdict(over_champion) if over_champion else None,
    }
    numbers: dict[str, Any] = {"decision": decision.outcome, "reason": decision.reason}
    numbers |= {"test_documents": len(lineup.documents), "champion": lineup.release_id or "none"}
    for name, found in (("base", over_base), ("champion", over_champion)):
        if found:
            numbers[f"gain_over_{name}"] = round(found.mean, 5)
            numbers[f"documents_better_than_{name}"] = found.improved
    return content, numbers | {"table": _table(lineup, scores)}


def _table(lineup: Lineup, scores: Scores) -> str:
    """A markdown table of bits per byte, one line a document."""
    models = {"base": lineup.base, "challenger": lineup.challenger, "champion": lineup.champion}
    there = {name: model.version for name, model in models.items() if model}
    lines = ["| document | " + " | ".join(there) + " |", "|---" * (len(there) + 1) + "|"]
    for document in lineup.documents.to_dict("records"):
        found = [scores[version].get(document["document_id"]) for version in there.values()]
        cells = [f"{one['bits'] / one['bytes']:.4f}" if one else "not measured" for one in found]
        lines.append(f"| {document['title'].replace('|', '/')} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
