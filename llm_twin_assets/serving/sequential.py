"""Tests that may be looked at again and again: an alpha-spending boundary, and a bound valid at any time.

Everything is told on the scale of information, 1 / variance of the difference between two arms: a
difference's score process then behaves like a Brownian motion with that clock (Jennison and Turnbull,
Group Sequential Methods, chapter 3), whatever the arms' spreads and sizes are.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
POINTS: Final = 200
# How many standard deviations below zero the integration begins; what is further down is never seen.
FARTHEST: Final = 7.0
# Less alpha than this is not worth a test.
NOTHING: Final = 1e-9


@dataclass(frozen=True)
class Difference:
    """A canary's mean minus its control's, and how much is known of it: 1 / variance."""

    canary: float
    control: float
    information: float

    @property
    def mean(self) -> float:
        """The estimated difference; above zero the canary's values are higher."""
        return self.canary - self.control

    def z(self, margin: float) -> float:
        """How many standard errors the difference lies above -margin."""
        return (self.mean + margin) * math.sqrt(self.information)

    def low(self, z: float) -> float:
        """The end of the interval that reaches z standard errors down."""
        return self.mean - z / math.sqrt(self.information)


def difference(canary: Values, control: Values) -> Difference:
    """The difference of two means of values in 0 to 1, one for each independent conversation.

    A success and a failure are added to each arm (Agresti and Caffo 2000), so that arms which only
    succeeded so far do not look certain.
    """
    widened = [np.concatenate([arm, (0.0, 1.0)]) for arm in (canary, control)]
    variance = sum(float(arm.var()) / len(arm) for arm in widened)
    means = [float(arm.mean()) for arm in widened]
    return Difference(means[0], means[1], 1 / variance)


def harm_radius(information: float, alpha: float, tuned_to: float) -> float:
    """How far the true difference may lie above the estimate, at every look at once but for `alpha`.

    The one-sided normal mixture boundary (Howard, Ramdas, McAuliffe and Sekhon 2021, Time-uniform,
    nonparametric, nonasymptotic confidence sequences, equation 14 and section 3.5) with an estimated
    variance (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024, Time-uniform central limit theory).
    tuned_to: the information at which the bound shall be narrowest.
    """
    log_level = math.log(1 / (2 * alpha))
    rho = tuned_to / (2 * log_level + math.log(1 + 2 * log_level))
    grown = (information + rho) / rho
    reach = math.sqrt(2 * (information + rho) * math.log(1 + math.sqrt(grown) / (2 * alpha)))
    return reach / information


def spent(fraction: float, alpha: float) -> float:
    """The alpha, one-sided, that may be spent by such a fraction of the information.

    The O'Brien-Fleming-type spending function of Lan and DeMets (1983).
    """
    from scipy.stats import norm

    return float(2 * norm.sf(norm.isf(alpha / 2) / math.sqrt(fraction))) if fraction > 0 else 0.0


def boundaries(fractions: Sequence[float], alpha: float) -> list[float]:
    """The critical value of each look's z, at growing fractions of the information, the last at most 1.

    By the recursive integration of Armitage, McPherson and Rowe (1969); infinite where there is hardly
    any alpha to spend yet.
    """
    found: list[float] = []
    walk = _Walk()
    so_far = 0.0
    for fraction in fractions:
        step = spent(fraction, alpha) - so_far
        critical = walk.critical(fraction, step) if step > NOTHING else math.inf
        so_far += step if step > NOTHING else 0.0
        walk.go_on(fraction, critical)
        found.append(critical / math.sqrt(fraction))
    return found


class _Walk:
    """The density, on a grid, of a Brownian motion that has crossed no boundary so far."""

    def __init__(self) -> None:
        self.time = 0.0
        self.places: Values = np.zeros(1)
        self.masses: Values = np.ones(1)

    def critical(self, time: float, alpha: float) -> float:
        """The place above which the walk is found at `time` with such a probability."""
        from scipy.optimize import brentq
        from scipy.stats import norm

        spread = math.sqrt(time - self.time)

        def excess(place: float) -> float:
            return float(self.masses @ norm.sf((place - self.places) / spread)) - alpha

        return float(brentq(excess, -FARTHEST, FARTHEST))

    def go_on(self, time: float, critical: float) -> None:
        """Walk on to `time`; what lies above `critical` then has ended."""
        spread = math.sqrt(time - self.time)
        top = min(critical, FARTHEST * math.sqrt(time))
        edges = np.linspace(-FARTHEST * math.sqrt(time), top, POINTS + 1)
        places, width = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
        steps = (places[:, None] - self.places[None, :]) / spread
        densities = np.exp(-(steps**2) / 2) / (spread * math.sqrt(2 * math.pi))
        self.time, self.places, self.masses = time, places, width * (densities @ self.masses)
