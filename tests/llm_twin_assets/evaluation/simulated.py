"""Simulated comparisons: paired gains in clusters of items, with the noise that scores have."""

import numpy as np

from llm_twin_assets.evaluation.bootstrap import intervals

ITEMS = 4
TRIALS = 1000
BATCH = 250


def _normal(random, shape):
    return random.normal(size=shape)


def _heavy(random, shape):
    """Student's t with two degrees of freedom: its variance is infinite."""
    return random.standard_t(2, size=shape)


NOISES = {"normal": _normal, "heavy-tailed": _heavy}


def gains(random, noise, comparisons, documents, gain=0.0):
    """[comparisons, documents]: each document's own noise, and its items' noise on average."""
    own = NOISES[noise](random, (comparisons, documents))
    return gain + own + NOISES[noise](random, (comparisons, documents, ITEMS)).mean(axis=2)


def won(random, rate, comparisons, documents, items=1):
    """[comparisons, documents]: the share of a document's items won, above or below one half."""
    return random.binomial(items, rate, (comparisons, documents)) / items - 0.5


def ends(drawn):
    """The lower and upper ends of all comparisons' intervals, a batch at a time to spare memory."""
    parts = [intervals(drawn[start : start + BATCH]) for start in range(0, len(drawn), BATCH)]
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def promoted(drawn):
    """The share of comparisons in which the whole interval is above zero."""
    return float((ends(drawn)[0] > 0).mean())


def chance(rate, trials=TRIALS):
    """Three standard errors of a share counted in so many trials."""
    return 3 * (rate * (1 - rate) / trials) ** 0.5
