"""How much like the author texts are: Burrows' Delta and the style classifier, or why they cannot tell."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import pandas as pd

from llm_twin_assets.evaluation.delta import BAG, Profile, delta, profile, scale
from llm_twin_assets.evaluation.style_classifier import PASSAGE, StyleClassifier
from llm_twin_assets.evaluation.words import TooLittleText, own_words, passages, tokens

# Below this many words a bag tells little (tests/bench_style.py).
LEAST_BAG: Final = 500


@dataclass(frozen=True)
class Style:
    """What is known of an author's style; `lacking` says why where something is not."""

    profile: Profile | None
    classifier: StyleClassifier | None
    lacking: dict[str, str] = field(default_factory=dict)

    def score(self, text: str) -> float | None:
        """The classifier's mean score, 0 to 1, of a text's passages; None where it is too short."""
        if self.classifier is None:
            return None
        cut = list(passages(own_words(text), PASSAGE))
        try:
            return statistics.fmean(map(self.classifier.score, cut)) if cut else None
        except TooLittleText:
            return None

    def deltas(self, texts: Mapping[str, Sequence[str]]) -> dict[str, dict[str, Any]]:
        """For each group of texts its Delta to the author, all in bags of one size; a state where none."""
        if self.profile is None:
            return {name: {"state": self.lacking["delta"]} for name in texts}
        words = {name: sum(len(tokens(own_words(text))) for text in one) for name, one in texts.items()}
        enough = [count for count in words.values() if count >= LEAST_BAG]
        bag = min([BAG, *enough])
        return {name: self._delta(one, words[name], bag) for name, one in texts.items()}

    def _delta(self, texts: Sequence[str], words: int, bag: int) -> dict[str, Any]:
        if self.profile is None or words < bag:
            return {"state": f"too little text: {words} words, {LEAST_BAG} are needed"}
        found = asdict(delta(self.profile, texts, bag))
        return {"state": "measured", "bag": bag, **found}


def learned_style(learned: pd.DataFrame, author: str) -> Style:
    """The author's style, from training texts with their authors, the others being the background."""
    texts = {str(name): list(rows["text"]) for name, rows in learned.groupby("author")}
    own, lacking = texts.get(author, []), {}
    known, classifier = None, None
    try:
        known = profile(scale(texts), own)
    except TooLittleText as error:
        lacking["delta"] = str(error)
    try:
        others = [text for name, theirs in texts.items() if name != author for text in theirs]
        classifier = StyleClassifier.fit(own, others)
    except TooLittleText as error:
        lacking["style_score"] = str(error)
    return Style(known, classifier, lacking)
