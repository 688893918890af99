"""Whether a dataset is the author's words: where they stand, and how they sound.

Both are asked of the finished table, so a fault of whatever made it shows: a dataset written by a language
model in the author's name has plausible counts and pleasant sentences.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from llm_twin_assets.datasets.templates import WHOLE

# How much further from the author than their own held-out text the answers may be, as Burrows' Delta.
MOST_GAP: Final = 0.10


def not_verbatim(rows: pd.DataFrame, documents: pd.DataFrame) -> list[str]:
    """The ids of rows whose answer is not its document's text at its offsets, in the rows' order."""
    texts = documents.set_index("document_id")["text"].to_dict()
    columns = ("row_id", "document_id", "start", "end", "answer")
    return [
        row
        for row, document, start, end, answer in zip(*(rows[name] for name in columns), strict=True)
        if texts.get(document, "")[start:end] != answer
    ]


@dataclass(frozen=True)
class StyleGap:
    """Distances of a dataset's training answers and of the author's held-out text from the author."""

    answers: float
    held_out: float

    @property
    def gap(self) -> float:
        """How much further away the answers are; below 0 they are nearer."""
        return self.answers - self.held_out

    @property
    def is_the_authors(self) -> bool:
        """Whether the answers are no further from the author than their own text may be."""
        return self.gap <= MOST_GAP


def style_gap(
    rows: pd.DataFrame, held_out: Sequence[str], distance: Callable[[Sequence[str]], float]
) -> StyleGap:
    """How a dataset's training answers compare with an author's held-out documents.

    `distance` says how far texts (Markdown) are from the author's training documents, which must be read
    from the documents and not from the rows. Each passage counts once: neither the rest of it that a
    continuation asks for, nor the whole document, nor a second row with the same answer is measured.
    """
    may = (rows["split"] == "train") & ~rows["intent"].isin([*WHOLE, "continue"])
    answers = rows[may].drop_duplicates(["document_id", "start", "end", "answer"])["answer"]
    return StyleGap(distance(list(answers)), distance(held_out))
