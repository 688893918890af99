"""One window held to the reference, in every signal that has enough to be looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llm_twin_assets.monitoring.drift_signals import QUESTIONS, Sample, compared, harm, holm, sample
from llm_twin_assets.monitoring.windows import Window, halved


@dataclass(frozen=True)
class Thresholds:
    """The numbers that are decided by; tests/bench_drift.py measures what they are good for.

    alpha: a window's level. permutations and seed: of the test. consecutive: how many of the last windows
    must agree. floor: the smallest change in embeddings that matters, as a share of their spread; a tenth of
    the traffic that turns to a new topic makes about as much. score_floor: that of a score, in its standard
    deviations. stale: the share of answers that may cite what has changed. self_check: the level at which a
    reference is refused. fewest_questions and fewest_sessions: of a sample. reference_ratio: how many times a
    window's sessions a reference needs, because one as small as a window is unlucky too often.
    """

    alpha: float = 0.05
    permutations: int = 999
    seed: int = 0
    consecutive: int = 2
    floor: float = 0.0003
    score_floor: float = 0.2
    stale: float = 0.02
    self_check: float = 0.01
    fewest_questions: int = 100
    fewest_sessions: int = 20
    reference_ratio: float = 2.0

    def is_large(self, name: str, effect: float) -> bool:
        """Whether a change of a signal, counted in the direction that does harm, reaches its floor."""
        return effect >= (self.floor if name == QUESTIONS else self.score_floor)


@dataclass(frozen=True)
class Look:
    """What a window showed; `adjusted` is the p-value for the number of signals looked at with this one.

    effect: as `compared` gives it. questions and sessions: how many were measured in the window.
    """

    window: int
    label: str
    p_value: float
    adjusted: float
    effect: float
    questions: int
    sessions: int
    is_alarm: bool


def looks(
    reference: Window, window: Window, number: int, names: Sequence[str], limits: Thresholds
) -> dict[str, Look]:
    """The window's look at each of the signals, without those that have too little in it.

    number: which window it is. It does not enter the seed: a window is found the same wherever it stands.
    """
    firsts, seconds = _samples(reference, names), _samples(window, names)
    enough = [name for name in names if not shortfall(firsts[name], seconds[name], limits)]
    found = _tested(firsts, seconds, enough, limits)
    return {
        name: Look(
            number,
            window.label,
            p_value,
            adjusted,
            effect,
            len(seconds[name]),
            seconds[name].independent,
            adjusted <= limits.alpha and limits.is_large(name, harm(name, effect)),
        )
        for name, (p_value, adjusted, effect) in found.items()
    }


def shortfall(reference: Sample, one: Sample, limits: Thresholds) -> str:
    """What is lacking for a sample to be held to a reference; an empty text where nothing is."""
    needed = limits.reference_ratio * one.independent
    if missing := too_little(one, limits):
        return missing
    if reference.independent < needed:
        return (
            f"the reference has {reference.independent} sessions, {needed:.0f} are needed for such a window"
        )
    return ""


def too_little(one: Sample, limits: Thresholds) -> str:
    """What is lacking for a sample to be looked at at all; an empty text where nothing is."""
    if len(one) < limits.fewest_questions:
        return f"{len(one)} measured questions, {limits.fewest_questions} are needed"
    if one.independent < limits.fewest_sessions:
        return f"{one.independent} sessions, {limits.fewest_sessions} are needed"
    return ""


def unlike_itself(reference: Window, names: Sequence[str], limits: Thresholds) -> dict[str, str]:
    """The signals whose reference already drifts, its later sessions from its earlier ones, and how much."""
    firsts, seconds = (_samples(half, names) for half in halved(reference))
    found = _tested(firsts, seconds, names, limits)
    return {
        name: f"the reference is unlike itself: its halves differ (p {adjusted:.3f}, effect {effect:.4f}); "
        "pin another that is all of one kind"
        for name, (_, adjusted, effect) in found.items()
        if adjusted <= limits.self_check and limits.is_large(name, abs(effect))
    }


def _samples(window: Window, names: Sequence[str]) -> dict[str, Sample]:
    return {name: sample(window, name) for name in names}


def _tested(
    firsts: Mapping[str, Sample],
    seconds: Mapping[str, Sample],
    names: Sequence[str],
    limits: Thresholds,
) -> dict[str, tuple[float, float, float]]:
    """Each signal's p-value, the same adjusted for the number of signals, and its effect."""
    found = [compared(firsts[name], seconds[name], limits.permutations, limits.seed) for name in names]
    adjusted = holm([p_value for p_value, _ in found])
    return {
        name: (p_value, level, effect)
        for name, (p_value, effect), level in zip(names, found, adjusted, strict=True)
    }
