"""How good an answer was, from its trace alone: one number from 0 to 1, and the parts it is made of.

Nobody knows the right answer to a question from production. What can be seen without it: whether there was
an answer, whether what it says stands in the passages and its quotations in the documents, whether it sounds
like the author, whether it repeats itself, and what people said of it. Two releases that answer the same
kind of questions in the same hours are compared by it; alone the number means little.
"""

import json
import re
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from llm_twin_assets.contracts import content_hash
from llm_twin_assets.documents.splits import learnable
from llm_twin_assets.evaluation.groundedness import groundedness
from llm_twin_assets.evaluation.overlap import repeated_share
from llm_twin_assets.evaluation.style import Style, learned_style
from llm_twin_assets.evaluation.words import tokens
from llm_twin_assets.serving.canary import Arm

# What each part counts for in an answer's quality; parts that cannot be told of an answer are left out.
WEIGHTS: Final = {"grounded": 3.0, "verbatim": 2.0, "style": 2.0, "fluent": 1.0, "thumbs": 2.0}
# To decline invents nothing, and helps nobody.
DECLINED: Final = 0.5
# An answer that nobody waited for says nothing about the release.
LEFT: Final = "the client went away"
_MARK: Final = re.compile(r"\s*\[\d+\]")

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Scored:
    """What one request shows: its quality, 0 to 1, and its parts; `seconds` None where it failed."""

    quality: float
    parts: Mapping[str, float]
    seconds: float | None = None


@dataclass(frozen=True)
class Scorer:
    """What answers are held against.

    documents: cleaned text by document id. passages: a chunk's text by its id. style: the author's.
    """

    documents: Mapping[str, str]
    passages: Mapping[str, str]
    style: Style

    def score(self, row: Row, thumb: float | None = None) -> Scored:
        """A trace's quality: 0 where it failed, half where it declined, else its parts, weighted.

        row: as TraceStore gives it. thumb: -1 to 1, or None.
        """
        if row["error"] is not None:
            return Scored(0.0, {"failed": 1.0})
        parts = self._parts(row) if not row["declined"] else {}
        if thumb is not None:
            parts["thumbs"] = (thumb + 1) / 2
        quality = _weighted(parts) if not row["declined"] else DECLINED
        shown = {"failed": 0.0, "declined": float(row["declined"])} | parts
        return Scored(quality, shown, float(json.loads(row["timings_ms"])["total"]) / 1000)

    def _parts(self, row: Row) -> dict[str, float]:
        said = _MARK.sub("", row["answer"])
        parts = {
            "grounded": groundedness(said, self._given(row)),
            "verbatim": self._verbatim(json.loads(row["citations"])),
            "style": self.style.score(said),
            "fluent": 1 - repeated_share(tokens(said)),
        }
        return {name: value for name, value in parts.items() if value is not None}

    def _given(self, row: Row) -> list[str]:
        """The passages looked at, of which later documents may have changed or dropped some."""
        looked_at = (one["chunk_id"] for one in json.loads(row["retrieved"]))
        return [self.passages[chunk] for chunk in looked_at if chunk in self.passages]

    def _verbatim(self, citations: Sequence[Row]) -> float | None:
        """The share of quotations that stand at their place; None where no document is there any more."""
        there = [one for one in citations if one["document_id"] in self.documents]
        if not there:
            return None
        found = [content_hash(self.documents[one["document_id"]][one["start"] : one["end"]]) for one in there]
        return statistics.fmean(hash_ == one["quote_hash"] for hash_, one in zip(found, there, strict=True))


def scorer(documents: pd.DataFrame, chunks: pd.DataFrame, author: str) -> Scorer:
    """What an author's answers are held against, from cleaned_documents and cleaned_chunks.

    The style is learned from the documents that a model may learn from.
    """
    return Scorer(
        documents=dict(zip(documents["document_id"], documents["text"], strict=True)),
        passages=dict(zip(chunks["chunk_id"], chunks["text"], strict=True)),
        style=learned_style(learnable(documents, "train")[["author", "text"]], author),
    )


def conversations(
    rows: Iterable[Row], scorer: Scorer, thumbs: Mapping[str, float]
) -> tuple[Arm, dict[str, float]]:
    """One arm from its traces, each conversation counting once; and the means of all parts.

    thumbs: by trace id. Requests without a conversation are one each; those whose asker left are none.
    """
    turns: dict[str, list[Scored]] = defaultdict(list)
    for row in rows:
        if row["error"] != LEFT:
            scored = scorer.score(row, thumbs.get(row["trace_id"]))
            turns[row["thread_id"] or row["trace_id"]].append(scored)
    return _arm(list(turns.values())), _means([one for said in turns.values() for one in said])


def thumbs_of(feedback: Iterable[Row]) -> dict[str, float]:
    """The thumb that stands for each trace: the last one given; none where it was taken back."""
    said = {one["trace_id"]: one["value"] for one in feedback if one["value"] is not None}
    return {trace: float(value) for trace, value in said.items() if value}


def _arm(said: Sequence[Sequence[Scored]]) -> Arm:
    """Means over each conversation's turns; of times the geometric mean."""
    times = [[one.seconds for one in turns if one.seconds] for turns in said]
    thumbs = [[one.parts["thumbs"] for one in turns if "thumbs" in one.parts] for turns in said]
    return Arm(
        quality=np.array([statistics.fmean(one.quality for one in turns) for turns in said]),
        errors=np.array([statistics.fmean(one.parts["failed"] for one in turns) for turns in said]),
        seconds=np.array([statistics.geometric_mean(turns) for turns in times if turns]),
        thumbs=np.array([statistics.fmean(turns) for turns in thumbs if turns]),
    )


def _means(scored: Sequence[Scored]) -> dict[str, float]:
    names = sorted({name for one in scored for name in one.parts})
    values = {name: [one.parts[name] for one in scored if name in one.parts] for name in names}
    return {name: round(statistics.fmean(found), 4) for name, found in values.items()}


def _weighted(parts: Mapping[str, float]) -> float:
    """The parts' mean by their weights; `fluent` can always be told."""
    total = sum(WEIGHTS[name] for name in parts)
    return sum(WEIGHTS[name] * value for name, value in parts.items()) / total
