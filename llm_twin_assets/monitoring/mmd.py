"""Whether two samples come from one distribution: maximum mean discrepancy, and sessions that are permuted.

The statistic is the unbiased MMD² of Gretton, Borgwardt, Rasch, Schölkopf and Smola, "A kernel two-sample
test", Journal of Machine Learning Research 13 (2012), equation 3, over sessions: the kernel of two sessions
is the mean over their questions, and a session is never compared with itself. Where every question is its
own session, that is the statistic as printed there.

Whole sessions change sides under the null hypothesis, because single questions of a conversation are not
exchangeable (whole-block exchangeability: Winkler, Webster, Vidaurre, Nichols and Smith, "Multi-level
block permutation", NeuroImage 123 (2015)). The p-value counts the observed sides among the drawn ones, so it
is never too small (Phipson and Smyth, "Permutation p-values should never be zero", Statistical Applications
in Genetics and Molecular Biology 9 (2010)).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from llm_twin_assets.monitoring.sessions import averaged, numbered

Values = NDArray[np.float64]
Kernel = NDArray[np.floating]

# Two draws that are equal in exact arithmetic count as equal; far above float32's rounding of a mean.
ROUNDING: Final = 1e-6
FEWEST_SESSIONS: Final = 2


@dataclass(frozen=True)
class Tested:
    """What a two-sample test found.

    statistic: unbiased MMD², about 0 (or below) where nothing differs. p_value: of a difference at least as
    large by chance. spread: the kernel's variance within the first sample, to which MMD² compares itself.
    """

    statistic: float
    p_value: float
    spread: float

    @property
    def effect(self) -> float:
        """MMD² as a share of the spread within the first sample; 0 where there is no spread."""
        return self.statistic / self.spread if self.spread > 0 else 0.0


def gaussian(vectors: NDArray[np.floating]) -> Kernel:
    """The Gaussian kernel of every pair of vectors: [n, d] to [n, n].

    Its width is the median distance between the vectors (Gretton et al., 2012, section 8). Vectors of both
    samples go in together: which sample a vector is of must not change the kernel.
    """
    squares = np.einsum("nd,nd->n", vectors, vectors)
    distances = squares[:, None] + squares[None, :] - 2 * (vectors @ vectors.T)
    np.maximum(distances, 0, out=distances)
    width = _median_between(distances)
    if width == 0:
        return (distances == 0).astype(np.float32)
    kernel: Kernel = np.exp(distances / (-2 * width))
    return kernel


def _median_between(distances: NDArray[np.floating]) -> float:
    """The median of what is off the diagonal: the diagonal's zeros are the smallest entries."""
    own, pairs = len(distances), distances.size - len(distances)
    return float(np.partition(distances, own + pairs // 2, axis=None)[own + pairs // 2])


def energy(values: NDArray[np.floating]) -> Kernel:
    """The distance kernel -|a - b| of every pair of numbers: [n] to [n, n].

    MMD² with it is half the energy distance (Sejdinovic, Sriperumbudur, Gretton and Fukumizu, "Equivalence of
    distance-based and RKHS-based statistics in hypothesis testing", Annals of Statistics 41 (2013)); of zeros
    and ones, the squared difference of two shares.
    """
    kernel: Kernel = -np.abs(values[:, None] - values[None, :])
    return kernel


def permutation_test(
    kernel: Kernel, first: Sequence[str], second: Sequence[str], permutations: int, seed: int
) -> Tested:
    """Test the sessions of the first rows of a kernel against those of the rows after them.

    kernel: [n, n] over the questions of both samples, n = len(first) + len(second), which name each
    question's session. The order of rows within a sample is of no consequence. Raises ValueError for fewer
    than two sessions in a sample.
    """
    # A name that stands in both samples is two sessions, and the first sample's come first.
    numbers = numbered([f"1 {name}" for name in first] + [f"2 {name}" for name in second])
    between = averaged(averaged(kernel, numbers).T, numbers)
    size, total = len(set(second)), len(between)
    if min(size, total - size) < FEWEST_SESSIONS:
        raise ValueError(f"a sample has fewer than {FEWEST_SESSIONS} sessions, which cannot be compared")
    sides = _sides(total, size, permutations, seed)
    found = _statistics(_centred(between), sides)
    level = ROUNDING * float(np.abs(between).max())
    as_large = int((found[1:] >= found[0] - level).sum())
    p_value = (1 + as_large) / (1 + permutations)
    return Tested(float(found[0]), p_value, _spread(kernel, between, total - size))


def _sides(total: int, size: int, permutations: int, seed: int) -> NDArray[np.float32]:
    """Which sessions are in the second sample, as it was observed and as drawn: [total, 1 + permutations]."""
    drawn = np.random.default_rng(seed).random((permutations, total), dtype=np.float32)
    chosen = np.argpartition(drawn, size - 1, axis=1)[:, :size]
    sides = np.zeros((total, 1 + permutations), dtype=np.float32)
    sides[-size:, 0] = 1
    sides[chosen.T, np.arange(1, 1 + permutations)] = 1
    return sides


def _centred(between: Kernel) -> NDArray[np.float32]:
    """The sessions' kernel without its diagonal and its mean, neither of which the statistic sees.

    What is left is small, so that float32, which multiplies twice as fast, is exact enough.
    """
    total = len(between)
    mean = (between.sum() - between.trace()) / (total * (total - 1))
    centred = (between - mean).astype(np.float32)
    np.fill_diagonal(centred, 0)
    return centred


def _statistics(centred: NDArray[np.float32], sides: NDArray[np.float32]) -> Values:
    """The unbiased MMD² of each column of `sides`, by one product of matrices."""
    products = centred @ sides
    inside = np.einsum("sp,sp->p", products, sides, dtype=np.float64)
    rows = products.sum(axis=0, dtype=np.float64)
    whole = float(centred.sum(dtype=np.float64))
    second = sides[:, 0].sum(dtype=np.float64)
    first = len(sides) - second
    within_first = (whole - 2 * rows + inside) / (first * (first - 1))
    within_second = inside / (second * (second - 1))
    found: Values = within_first + within_second - 2 * (rows - inside) / (first * second)
    return found


def _spread(kernel: Kernel, between: Kernel, first: int) -> float:
    """k(a, a) less the mean k(a, b) over different sessions of the first sample."""
    own = between[:first, :first]
    return float(kernel[0, 0] - (own.sum() - own.trace()) / (first * (first - 1)))
