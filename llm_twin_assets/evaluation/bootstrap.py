"""Whether one model is better than another on the same documents, and how sure that is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

# Below this many documents resampling them gives no interval.
FEWEST: Final = 5
# Five ties that are won or lost are all won, or all lost, once in sixteen: equal gains prove nothing yet.
FEWEST_EQUAL: Final = 6
DRAWS: Final = 5_000
LEVEL: Final = 0.95
SEED: Final = 0
# How many standard errors away a draw of equal gains counts as, which items that are won or lost give. Were
# it without end, 19 of 20 won would prove nothing; at Student's 2.4, six of seven would, a tie once in 16.
FAR: Final = 4.0
# Spread below this share of the largest gain is rounding.
ROUNDING: Final = 1e-12

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Paired:
    """Two models' scores on the same items, higher is better; items of one document are one cluster.

    Raises ValueError where there is no item, where lengths differ or where a score is not finite.
    """

    document_ids: Sequence[str]
    before: Sequence[float]
    after: Sequence[float]

    def __post_init__(self) -> None:
        if not len(self.document_ids):
            raise ValueError("there is no document to compare models on")
        if not len(self.document_ids) == len(self.before) == len(self.after):
            raise ValueError("every item needs its document and one score of each model")
        if not np.isfinite([self.before, self.after]).all():
            raise ValueError("a score is not a finite number")

    @property
    def differing(self) -> int:
        """How many items the models score differently."""
        return sum(old != new for old, new in zip(self.before, self.after, strict=True))

    def gains(self) -> Values:
        """Each document's mean gain over its items: a document counts once, however many items it has."""
        _, rows = np.unique(np.asarray(self.document_ids, dtype=str), return_inverse=True)
        items = np.asarray(self.after, dtype=float) - np.asarray(self.before, dtype=float)
        means: Values = np.bincount(rows, weights=items) / np.bincount(rows)
        return means


@dataclass(frozen=True)
class Improvement:
    """By how much a model is better, in `unit`, over documents: mean, 95 % interval, how many improved.

    `low` and `high` are None where the interval has no end there: below `FEWEST` documents both.
    `spread` is the standard deviation over documents, `differing` the items that are not scored the same.
    """

    mean: float
    low: float | None
    high: float | None
    improved: int
    documents: int
    spread: float = 0.0
    items: int = 0
    differing: int = 1
    unit: str = ""

    @property
    def is_certain(self) -> bool:
        """Whether the whole interval is above zero."""
        return self.low is not None and self.low > 0

    @property
    def is_worse(self) -> bool:
        """Whether the whole interval is below zero."""
        return self.high is not None and self.high < 0

    @property
    def is_unanimous(self) -> bool:
        """Whether every document improved where there are too few for an interval."""
        return self.improved == self.documents < FEWEST and self.documents > 0

    def __str__(self) -> str:
        ends = ["unbounded" if end is None else f"{end:.4f}" for end in (self.low, self.high)]
        interval = "no interval" if self.documents < FEWEST else f"95 % interval {ends[0]} to {ends[1]}"
        amount = f"{self.mean:.4f} {self.unit}".rstrip()
        return f"{amount}, {interval}, {self.improved} of {self.documents} documents better"


def improvement(paired: Paired, unit: str = "") -> Improvement:
    """How much better `after` is than `before`: a cluster bootstrap, since it draws whole documents."""
    gains = paired.gains()
    low, high = interval(gains) if len(gains) >= FEWEST else (-math.inf, math.inf)
    return Improvement(
        mean=float(gains.mean()),
        low=low if math.isfinite(low) else None,
        high=high if math.isfinite(high) else None,
        improved=int((gains > 0).sum()),
        documents=len(gains),
        spread=float(gains.std(ddof=1)) if len(gains) > 1 else 0.0,
        items=len(paired.document_ids),
        differing=paired.differing,
        unit=unit,
    )


def interval(gains: Values) -> tuple[float, float]:
    """The 95 % interval of the mean of two gains or more; an end is infinite where nothing bounds it."""
    low, high = intervals(gains[None, :])
    return float(low[0]), float(high[0])


def intervals(gains: Values) -> tuple[Values, Values]:
    """The 95 % interval of each row's mean, from a studentised bootstrap over its columns, seeded.

    gains: [comparisons, documents], two documents or more. Returns the lower and the upper ends.

    Bootstrap-t (Efron and Tibshirani, An Introduction to the Bootstrap, 12.5), because the plain percentile
    interval of five equal models excludes zero three times too often. Never narrower than Student's.
    """
    from scipy.stats import t

    count = gains.shape[1]
    mean = gains.mean(axis=1)
    centred = gains - mean[:, None]
    error = np.sqrt((centred**2).mean(axis=1) / (count - 1))
    equal = error <= ROUNDING * np.abs(gains).max(axis=1)
    outer = (1 - LEVEL) / 2
    ratios = _ratios(centred)
    student = float(t.ppf(1 - outer, count - 1))
    above = np.maximum(student, np.quantile(ratios, 1 - outer, axis=1, method="higher"))
    below = np.minimum(-student, np.quantile(ratios, outer, axis=1, method="lower"))
    # No model is better or worse where every gain is zero; five other equal gains may be luck.
    point = np.where((count >= FEWEST_EQUAL) | (mean == 0), 0.0, math.inf)
    low = np.where(equal, mean - point, mean - above * error)
    high = np.where(equal, mean + point, mean - below * error)
    return low, high


def _ratios(centred: Values) -> Values:
    """How many of its own standard errors each draw's mean lies from zero: [comparisons, draws].

    centred: [comparisons, documents], gains less their mean.
    """
    count = centred.shape[1]
    shares = _draws(count).T / count
    away = centred @ shares
    variance = centred**2 @ shares - away**2
    largest = np.abs(centred).max(axis=1, keepdims=True)
    spread = variance > ROUNDING * largest**2
    far = np.where(np.abs(away) <= math.sqrt(ROUNDING) * largest, 0.0, np.copysign(FAR, away))
    errors = np.sqrt(np.where(spread, variance, 1.0) / (count - 1))
    ratios: Values = np.where(spread, away / errors, far)
    return ratios


def _draws(count: int) -> Values:
    """How often each of so many documents is drawn: [draws, documents], the same each time."""
    drawn = np.random.default_rng(SEED).integers(0, count, (DRAWS, count))
    cells = (drawn + count * np.arange(DRAWS)[:, None]).ravel()
    times: Values = np.bincount(cells, minlength=DRAWS * count).reshape(DRAWS, count).astype(float)
    return times
