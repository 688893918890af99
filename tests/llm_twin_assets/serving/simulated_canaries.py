"""Canaries that never ran: conversations drawn at random, and the decisions that follow from them."""

from dataclasses import dataclass

import numpy as np

from llm_twin_assets.serving.canary import Arm, decide

GOOD = 0.85
# Nobody's canary needs more; a run that gets here has lost its way.
MOST = 20_000


@dataclass(frozen=True)
class Release:
    """How a release does: its mean quality, how its quality spreads, how often it fails, its seconds.

    kind: "binary" (a conversation is right or wrong), "continuous", or "turns" (1 to 8 turns whose scores
    are alike within a conversation).
    """

    quality: float = GOOD
    kind: str = "binary"
    errors: float = 0.0
    seconds: float = 1.0
    thumbs: float | None = None


@dataclass(frozen=True)
class Outcome:
    """How a canary ended: at which share, why, and after how many conversations."""

    action: str
    share: int
    reason: str
    conversations: int
    traffic: int


def drawn(random, release, count):
    """So many conversations with a release."""
    errors = random.binomial(1, release.errors, count).astype(float)
    seconds = random.lognormal(np.log(release.seconds), 0.5, count)[errors == 0]
    quality = qualities(random, release, count) * (1 - errors)
    thumbs = np.zeros(0)
    if release.thumbs is not None:
        thumbs = random.binomial(1, release.thumbs, count // 10).astype(float)
    return Arm(quality, errors, seconds, thumbs)


def qualities(random, release, count):
    if release.kind == "binary":
        return random.binomial(1, release.quality, count).astype(float)
    if release.kind == "continuous":
        return random.beta(release.quality * 5, (1 - release.quality) * 5, count)
    # Each conversation has its own chance of a right turn: the turns of one are alike.
    chances = random.beta(release.quality * 2, (1 - release.quality) * 2, count)
    turns = np.minimum(random.geometric(0.4, count), 8)
    return random.binomial(turns, chances) / turns


def joined(arm, more):
    fields = ("quality", "errors", "seconds", "thumbs")
    return Arm(*(np.concatenate([getattr(arm, name), getattr(more, name)]) for name in fields))


def run(random, canary, control=None):
    """One canary from 5 % to its end."""
    control = control or Release(kind=canary.kind)
    share, looks, due, traffic = 5, [], 20, 0.0
    arms = [drawn(random, one, 0) for one in (canary, control)]
    while len(arms[0]) < MOST:
        # The smaller arm is waited for; the other has some more, for hashing splits by chance.
        wanted = [due, due + abs(int(random.normal(0, due**0.5)))]
        random.shuffle(wanted)
        more = [max(0, count - len(arm)) for count, arm in zip(wanted, arms, strict=True)]
        traffic += 100 * more[0] / share
        arms = [
            joined(arm, drawn(random, one, count))
            for arm, one, count in zip(arms, (canary, control), more, strict=True)
        ]
        decision = decide(share, looks, *arms)
        if decision.action in ("promote", "roll_back"):
            return Outcome(decision.action, share, decision.reason, len(arms[0]), round(traffic))
        if decision.evidence:
            looks.append(decision.evidence)
        due = decision.evidence["next"] if decision.evidence else due + 10
        share = decision.share
    return Outcome("hold", share, "it never ended", MOST, round(traffic))


def simulated(scenario, runs, seed=0):
    """So many canaries of one kind."""
    random = np.random.default_rng(seed)
    return [run(random, *scenario) for _ in range(runs)]


SCENARIOS = {
    "equal, right or wrong at 85 %": (Release(),),
    "equal, right or wrong at 60 %": (Release(0.6), Release(0.6)),
    "equal, continuous": (Release(kind="continuous"),),
    "equal, several turns": (Release(kind="turns"),),
    "equal, with errors and thumbs": (Release(errors=0.02, thumbs=0.7), Release(errors=0.02, thumbs=0.7)),
    "5 points better": (Release(0.9),),
    "2 points worse": (Release(0.83),),
    "5 points worse, right or wrong": (Release(0.8),),
    "5 points worse, continuous": (Release(0.8, "continuous"),),
    "5 points worse, several turns": (Release(0.8, "turns"),),
    "20 points worse": (Release(0.65),),
    "5 points more errors": (Release(errors=0.06), Release(errors=0.01)),
    "half of the answers fail": (Release(errors=0.5),),
    "every answer fails": (Release(errors=1.0),),
    "twice as slow": (Release(seconds=2.0),),
    "a tenth slower": (Release(seconds=1.1),),
    "half as many thumbs up": (Release(thumbs=0.4), Release(thumbs=0.8)),
}
