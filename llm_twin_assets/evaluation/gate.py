"""The promotion gate: shall a newly tuned model replace the one that answers now?

promote: a new release. keep: the champion stays, nothing is wrong. refuse: nothing may be released.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from llm_twin_assets.evaluation.bootstrap import FEWEST, LEVEL, Improvement
from llm_twin_assets.evaluation.guards import Finding, Judged, told
from llm_twin_assets.evaluation.power import POWER, need

Outcome = Literal["promote", "keep", "refuse"]


@dataclass(frozen=True)
class Decision:
    """The outcome, its reason in words, and the numbers it rests on (JSON; empty where nothing was run)."""

    outcome: Outcome
    reason: str
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Contest:
    """Who stands against whom: adapter versions (the champion's None before the first release).

    `documents` counts the author's test documents.
    """

    challenger: str
    champion: str | None
    is_quarantined: bool
    documents: int


@dataclass(frozen=True)
class Measured:
    """What was measured of a challenger; over_champion is None before the first release.

    worthwhile: the smallest gain worth having, in the primary metric's unit; 0 where none is named.
    """

    over_base: Improvement
    over_champion: Improvement | None = None
    guards: Sequence[Judged] = ()
    findings: Sequence[Finding] = ()
    worthwhile: float = 0.0


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


def by_scores(measured: Measured) -> Decision:
    """The decision from how much better the challenger is, its guards and its zero-tolerance findings.

    What is shown to be wrong refuses; what is only in doubt keeps the champion, and refuses without one.
    """
    evidence = _evidence(measured)
    if wrong := list(_wrong(measured)):
        return Decision("refuse", "; ".join(wrong), evidence)
    if doubts := list(_doubts(measured)):
        if measured.over_champion is None:
            return Decision("refuse", "; ".join([*doubts, "and there is no champion to keep"]), evidence)
        return Decision("keep", "; ".join(doubts), evidence)
    if measured.over_champion is None:
        over_base = f"better than the base model, and there is no champion: {measured.over_base}"
        return Decision("promote", over_base, evidence)
    return Decision("promote", f"better than the champion: {measured.over_champion}", evidence)


def _wrong(measured: Measured) -> Iterator[str]:
    if measured.findings:
        yield told(measured.findings)
    yield from (guard.reason for guard in measured.guards if guard.verdict == "fails")
    if measured.over_base.is_worse:
        yield f"worse than the base model: {measured.over_base}"


def _doubts(measured: Measured) -> Iterator[str]:
    base, champion = measured.over_base, measured.over_champion
    if not (base.is_certain or base.is_unanimous):
        yield _doubt(base, "the base model", measured.worthwhile)
    # One of two equal models is better on all of four documents once in sixteen: too often to replace a
    # champion by, while without one there is only the base to lose.
    if champion is not None and not champion.is_certain:
        yield _doubt(champion, "the champion", measured.worthwhile)
    yield from (guard.reason for guard in measured.guards if guard.verdict == "undecided")


def _doubt(found: Improvement, other: str, worthwhile: float) -> str:
    if found.differing == 0:
        return f"the same score as {other} on every item, 0 of {found.documents} documents better"
    start = f"not certainly better than {other}: {found}"
    wanted = need(found, max(found.mean, worthwhile))
    if wanted.missing is None:
        return f"{start}; no gain was seen"
    if wanted.missing == 0 and worthwhile > found.mean:
        return f"{start}; a tie: these would have shown a gain of {worthwhile:g} with 80 % power"
    missing = max(1, wanted.missing, FEWEST - found.documents)
    return f"{start}; at least {missing} more test documents to show {wanted.effect:.2g} with 80 % power"


def _evidence(measured: Measured) -> dict[str, Any]:
    champion = measured.over_champion
    return {
        "level": LEVEL,
        "power_wanted": POWER,
        "worthwhile": measured.worthwhile,
        "over_base": _numbers(measured.over_base, measured.worthwhile),
        "over_champion": _numbers(champion, measured.worthwhile) if champion else None,
        "guards": [asdict(guard) | {"reason": guard.reason} for guard in measured.guards],
        "findings": [asdict(finding) for finding in measured.findings],
    }


def _numbers(found: Improvement, worthwhile: float) -> dict[str, Any]:
    return asdict(found) | {"need": asdict(need(found, max(found.mean, worthwhile)))}
