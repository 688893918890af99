"""The arms: base, champion and tuned model, each alone and with retrieval, and what their answers show."""

import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from llm_twin_assets.documents.redaction import findings
from llm_twin_assets.documents.shingles import words as folded
from llm_twin_assets.evaluation.answers import Answer, Asked
from llm_twin_assets.evaluation.bootstrap import FEWEST, interval
from llm_twin_assets.evaluation.groundedness import groundedness
from llm_twin_assets.evaluation.memorisation import Memory, memorised_share, unquoted
from llm_twin_assets.evaluation.overlap import distinct_share, repeated_share, rouge_l
from llm_twin_assets.evaluation.prompts import Prompt
from llm_twin_assets.evaluation.style import Style
from llm_twin_assets.evaluation.words import tokens

RETRIEVAL: Final = "+retrieval"
# Which way is better is said in the report; style_score is of all answers about one document together.
METRICS: Final = (
    "rouge_l",
    "repeated_4grams",
    "distinct_2",
    "words",
    "memorised_8grams",
    "longest_run",
    "grounded",
    "style_score",
)


@dataclass(frozen=True)
class Item:
    """What one answer shows; `grounded` is None where it was given no passage or says nothing.

    personal_data: the kinds found, never the data.
    """

    row_id: str
    document_id: str
    text: str
    shown: int
    rouge_l: float
    repeated_4grams: float
    distinct_2: float
    words: int
    memorised_8grams: float
    longest_run: int
    grounded: float | None
    personal_data: tuple[str, ...]


@dataclass(frozen=True)
class Arm:
    """One model asked in one way: its items, each document's style score, and a state in words."""

    name: str
    version: str
    state: str
    items: Sequence[Item] = ()
    styles: Mapping[str, float | None] | None = None

    @property
    def is_measured(self) -> bool:
        """Whether there is an answer to every prompt."""
        return self.state == "measured"

    def to_dict(self) -> dict[str, Any]:
        """The arm as the report holds it, with each metric's mean and interval."""
        return {
            "version": self.version,
            "state": self.state,
            "metrics": {name: summary(*self.values(name)) for name in METRICS},
            "items": [asdict(item) for item in self.items],
            "styles": dict(self.styles or {}),
        }

    def values(self, metric: str) -> tuple[list[str], list[float]]:
        """Documents and values of one metric, where it has one."""
        if metric == "style_score":
            found = [(name, value) for name, value in (self.styles or {}).items() if value is not None]
        else:
            every = ((item.document_id, getattr(item, metric)) for item in self.items)
            found = [(name, value) for name, value in every if value is not None]
        return [name for name, _ in found], [float(value) for _, value in found]


@dataclass(frozen=True)
class Yardstick:
    """What answers are held against: the author's style, the training text, and what the author publishes."""

    style: Style
    learned: Memory
    public: Collection[str] = ()

    def arm(
        self,
        name: str,
        version: str,
        prompts: Sequence[Prompt],
        asked: Sequence[Asked],
        answers: Sequence[Answer | None],
    ) -> Arm:
        """The arm of a model's answers, one for each prompt."""
        there = [answer for answer in answers if answer is not None]
        if len(there) < len(prompts):
            return Arm(name, version, "not generated: the decision needs no answer")
        items = [self.item(*one) for one in zip(prompts, asked, there, strict=True)]
        state = "measured"
        if any(one.passages for one in asked) and not any(answer.shown for answer in there):
            state = "no passage fits the model's context beside the question"
        return Arm(name, version, state, items, self._styles(items))

    def item(self, prompt: Prompt, asked: Asked, answer: Answer) -> Item:
        """What one answer shows."""
        given = [text for _, text in asked.passages[: answer.shown]]
        said, own = tokens(answer.text), folded(unquoted(answer.text))
        shown = Memory(map(folded, given)) if given else None
        return Item(
            row_id=prompt.row_id,
            document_id=prompt.document_id,
            text=answer.text,
            shown=answer.shown,
            rouge_l=rouge_l(said, tokens(prompt.reference)),
            repeated_4grams=repeated_share(said),
            distinct_2=distinct_share(said),
            words=len(said),
            memorised_8grams=memorised_share(own, self.learned, shown),
            longest_run=answer.run,
            grounded=groundedness(answer.text, given) if given else None,
            personal_data=tuple(sorted({found.kind for found in findings(answer.text, self.public)})),
        )

    def _styles(self, items: Sequence[Item]) -> dict[str, float | None]:
        """The style score of each document's answers together: one alone is too short."""
        texts: dict[str, list[str]] = {}
        for item in items:
            texts.setdefault(item.document_id, []).append(item.text)
        return {name: self.style.score("\n\n".join(said)) for name, said in sorted(texts.items())}


def summary(document_ids: Sequence[str], values: Sequence[float]) -> dict[str, Any] | None:
    """The mean over documents, with a 95 % interval where there are at least five; None without a value."""
    if not values:
        return None
    groups: dict[str, list[float]] = {}
    for name, value in zip(document_ids, values, strict=True):
        groups.setdefault(name, []).append(value)
    means = np.array([statistics.fmean(group) for group in groups.values()])
    low, high = interval(means) if len(means) >= FEWEST else (None, None)
    return {
        "mean": float(means.mean()),
        "low": _finite(low),
        "high": _finite(high),
        "documents": len(means),
        "items": len(values),
    }


def texts_of(arms: Iterable[Arm]) -> dict[str, list[str]]:
    """Each arm's answers, for those that have any."""
    return {arm.name: [item.text for item in arm.items] for arm in arms if arm.items}


def _finite(end: float | None) -> float | None:
    return end if end is not None and np.isfinite(end) else None
