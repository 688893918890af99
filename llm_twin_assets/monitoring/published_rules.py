"""The drift rules that others publish, each as its source defines it, to measure ours against.

All take a reference [m, d] and a window [n, d] of embeddings and say whether they call the window drifted.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    Vectors = NDArray[np.floating]
    Rule = Callable[[Vectors, Vectors], bool]

# Evidently: from so many reference rows on its default compares with a fixed AUC.
LARGE_REFERENCE: Final = 1000
FIXED_AUC: Final = 0.55
RANDOM_AUCS: Final = 100
RANDOM_QUANTILE: Final = 95
COMPONENT_DISTANCE: Final = 0.1
COMPONENT_SHARE: Final = 0.2
SMALLEST_DEVIATION: Final = 0.001
PSI_BINS: Final = 10
PSI_LEVEL: Final = 0.2
EMPTY_BIN: Final = 0.0001
COSINE_LEVEL: Final = 0.1


def evidently_default(reference: "Vectors", window: "Vectors") -> bool:
    """Evidently 0.7's `EmbeddingsDriftMetric` without a method: can a classifier tell the samples apart?

    Source: evidentlyai/evidently, legacy/metrics/data_drift/embeddings_drift.py, which takes
    `model(bootstrap=rows of the reference < 1000)`.
    """
    return evidently_model(reference, window, bootstrap=len(reference) < LARGE_REFERENCE)


def evidently_model(reference: "Vectors", window: "Vectors", bootstrap: bool) -> bool:
    """Evidently's `model`: drift where the ROC AUC on the held-out half of both samples is above a cut.

    A logistic regression by SGD with the seed 42, on a random half with the seed 42. The cut is 0.55, or with
    `bootstrap` the 95th percentile of the AUC of 100 random scores with the seeds 0 to 99. Source:
    evidentlyai/evidently, legacy/metrics/data_drift/embedding_drift_methods.py, ModelDriftMethod.
    """
    from sklearn.linear_model import SGDClassifier
    from sklearn.metrics import roc_auc_score

    rows = np.concatenate([reference, window])
    seen, held, known, truth = _halves(rows, _sides(len(reference), len(window)))
    classifier = SGDClassifier(loss="log_loss", random_state=42).fit(seen, known)
    found = float(roc_auc_score(truth, classifier.predict_proba(held)[:, 1]))
    return found > (_random_auc(len(reference), len(window)) if bootstrap else FIXED_AUC)


def _sides(reference: int, window: int) -> NDArray[np.int_]:
    return np.repeat([1, 0], [reference, window])


def _halves(rows: Any, sides: NDArray[np.int_]) -> Any:
    from sklearn.model_selection import train_test_split

    return train_test_split(rows, sides, test_size=0.5, random_state=42, shuffle=True)


@lru_cache(maxsize=8)
def _random_auc(reference: int, window: int) -> float:
    """The 95th percentile of the AUC of random scores; it hangs on nothing but the numbers of rows."""
    from sklearn.metrics import roc_auc_score

    sides = _sides(reference, window)
    *_, truth = _halves(np.zeros((len(sides), 1)), sides)
    draws = (np.random.RandomState(seed).rand(len(truth)) for seed in range(RANDOM_AUCS))
    return float(np.percentile([roc_auc_score(truth, drawn) for drawn in draws], RANDOM_QUANTILE))


def evidently_ratio(reference: "Vectors", window: "Vectors") -> bool:
    """Evidently's `ratio`: drift where more than a fifth of the components have drifted.

    A component has where its Wasserstein distance is at least 0.1 standard deviations of the reference (at
    least 0.001). Source: evidentlyai/evidently, legacy/metrics/data_drift/embedding_drift_methods.py,
    RatioDriftMethod, and legacy/calculations/stattests/wasserstein_distance_norm.py.
    """
    deviations = np.maximum(reference.std(axis=0), SMALLEST_DEVIATION)
    drifted = wasserstein(reference, window) / deviations >= COMPONENT_DISTANCE
    return float(drifted.mean()) > COMPONENT_SHARE


def wasserstein(reference: "Vectors", window: "Vectors") -> "Vectors":
    """The first Wasserstein distance of each component: the area between the distribution functions, [d]."""
    values = np.concatenate([np.sort(reference, axis=0), np.sort(window, axis=0)]).T
    # Two sorted runs are merged by a stable sort, in time linear in their length.
    order = np.argsort(values, axis=1, kind="stable")
    values = np.take_along_axis(values, order, axis=1)
    steps = np.where(order < len(reference), 1 / len(reference), -1 / len(window))
    between = np.abs(np.cumsum(steps, axis=1))[:, :-1]
    areas: NDArray[np.floating] = (between * np.diff(values, axis=1)).sum(axis=1)
    return areas


def psi_rule(reference: "Vectors", window: "Vectors") -> bool:
    """Drift where the population stability index, in the mean over the components, is above 0.2."""
    return float(population_stability(reference, window).mean()) > PSI_LEVEL


def population_stability(reference: "Vectors", window: "Vectors") -> "Vectors":
    """The population stability index of each component over the reference's deciles, [d].

    Sum over the bins of (p - q) ln(p / q), an empty bin counting as 0.0001. Sources: Lewis, "An Introduction
    to Credit Scoring" (1994); Siddiqi, "Credit Risk Scorecards" (2006), with 0.1 and 0.25 for a minor and a
    major shift. 0.2 is in common use between them; what such a cut hangs on is in Yurdakul and Naranjo,
    "Statistical properties of the population stability index", Journal of Risk Model Validation 14 (2020).
    """
    edges = np.quantile(reference, np.linspace(0, 1, PSI_BINS + 1)[1:-1], axis=0)
    expected, actual = (_shares(sample, edges) for sample in (reference, window))
    index: NDArray[np.floating] = ((expected - actual) * np.log(expected / actual)).sum(axis=0)
    return index


def _shares(sample: "Vectors", edges: "Vectors") -> "Vectors":
    """The share of each component's values in each bin: [bins, d]."""
    above = np.stack([(sample > edge).mean(axis=0) for edge in edges])
    ends = np.ones((1, sample.shape[1])), np.zeros((1, sample.shape[1]))
    shares = -np.diff(np.concatenate([ends[0], above, ends[1]]), axis=0)
    return np.where(shares > 0, shares, EMPTY_BIN)


def cosine_rule(reference: "Vectors", window: "Vectors") -> bool:
    """Drift where the cosine distance between the mean embeddings is above 0.1.

    The distance of centroids is what Evidently's `distance` with `dist="cosine"` and Arize's embedding drift
    (with the Euclidean distance) compute; 0.1 is the fixed cut in common use.
    """
    first, second = reference.mean(axis=0), window.mean(axis=0)
    return float(1 - first @ second / (np.linalg.norm(first) * np.linalg.norm(second))) > COSINE_LEVEL


RULES: Final[Mapping[str, "Rule"]] = {
    "Evidently default": evidently_default,
    "Evidently ratio": evidently_ratio,
    "PSI > 0.2": psi_rule,
    "cosine > 0.1": cosine_rule,
}
