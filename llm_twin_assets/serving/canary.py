"""Shall a canary's share grow, stay, or go? Two arms of conversations, looked at again and again.

The canary is compared with a control arm of equal size that the champion answers in the same hours. A
conversation counts once: its turns are one cluster. Two rules share the work. Harm may end the canary at
any look, however many there are. Growing beyond a quarter takes proof, at planned looks, that the canary
is not worse than the champion by MARGIN. Where that proof is not there when all the information is, the
canary ends too. `tests/bench_canary.py` shows how often each rule is wrong.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

import numpy as np

from llm_twin_assets.serving.sequential import Difference, Values, boundaries, difference, harm_radius

Action = Literal["hold", "advance", "promote", "roll_back"]
Look = Mapping[str, Any]

SHARES: Final = (5, 25, 50, 100)
# The share up to which a release serves before it has proved anything.
UNPROVED: Final = 25
# A canary that is worse by so much, of a quality between 0 and 1, must not be promoted.
MARGIN: Final = 0.05
# How often, at most, a canary that is worse by the margin is let beyond a quarter.
ALPHA: Final = 0.02
# How often an equal one is let beyond a quarter, if all the information is waited for.
POWER: Final = 0.985
# So much more information than a single look's makes up for the looks before the last one.
INFLATION: Final = 1.04
# Before this many conversations more in each arm, nothing is looked at.
FEWEST: Final = 10
# So many conversations in each arm at the first share, and so many more at the one half.
RAMP: Final = 100
CONFIRM: Final = 100
# The next look waits for so many times the conversations of this one.
GROWTH: Final = 1.3
FIRST_TEST: Final = 0.2
LEAST_STEP: Final = 0.02


@dataclass(frozen=True)
class Bound:
    """A metric that may show harm: how often it may be wrong, and the information it is narrowest at.

    tolerance: what the canary may be worse by.
    """

    alpha: float
    tuned_to: float
    tolerance: float = 0.0


# Together an equal release is rolled back for harm at most once in a hundred times.
HARM: Final = {
    "quality": Bound(0.005, 3_000),
    "errors": Bound(0.0015, 100),
    "slowness": Bound(0.0015, 300, math.log(1.25)),
    "thumbs": Bound(0.0015, 300),
}


@dataclass(frozen=True)
class Arm:
    """One arm's conversations.

    quality: one value, 0 to 1, for each. errors: the share of each one's answers that failed. seconds: the
    geometric mean of the answers' times, of those with an answer. thumbs: 0 (down) to 1 (up), of those
    with any.
    """

    quality: Values
    errors: Values
    seconds: Values = field(default_factory=lambda: np.zeros(0))
    thumbs: Values = field(default_factory=lambda: np.zeros(0))

    def __len__(self) -> int:
        return len(self.quality)


@dataclass(frozen=True)
class Decision:
    """What to do with a canary, why in words, its share from now on, and the numbers (JSON).

    Without evidence nothing was looked at; else it is the next decision's latest look.
    """

    action: Action
    reason: str
    share: int
    evidence: dict[str, Any] = field(default_factory=dict)


def decide(share: int, looks: Sequence[Look], canary: Arm, control: Arm) -> Decision:
    """What follows from all conversations so far; `looks` are the evidences of earlier decisions.

    Too few new conversations in either arm say nothing: hold, without evidence.
    """
    smaller = min(len(canary), len(control))
    if new := _too_few(looks, canary, control):
        return Decision("hold", new, share)
    evidence: dict[str, Any] = {"share": share, "canary": len(canary), "control": len(control)}
    evidence["next"] = max(smaller + FEWEST, math.ceil(smaller * GROWTH))
    measured = _measured(canary, control)
    evidence["measured"] = {name: _told(name, one) for name, one in measured.items()}
    if harm := [_harm(name, one) for name, one in measured.items() if _upper(name, one) < 0]:
        return Decision("roll_back", "harm: " + "; ".join(harm), 0, evidence)
    if share == UNPROVED:
        return _by_proof(looks, measured["quality"], smaller, evidence)
    return _by_count(share, smaller - _when_grown(looks, share), evidence)


def conversations_needed(spread: float = 0.36) -> int:
    """How many conversations each arm needs, until an equal release has proved it, at the most.

    spread: the standard deviation of a conversation's quality; 0.36 is that of right or wrong at 85 %.
    """
    return math.ceil(2 * spread**2 * _information())


def _information() -> float:
    """The information that proves an equal release non-inferior with the wanted power."""
    from scipy.stats import norm

    return float(INFLATION * ((norm.isf(ALPHA) + norm.ppf(POWER)) / MARGIN) ** 2)


def _too_few(looks: Sequence[Look], canary: Arm, control: Arm) -> str | None:
    last = looks[-1] if looks else {"canary": 0, "control": 0}
    new = {"canary": len(canary) - last["canary"], "control": len(control) - last["control"]}
    if min(new.values()) >= FEWEST:
        return None
    return f"too little is new: {new['canary']} and {new['control']} conversations, {FEWEST} are needed"


def _measured(canary: Arm, control: Arm) -> dict[str, Difference]:
    """Each metric that both arms have enough of, higher being better."""
    found = {
        "quality": difference(canary.quality, control.quality),
        "errors": difference(1 - canary.errors, 1 - control.errors),
    }
    if _enough(canary.seconds, control.seconds):
        found["slowness"] = _slowness(canary.seconds, control.seconds)
    if _enough(canary.thumbs, control.thumbs):
        found["thumbs"] = difference(canary.thumbs, control.thumbs)
    return found


def _enough(*values: Values) -> bool:
    return min(map(len, values)) >= FEWEST


def _slowness(canary: Values, control: Values) -> Difference:
    """The difference of the mean logarithms, the sign turned: higher is quicker."""
    logs = [-np.log(np.maximum(arm, 1e-4)) for arm in (canary, control)]
    # A tenth more or less is how exactly a time is known at best.
    variance = sum((float(arm.var(ddof=1)) + 0.01) / len(arm) for arm in logs)
    return Difference(float(logs[0].mean()), float(logs[1].mean()), 1 / variance)


def _upper(name: str, found: Difference) -> float:
    """The most that the canary can be better by than what is tolerated; below 0 is harm."""
    bound = HARM[name]
    return found.mean + bound.tolerance + harm_radius(found.information, bound.alpha, bound.tuned_to)


def _harm(name: str, found: Difference) -> str:
    most = _upper(name, found) - HARM[name].tolerance
    tolerated = f" (tolerated {-HARM[name].tolerance:.3f})" if HARM[name].tolerance else ""
    return f"{name} differs by {found.mean:+.3f}, at most {most:+.3f}{tolerated}"


def _told(name: str, found: Difference) -> dict[str, float]:
    told = asdict(found) | {"difference": found.mean, "upper": _upper(name, found) - HARM[name].tolerance}
    return {key: round(value, 5) for key, value in told.items()}


def _by_proof(looks: Sequence[Look], found: Difference, smaller: int, evidence: dict[str, Any]) -> Decision:
    """Advance where non-inferiority is proved, roll back where it should have been and is not."""
    fraction, before = min(1.0, found.information / _information()), _fractions(looks)
    evidence["next"] = min(evidence["next"], max(smaller + FEWEST, math.ceil(smaller / fraction)))
    if fraction < max(FIRST_TEST, before[-1] + LEAST_STEP if before else 0.0) and fraction < 1:
        return Decision("hold", f"no harm seen; {fraction:.0%} of the information", UNPROVED, evidence)
    critical = boundaries([*before, fraction], ALPHA)[-1]
    z = found.z(MARGIN)
    evidence |= {"fraction": fraction, "critical": round(critical, 3), "z": round(z, 3)}
    evidence["at_least"] = round(found.low(critical), 5)
    said = f"{found.mean:+.3f}, at least {found.low(critical):+.3f}, margin {-MARGIN:+.2f}"
    if z >= critical:
        return Decision("advance", f"not worse: quality differs by {said}", 50, evidence)
    if fraction == 1:
        return Decision("roll_back", f"not shown to be as good: quality differs by {said}", 0, evidence)
    return Decision("hold", f"not yet shown to be as good: quality differs by {said}", UNPROVED, evidence)


def _by_count(share: int, conversations: int, evidence: dict[str, Any]) -> Decision:
    """Where only harm is looked for: enough conversations without any let the share grow."""
    wanted = RAMP if share < UNPROVED else CONFIRM
    missing = wanted - conversations
    if missing > 0:
        smaller = min(evidence["canary"], evidence["control"])
        evidence["next"] = min(evidence["next"], smaller + max(FEWEST, missing))
        return Decision("hold", f"no harm seen; {missing} conversations more to grow", share, evidence)
    grown = next(one for one in SHARES if one > share)
    said = f"no harm seen in {conversations} conversations"
    return Decision("promote" if grown == SHARES[-1] else "advance", said, grown, evidence)


def _fractions(looks: Sequence[Look]) -> list[float]:
    return [look["fraction"] for look in looks if "fraction" in look]


def _when_grown(looks: Sequence[Look], share: int) -> int:
    """How many conversations the smaller arm had when the canary was last looked at with a smaller share."""
    smaller = [min(look["canary"], look["control"]) for look in looks if look["share"] < share]
    return smaller[-1] if smaller else 0
