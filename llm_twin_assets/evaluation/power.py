"""How many test documents it takes to show a gain: 80 % power of a two-sided test at 95 %."""

import math
from dataclasses import dataclass
from typing import Final

from llm_twin_assets.evaluation.bootstrap import FEWEST, LEVEL, Improvement

POWER: Final = 0.8
# The studentised bootstrap is wider than Student's interval by what two documents make up for (measured).
BOOTSTRAP: Final = 2
# Won or lost items come in steps; so many more single ones keep the power above its goal (measured).
STEPS: Final = 8


@dataclass(frozen=True)
class Need:
    """What it takes to show an effect of so much: the power there is, and the documents needed and missing.

    `documents` and `missing` are None where there is no effect to show.
    """

    effect: float
    power: float
    documents: int | None
    missing: int | None


def need(found: Improvement, effect: float) -> Need:
    """What it takes to show such an effect, from how much the gains seen differ between documents."""
    documents = documents_needed(effect, found.spread)
    missing = None if documents is None else max(0, documents - found.documents)
    return Need(effect, power(found.documents, effect, found.spread), documents, missing)


def power(documents: int, effect: float, spread: float) -> float:
    """How likely Student's interval of so many documents lies above zero, at a true effect above zero.

    spread: the standard deviation of the gain between documents. From the noncentral t distribution
    (Cohen, Statistical Power Analysis for the Behavioral Sciences, chapter 2).
    """
    from scipy.stats import nct, t

    if documents < FEWEST or effect <= 0:
        return 0.0
    if spread == 0:
        return 1.0
    critical = t.ppf((1 + LEVEL) / 2, documents - 1)
    return float(nct.sf(critical, documents - 1, effect / spread * math.sqrt(documents)))


def documents_needed(effect: float, spread: float) -> int | None:
    """How many documents show an effect with 80 % power; None where it is not above zero."""
    from scipy.stats import norm

    if effect <= 0:
        return None
    distance = float(norm.ppf((1 + LEVEL) / 2) + norm.ppf(POWER))
    count = max(FEWEST, math.ceil((distance * spread / effect) ** 2))
    # Student's interval asks for two or three documents more than the normal one at any size.
    for more in range(FEWEST):
        if power(count + more, effect, spread) >= POWER:
            return count + more + BOOTSTRAP
    return count + FEWEST + BOOTSTRAP


def documents_for_win_rate(rate: float, items: int = 1, correlation: float = 0.0) -> int:
    """How many documents show that a share of items above one half is won, with 80 % power.

    items: how many each document has; correlation: of two items' results within a document, 0 to 1
    (the design effect of Kish, Survey Sampling, 5.4). Raises ValueError where the rate is not above
    one half, or above 1.
    """
    if not 0.5 < rate <= 1:
        raise ValueError(f"a win rate of {rate} is not above one half")
    effective = items / (1 + (items - 1) * correlation)
    found = documents_needed(rate - 0.5, 0.5 / math.sqrt(effective))
    assert found is not None
    return found + math.ceil(STEPS / items)
