"""What is watched for drift: the questions' embeddings, and the scores of what was answered.

Every signal goes through the same permutation of sessions: embeddings with the Gaussian kernel, scores with
the distance kernel, which sees shares, levels and shapes alike.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from llm_twin_assets.monitoring.mmd import energy, gaussian, permutation_test
from llm_twin_assets.monitoring.sessions import averaged, count, numbered
from llm_twin_assets.monitoring.windows import Window

QUESTIONS: Final = "questions"
STALE: Final = "stale"
# Which way a score does harm: 1 upwards, -1 downwards; a score that is not here is watched both ways.
HARM: Final = {"style": -1, "grounded": -1, "cited": -1, "repeated": 1, "novel": 1}


@dataclass(frozen=True)
class Sample:
    """What was measured of one signal: [n, d] embeddings or [n] scores, and each one's session."""

    values: NDArray[np.floating]
    sessions: Sequence[str]

    def __len__(self) -> int:
        return len(self.sessions)

    @property
    def independent(self) -> int:
        """How many sessions there are, which is what the sample proves by."""
        return count(self.sessions)

    def mean(self) -> float:
        """The mean score, every session counting once."""
        return float(averaged(self.values.astype(float), numbered(self.sessions)).mean())


def sample(window: Window, name: str) -> Sample:
    """A signal's sample of a window: the embeddings, or a score without the requests that lack it."""
    if name == QUESTIONS:
        return Sample(window.vectors, window.sessions)
    values = window.scores.get(name, np.full(len(window), np.nan))
    there = np.flatnonzero(~np.isnan(values))
    return Sample(values[there], [window.sessions[row] for row in there.tolist()])


def compared(first: Sample, second: Sample, permutations: int, seed: int) -> tuple[float, float]:
    """The p-value of a difference between two samples, and its size.

    The size of a change in embeddings is MMD² as a share of the spread within the first sample; that of a
    score is the difference of the means in standard deviations of both samples together, negative where the
    score fell. Raises ValueError for fewer than two sessions in a sample.
    """
    both = np.concatenate([first.values, second.values])
    kernel = gaussian(both) if both.ndim == 2 else energy(both)
    found = permutation_test(kernel, first.sessions, second.sessions, permutations, seed)
    return found.p_value, found.effect if both.ndim == 2 else _moved(first, second, float(both.std()))


def _moved(first: Sample, second: Sample, spread: float) -> float:
    return (second.mean() - first.mean()) / spread if spread > 0 else 0.0


def harm(name: str, effect: float) -> float:
    """A change counted in the direction that does harm; its size for a score that is watched both ways."""
    if name == QUESTIONS:
        return effect
    return effect * HARM[name] if name in HARM else abs(effect)


def novel(nearest: Sequence[float], threshold: float) -> NDArray[np.float64]:
    """1 for each question whose nearest chunk is less similar than the declining threshold, else 0."""
    return (np.asarray(nearest, dtype=float) < threshold).astype(np.float64)


def stale(cited: Sequence[Collection[str]], live: Collection[str]) -> NDArray[np.float64]:
    """1 for each answer that cites content which is no longer live, else 0; NaN where it cites nothing.

    cited: the content hashes of the chunks that each answer cites. live: those of the live index.
    """
    known = frozenset(live)
    return np.array([float(not known.issuperset(one)) if one else np.nan for one in cited], dtype=np.float64)


def stale_share(window: Window) -> float | None:
    """The share of a window's citing answers that are stale; None where none cites anything."""
    measured = sample(window, STALE)
    return float(measured.values.mean()) if len(measured) else None


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for their number: Holm, "A simple sequentially rejective multiple test procedure",
    Scandinavian Journal of Statistics 6 (1979).

    Those at or below a level are rejected with a family-wise error of that level, however they depend on
    each other.
    """
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, position in enumerate(sorted(range(len(p_values)), key=lambda at: p_values[at])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[position]))
        adjusted[position] = largest
    return adjusted
