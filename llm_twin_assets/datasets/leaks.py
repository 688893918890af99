"""Whether what a twin is tested on stands already in what it learns from.

Test answers that a model has read, as a whole or in part, measure its memory and not its voice. Overlap is
counted in word 13-grams (Brown et al., "Language Models are Few-Shot Learners", arXiv 2005.14165, appendix
C), over words as `shingles.normalised` gives them.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any, Final

import pandas as pd

from llm_twin_assets.documents.duplicates import NEAR_DUPLICATE_FROM, overlap
from llm_twin_assets.documents.shingles import normalised, shingles

WORDS: Final = 13
# The share of held-out rows that may have a 13-gram in common with a training answer.
SHARED_ANSWERS: Final = 0.01


def grams(text: str, size: int = WORDS) -> set[str]:
    """Every run of so many normalised words; none where the text has fewer."""
    found = normalised(text).split()
    return {" ".join(found[at : at + size]) for at in range(len(found) - size + 1)}


def leaking(answers: Sequence[str], splits: Sequence[str]) -> dict[int, str]:
    """The training answers that share a 13-gram with one of another split, by their place, each with one."""
    held = _all(answer for answer, split in zip(answers, splits, strict=True) if split != "train")
    found: dict[int, str] = {}
    for place, (answer, split) in enumerate(zip(answers, splits, strict=True)):
        shared = grams(answer) & held if split == "train" else set()
        if shared:
            found[place] = min(shared)
    return found


def leak_numbers(rows: pd.DataFrame) -> dict[str, Any]:
    """Shares (0 to 1) of a dataset's rows: `leaks/answers` of the held-out rows have a 13-gram in common
    with a training answer, `leaks/instructions` of them ask what a training row asks, word for word."""
    train, held = rows[rows["split"] == "train"], rows[rows["split"] != "train"]
    known, asked = _all(train["answer"]), set(train["instruction"].map(normalised))
    answers = [bool(grams(answer) & known) for answer in held["answer"]]
    instructions = [normalised(instruction) in asked for instruction in held["instruction"]]
    return {"leaks/answers": _share(answers), "leaks/instructions": _share(instructions)}


def crossings(documents: pd.DataFrame) -> list[tuple[str, str]]:
    """Pairs of document ids in two splits that are of one cluster or near-copies.

    Compares every pair of two splits: meant for a benchmark or a check of some hundred documents.
    """
    rows = documents.to_dict("records")
    sets = [shingles(row["text"]) for row in rows]
    pairs = combinations(range(len(rows)), 2)
    return [
        (rows[one]["document_id"], rows[other]["document_id"])
        for one, other in pairs
        if rows[one]["split"] != rows[other]["split"]
        and (
            rows[one]["cluster_id"] == rows[other]["cluster_id"]
            or overlap(sets[one], sets[other])[0] >= NEAR_DUPLICATE_FROM
        )
    ]


def _all(answers: Iterable[str]) -> set[str]:
    return set().union(*map(grams, answers))


def _share(found: list[bool]) -> float:
    return sum(found) / max(1, len(found))
