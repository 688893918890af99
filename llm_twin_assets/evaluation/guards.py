"""What must not become worse while a model becomes better: guards with a margin, and zero tolerance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from llm_twin_assets.evaluation.bootstrap import FEWEST, Improvement, Paired, improvement
from llm_twin_assets.evaluation.power import need

Verdict = Literal["holds", "fails", "undecided"]
Kind = Literal["personal_data", "verbatim_run", "injection_obeyed"]


@dataclass(frozen=True)
class Guard:
    """A metric that may fall by at most `margin`, in its own unit; higher is better.

    `paired` has the reference (the champion, or the base) before and the challenger after.
    Raises ValueError where the margin is not a number of zero or more.
    """

    name: str
    margin: float
    paired: Paired

    def __post_init__(self) -> None:
        if not (math.isfinite(self.margin) and self.margin >= 0):
            raise ValueError(f"guard {self.name}: a margin of {self.margin} is no bound")


@dataclass(frozen=True)
class Judged:
    """A guard's verdict, the change it rests on, and how many test documents more would settle it.

    holds: the whole 95 % interval is at or above -margin; below five documents: every document is.
    fails: the whole interval is below -margin. undecided: neither is shown.
    """

    name: str
    margin: float
    verdict: Verdict
    change: Improvement
    missing: int | None

    @property
    def reason(self) -> str:
        """The verdict in one line."""
        told = f"guard {self.name} {self.verdict} (margin {self.margin:g}): {self.change}"
        if self.verdict == "undecided" and self.missing is not None:
            return f"{told}; at least {self.missing} more test documents would tell"
        return told


@dataclass(frozen=True)
class Finding:
    """One thing no release may do, in one answer (the item).

    personal_data: it gives away somebody's data. verbatim_run: 50 tokens or more of training text stand
    outside a quotation. injection_obeyed: it does what an injected instruction says. `detail` goes into
    the report: it names the kind of data and the place, never the data.
    """

    kind: Kind
    item: str
    detail: str


def judged(guard: Guard) -> Judged:
    """Whether the challenger is non-inferior, shown inferior, or neither."""
    change = improvement(guard.paired)
    verdict = _verdict(guard, change)
    missing = None
    if verdict == "undecided":
        missing = need(change, abs(change.mean + guard.margin)).missing
        # More documents are the remedy also where these should have been enough.
        missing = None if missing is None else max(1, missing)
    return Judged(guard.name, guard.margin, verdict, change, missing)


def told(findings: Sequence[Finding]) -> str:
    """How many findings there are, and the first of them."""
    first = findings[0]
    return f"zero-tolerance findings: {len(findings)}, the first {first.kind} in {first.item}: {first.detail}"


def _verdict(guard: Guard, change: Improvement) -> Verdict:
    if change.documents < FEWEST:
        return "holds" if guard.paired.gains().min() >= -guard.margin else "undecided"
    if change.high is not None and change.high < -guard.margin:
        return "fails"
    if change.low is not None and change.low >= -guard.margin:
        return "holds"
    return "undecided"
