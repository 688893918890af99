"""The stream that is played where none is given: four scenes made from the twin's own documents.

Nothing, new documents, a shift of topic to them, and what readers say. Questions are made of the author's
sentences. How many there are hangs on the drift rule's own numbers: a reference, and two windows in a row.
"""

import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from llm_twin_assets.documents.splits import learnable
from llm_twin_assets.monitoring.drift_report import Plan
from llm_twin_assets.replay.stream import (
    Add,
    Ask,
    Event,
    Feedback,
    Hours,
    NewDocument,
    Said,
    Scene,
)
from llm_twin_assets.serving.sentences import quotable

# Three: whatever new documents are held out, at least one of them is learned from.
NEW: Final = Path(__file__).with_name("new_documents.md")
WORDINGS: Final = (
    "Why do you say that {}?",
    "What do you mean by “{}”?",
    "Is it true that {}?",
    "Can you say more about this: {}",
    "How do you know that {}?",
)
# Of a sentence so many words are asked about.
WORDS: Final = 14
# So much of the traffic turns to the new documents.
SHIFT: Final = 0.6
JUDGED: Final = 12
# Feedback counts once it is a day old.
A_DAY: Final = 25


class NothingToAsk(ValueError):
    """The author has no document that questions could be made of."""


def default_stream(
    documents: pd.DataFrame, author: str, plan: Plan | None = None, seed: int = 0
) -> list[Event]:
    """The four scenes for an author; documents: cleaned_documents. Raises NothingToAsk."""
    sizes, drawn = plan or Plan(), random.Random(seed)
    own = documents[documents["author"] == author]
    known = questions_of(own["text"].tolist(), drawn)
    if not known:
        raise NothingToAsk(f"{author} has no document with a sentence to ask about: run `llm-twin run`")
    added = new_documents()
    new = questions_of([str(one.text) for one in added], drawn)
    return [
        *_quiet(known, sizes, drawn),
        Scene(scene="New documents: one run, and they can be cited"),
        Ask(ask=new[0]),
        *(Add(document=one) for one in added),
        Ask(ask=new[0]),
        *_shifted(known, new, sizes, drawn),
        *_judged(questions_of(learnable(own, "train")["text"].tolist(), drawn), drawn),
    ]


def new_documents() -> list[NewDocument]:
    """The documents that the packaged file holds, each under a heading of the first level."""
    parts = re.split(r"^# ", NEW.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    pairs = (part.split("\n", 1) for part in parts)
    return [NewDocument(title=title, text=text) for title, text in pairs]


def questions_of(texts: Sequence[str], drawn: random.Random) -> list[str]:
    """A question about each sentence of the texts that can be quoted, each in one of the wordings."""
    said = (sentence.text for text in texts for sentence in quotable(text) if not sentence.is_question)
    starts = (" ".join(one.rstrip(".!").split()[:WORDS]) for one in said)
    return [drawn.choice(WORDINGS).format(one) for one in starts]


def _quiet(known: Sequence[str], plan: Plan, drawn: random.Random) -> list[Event]:
    hours = -(-plan.reference // plan.window) + plan.thresholds.consecutive
    traffic = [_hour(drawn.choices(known, k=plan.window)) for _ in range(hours)]
    return [Scene(scene="The usual traffic: nothing happens"), *(event for hour in traffic for event in hour)]


def _shifted(known: Sequence[str], new: Sequence[str], plan: Plan, drawn: random.Random) -> list[Event]:
    moved = round(SHIFT * plan.window)
    events: list[Event] = [Scene(scene="A shift of topic: two windows, then one training and the gate")]
    for _ in range(plan.thresholds.consecutive):
        asked = drawn.choices(new, k=moved) + drawn.choices(known, k=plan.window - moved)
        events += _hour(drawn.sample(asked, len(asked)))
    return events


def _judged(known: Sequence[str], drawn: random.Random) -> list[Event]:
    """Readers who like what they got, each in a conversation of their own; then a day passes."""
    events: list[Event] = [Scene(scene="Readers' feedback: a day later it is trained on, and gated")]
    for number, question in enumerate(drawn.sample(known, min(JUDGED, len(known))), start=1):
        events += [Ask(ask=question, thread=f"reader-{number}"), Feedback(feedback=Said(value=1))]
    return [*events, Hours(hour=A_DAY)]


def _hour(questions: Sequence[str]) -> list[Event]:
    return [*(Ask(ask=one) for one in questions), Hours(hour=1)]
