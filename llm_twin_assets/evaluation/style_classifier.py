"""Whether a passage is written like the author or like somebody else, from small words and punctuation.

Logistic regression over the relative frequencies of function words, punctuation marks and sentence lengths
(words.FEATURES), so that the subject hardly counts; the author's passages against other authors'. English
only, as the function words are.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from llm_twin_assets.evaluation.words import FEATURES, TooLittleText, features, own_words, passages, tokens

PASSAGE: Final = 200
FEWEST_WORDS: Final = 50
FEWEST_PASSAGES: Final = 10
# Measured (tests/bench_style.py): the inverse of the penalty, and where standardised features are cut off.
INVERSE_PENALTY: Final = 0.03
FARTHEST: Final = 3.0

Values = NDArray[np.float64]


@dataclass(frozen=True)
class StyleClassifier:
    """A fitted classifier: for each of words.FEATURES its mean, deviation and weight; and the intercept."""

    means: tuple[float, ...]
    deviations: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float

    @classmethod
    def fit(cls, own: Sequence[str], others: Sequence[str]) -> "StyleClassifier":
        """Learn from training texts (Markdown): the author's own, and other authors'; in any order.

        They are cut into passages of about 200 words. Both sides weigh the same, however much text they
        have: 0.5 tells nothing. Raises TooLittleText where a side has fewer than ten passages.
        """
        from sklearn.linear_model import LogisticRegression

        ours, theirs = _table(own, "the author"), _table(others, "other authors")
        rows = np.vstack([ours, theirs])
        means, deviations = rows.mean(axis=0), rows.std(axis=0)
        deviations[deviations == 0] = 1.0
        model = LogisticRegression(C=INVERSE_PENALTY, class_weight="balanced", max_iter=1_000)
        model.fit(_standardised(rows, means, deviations), [1] * len(ours) + [0] * len(theirs))
        return cls(
            _numbers(means), _numbers(deviations), _numbers(model.coef_[0]), float(model.intercept_[0])
        )

    def score(self, text: str) -> float:
        """The probability, 0 to 1, that a text (Markdown) is the author's and not another's.

        Raises TooLittleText below 50 words. Made for 200 words; the fewer there are, the less it tells.
        """
        prose = own_words(text)
        count = len(tokens(prose))
        if count < FEWEST_WORDS:
            raise TooLittleText(f"{count} words of prose, {FEWEST_WORDS} are needed")
        row = _standardised(np.array(features(prose)), np.array(self.means), np.array(self.deviations))
        return 1 / (1 + math.exp(-float(row @ np.array(self.weights)) - self.intercept))

    def auc(self, own: Iterable[str], others: Iterable[str]) -> float:
        """How often one of the author's texts scores above one of the others', ties as one half.

        The area under the ROC curve (Hanley and McNeil 1982). Raises TooLittleText as `score` does.
        """
        ours, theirs = (np.array([self.score(text) for text in texts]) for texts in (own, others))
        above = (ours[:, None] > theirs[None, :]).mean()
        return float(above + (ours[:, None] == theirs[None, :]).mean() / 2)

    def to_dict(self) -> dict[str, Any]:
        """The classifier as JSON can hold it, with the names of its features."""
        return asdict(self) | {"features": list(FEATURES)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "StyleClassifier":
        """The classifier that `to_dict` wrote; raises ValueError where the features have changed since."""
        if list(content["features"]) != list(FEATURES):
            raise ValueError("the style classifier was fitted on other features: fit it again")
        means, deviations, weights = (_numbers(content[name]) for name in ("means", "deviations", "weights"))
        return cls(means, deviations, weights, float(content["intercept"]))


def _table(texts: Sequence[str], whose: str) -> Values:
    """The features of each passage of the texts, sorted first: sums must not hang on their order."""
    cut = (passage for text in sorted(texts) for passage in passages(own_words(text), PASSAGE))
    rows = [features(passage) for passage in cut if len(tokens(passage)) >= FEWEST_WORDS]
    if len(rows) < FEWEST_PASSAGES:
        raise TooLittleText(f"{len(rows)} passages of {whose}, {FEWEST_PASSAGES} are needed")
    return np.array(rows)


def _standardised(rows: Values, means: Values, deviations: Values) -> Values:
    """How many deviations from its mean each feature is, at most three: one rare word must not decide."""
    cut: Values = np.clip((rows - means) / deviations, -FARTHEST, FARTHEST)
    return cut


def _numbers(column: Iterable[Any]) -> tuple[float, ...]:
    return tuple(map(float, column))
