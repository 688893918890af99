"""What asking a teacher costs: estimated before, counted while it goes on, and stopped at a cap."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from resources.teacher import TeacherError, UnusableAnswer, Usage
from resources.teacher_cache import CachedTeacher, Prompt

# English has four to five characters a token; fewer are reckoned, so that an estimate is rather too high.
CHARACTERS_A_TOKEN: Final = 3
# What an answer is reckoned with; the schemas of the prompts keep answers below it.
WRITTEN_TOKENS: Final = 150
_MILLION: Final = 1_000_000


class CostCapError(RuntimeError):
    """The teacher would cost more than it may; the message says what to mend."""


class CapReached(TeacherError):
    """The next question could cost more than is left."""


@dataclass(frozen=True)
class Prices:
    """What a million tokens cost that a teacher reads, or writes; `cap` bounds the sum (same currency)."""

    read: float = 0.0
    written: float = 0.0
    cap: float | None = None

    def of(self, usage: Usage) -> float:
        """What so many tokens cost."""
        return (self.read * usage.read + self.written * usage.written) / _MILLION


class Purse:
    """A teacher that is asked within a cap; raises CostCapError where a cap is set and no price."""

    def __init__(self, teacher: CachedTeacher, prices: Prices) -> None:
        if prices.cap is not None and not prices.read + prices.written:
            raise CostCapError(
                "LLM_TWIN_TEACHER_COST_CAP is set but no price: set LLM_TWIN_TEACHER_INPUT_PRICE and "
                "LLM_TWIN_TEACHER_OUTPUT_PRICE, or remove the cap"
            )
        self.teacher = teacher
        self.prices = prices
        self.paid = Usage()
        self.calls = 0

    @property
    def spent(self) -> float:
        """What the questions so far cost."""
        return self.prices.of(self.paid)

    def check(self, prompts: Iterable[Prompt]) -> float:
        """The estimate for questions that are not yet answered; raises CostCapError above the cap."""
        cost = self.prices.of(sum((_reckoned(prompt) for prompt in prompts), Usage()))
        cap = self.prices.cap
        if cap is not None and cost > cap:
            raise CostCapError(
                f"asking {self.teacher.model} would cost about {cost:.2f}, and LLM_TWIN_TEACHER_COST_CAP is "
                f"{cap:.2f}: raise it, or unset LLM_TWIN_TEACHER_URL to have instructions by templates"
            )
        return cost

    def ask(self, prompt: Prompt) -> dict[str, Any]:
        """As `CachedTeacher.ask`; raises CapReached where the answer could cost more than is left."""
        if self.teacher.known(prompt) is not None:
            return self.teacher.ask(prompt)
        reckoned, cap = _reckoned(prompt), self.prices.cap
        if cap is not None and self.prices.of(self.paid + reckoned) > cap:
            raise CapReached(f"LLM_TWIN_TEACHER_COST_CAP ({cap:.2f}) is reached: {self.spent:.2f} are spent")
        before = self.teacher.usage
        self.calls += 1
        try:
            answer = self.teacher.ask(prompt)
        except UnusableAnswer:
            self._count(before, reckoned)
            raise
        self._count(before, reckoned)
        return answer

    def _count(self, before: Usage, reckoned: Usage) -> None:
        counted = self.teacher.usage - before
        # A server that does not count is taken to have used what was reckoned.
        self.paid += counted if counted != Usage() else reckoned


def _reckoned(prompt: Prompt) -> Usage:
    """The tokens that a question takes at a guess, the form of the answer included."""
    length = len(f"{prompt.system}{prompt.user}{prompt.schema}".encode())
    return Usage(length // CHARACTERS_A_TOKEN, WRITTEN_TOKENS)
