"""The promotion gate: shall a newly tuned model replace the one that answers now?

promote: a new release. keep: the champion stays, nothing is wrong. refuse: nothing may be released.
"""

from dataclasses import dataclass
from typing import Literal

from llm_twin_assets.evaluation.bootstrap import Improvement

Outcome = Literal["promote", "keep", "refuse"]


@dataclass(frozen=True)
class Decision:
    """The outcome and its reason, in words."""

    outcome: Outcome
    reason: str


@dataclass(frozen=True)
class Contest:
    """Who stands against whom: adapter versions (the champion's None before the first release).

    `documents` counts the author's test documents.
    """

    challenger: str
    champion: str | None
    is_quarantined: bool
    documents: int


def without_scores(contest: Contest) -> Decision | None:
    """The decision where it needs no model to be run, else None."""
    if contest.challenger == contest.champion:
        return Decision("keep", "the challenger is the champion itself")
    if contest.is_quarantined and contest.champion:
        return Decision("keep", "the challenger was rolled back before and stays in quarantine")
    if contest.is_quarantined:
        return Decision("refuse", "the challenger is in quarantine and there is no champion to keep")
    if contest.documents == 0:
        return Decision("refuse", "the author has no test document: add documents, at least three in all")
    return None


def by_scores(over_base: Improvement, over_champion: Improvement | None) -> Decision:
    """The decision from how much better the challenger is than its base and than the champion."""
    if not over_base.is_certain:
        return Decision("refuse", f"not better than the base model: {over_base}")
    if over_champion is None:
        return Decision("promote", f"better than the base model, and there is no champion: {over_base}")
    if not over_champion.is_certain:
        return Decision("keep", f"not certainly better than the champion: {over_champion}")
    return Decision("promote", f"better than the champion: {over_champion}")
