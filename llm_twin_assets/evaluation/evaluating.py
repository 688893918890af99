"""The evaluation of one twin: its models are scored and asked, and the gate decides."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from llm_twin_assets.documents.shingles import words as folded
from llm_twin_assets.documents.splits import learnable
from llm_twin_assets.evaluation import guarding
from llm_twin_assets.evaluation.arms import RETRIEVAL, Arm, Yardstick
from llm_twin_assets.evaluation.bootstrap import Improvement, Paired, improvement
from llm_twin_assets.evaluation.gate import Decision, Measured, by_scores, without_scores
from llm_twin_assets.evaluation.guards import Finding, judged
from llm_twin_assets.evaluation.judge import opinion
from llm_twin_assets.evaluation.lineup import NOTHING, SCORING, WORTHWHILE, Asking, Lineup
from llm_twin_assets.evaluation.memorisation import Memory
from llm_twin_assets.evaluation.prompts import TestSet, injected, test_set
from llm_twin_assets.evaluation.reporting import Evaluation, content, numbers
from llm_twin_assets.evaluation.scoring import (
    Candidate,
    Material,
    Measurements,
    Scores,
    known_measurements,
    measured,
    per_byte,
)
from llm_twin_assets.evaluation.style import learned_style
from resources.models import Model, ModelStore
from resources.releases import Manifest, Releases


class NotEvaluable(RuntimeError):
    """There is no model to evaluate, or it was tuned on another base than there is now."""


def line_up(
    models: ModelStore,
    releases: Releases,
    twin: str,
    author: str,
    documents: pd.DataFrame,
    asked: Asking = NOTHING,
) -> Lineup:
    """The twin's models, test documents and prompts as they are now; raises NotEvaluable."""
    base, tuned = models.current("base_model"), models.current("aligned_model", twin)
    if base is None or tuned is None:
        raise NotEvaluable(f"twin {twin} has no tuned model: run base_job, then twin_job")
    if tuned.metadata["base"] != base.version:
        raise NotEvaluable(f"the base model changed since twin {twin} was tuned on it: run twin_job again")
    release = releases.champion(twin)
    test, train = learnable(documents, "test"), learnable(documents, "train").sort_values("document_id")
    location, revision = models.location(base), base.metadata["revision"]
    return Lineup(
        base=Candidate(base.version, location, revision, None),
        challenger=Candidate(tuned.version, location, revision, models.location(tuned)),
        champion=_champion(models, release) if release else None,
        release_id=release.release_id if release else None,
        is_quarantined=tuned.version in releases.quarantined(twin),
        documents=test[test["author"] == author].sort_values("document_id").reset_index(drop=True),
        author=author,
        learned=train[["author", "text", "content_hash"]].reset_index(drop=True),
        hidden=frozenset(documents[documents["split"] != "train"]["document_id"]),
        asking=asked,
    )


def evaluate(lineup: Lineup, before: dict[str, Any], threads: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The report and its metadata; what `before`, the twin's last report, has is not measured again."""
    decision = without_scores(lineup.contest)
    test = test_set(lineup.asking.prompts, lineup.sight, lineup.texts_hash)
    material = Material(lineup.documents, test.asked, list(lineup.learned["text"]))
    candidates, known = list(lineup.candidates.values()), _known(before)
    if decision is None:
        found = measured(candidates, material, known, threads)
    else:
        found = known_measurements(candidates, material, known)
    evaluation = _evaluated(_Found(lineup, test, found), decision, before)
    report = content(evaluation)
    return report, numbers(evaluation, report)


@dataclass(frozen=True)
class _Found:
    """A line-up, what it was asked, and what was measured of it."""

    lineup: Lineup
    test: TestSet
    measurements: Measurements

    def arms(self, yardstick: Yardstick) -> Iterator[Arm]:
        """Every arm; none where nothing was asked."""
        sets = {"": self.test.alone, RETRIEVAL: self.test.with_passages}
        for how, asked in sets.items():
            for name, model in self.lineup.candidates.items() if asked else ():
                said = [self.measurements.answer(model.version, one) for one in asked]
                yield yardstick.arm(name + how, model.version, self.test.prompts, asked, said)

    def findings(self, arms: dict[str, Arm]) -> list[Finding]:
        """What the challenger did that no release may do."""
        version = self.lineup.challenger.version
        said = (self.measurements.answer(version, one) for one in self.test.ordered)
        orders = zip(injected(), said, strict=False)
        return guarding.findings(arms, [(order, answer) for order, answer in orders if answer])

    def over(self, other: Candidate | None) -> Improvement | None:
        """How much better the challenger is than another model, where every score is there."""
        lineup, scores = self.lineup, self.measurements.scores
        if other is None or len(lineup.documents) == 0:
            return None
        wanted = [scores[other.version], scores[lineup.challenger.version]]
        if any(len(found) < len(lineup.documents) for found in wanted):
            return None
        # Fewer bits are better, and a paired score is better the higher it is.
        before, after = (
            [-bits for bits in per_byte(scores, version, lineup.documents)]
            for version in (other.version, lineup.challenger.version)
        )
        return improvement(Paired(list(lineup.documents["document_id"]), before, after), "bits per byte")


def _evaluated(found: _Found, decision: Decision | None, before: dict[str, Any]) -> Evaluation:
    lineup = found.lineup
    style = learned_style(lineup.learned, lineup.author)
    learned = Memory(map(folded, lineup.learned["text"]))
    arms = {arm.name: arm for arm in found.arms(Yardstick(style, learned, lineup.asking.public))}
    over_base, over_champion = found.over(lineup.base), found.over(lineup.champion)
    reference = "champion" if "champion" in lineup.candidates else "base"
    seen = found.findings(arms)
    guards = [judged(guard) for guard in guarding.guards(arms, reference)]
    if decision is None:
        assert over_base is not None
        # Against the base a guard may refuse, not hold back: no release would go on serving instead.
        decisive = [one for one in guards if reference == "champion" or one.verdict != "undecided"]
        decision = by_scores(Measured(over_base, over_champion, decisive, seen, WORTHWHILE))
        ask = lineup.asking.teacher
    else:
        ask = None
    told = opinion(ask, found.test.prompts, arms.get(reference), arms.get("tuned"), before.get("judge"))
    return Evaluation(
        lineup=lineup,
        decision=decision,
        measurements=found.measurements,
        over_base=over_base,
        over_champion=over_champion,
        test=found.test,
        arms=arms,
        style=style,
        guards=guards,
        findings=seen,
        judge=told,
    )


def _known(before: dict[str, Any]) -> Measurements:
    scores: Scores = before.get("bits_per_byte", {}) if before.get("scoring") == SCORING else {}
    return Measurements(scores, before.get("answers", {}))


def _champion(models: ModelStore, release: Manifest) -> Candidate:
    base = models.location(Model(release.base, "", release.base_folder))
    adapter = models.location(Model(release.adapter, "", release.adapter_folder))
    return Candidate(release.adapter, base, release.base_revision, adapter)
