"""Whether a dataset's answers sound like their author, measured against the author's held-out text."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from llm_twin_assets.datasets.provenance import MOST_GAP, style_gap
from llm_twin_assets.documents.splits import learnable
from llm_twin_assets.evaluation.delta import delta, profile, scale
from llm_twin_assets.evaluation.words import TooLittleText


def judged_by_style(
    rows: pd.DataFrame, documents: pd.DataFrame, author: str
) -> tuple[bool, str, dict[str, Any]]:
    """Whether it passes, why in words, and the numbers; too little text to tell passes, and is said."""
    train, test = learnable(documents, "train"), learnable(documents, "test")
    held = list(test[test["author"] == author]["text"])
    try:
        texts = {str(name): list(own["text"]) for name, own in train.groupby("author")}
        known = profile(scale(texts), texts.get(author, []))

        def distance(of: Sequence[str]) -> float:
            return delta(known, of).mean

        gap = style_gap(rows, held, distance)
    except TooLittleText as error:
        return True, f"too little text to tell: {error}", {"measured": False}
    numbers = {"measured": True, "delta_of_answers": gap.answers, "delta_of_held_out_text": gap.held_out}
    verdict = "as near to the author as" if gap.is_the_authors else "further from the author than"
    said = f"the answers are {verdict} the author's held-out text: {gap.gap:+.3f}, at most {MOST_GAP:+.2f}"
    return gap.is_the_authors, said, numbers
