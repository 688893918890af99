"""How often a canary is judged rightly, by simulation of whole canaries from the first share to the last.

    python -m tests.bench_canary [RUNS]

Without a number 1,000 canaries each. A run ends when its release is promoted or rolled back; every figure
comes from the decisions that `llm_twin_assets.serving.canary` makes.
"""

import sys
from dataclasses import dataclass

from llm_twin_assets.serving.canary import conversations_needed
from tests.llm_twin_assets.serving.simulated_canaries import SCENARIOS, Outcome, simulated


def main(runs: str = "1000") -> None:
    """Print the table."""
    count = int(runs)
    print(f"{count:,} canaries each; conversations are those of one arm, at the median")
    print("| release | rolled back below 50 % | for harm | promoted | conversations | of all traffic |")
    for name, scenario in SCENARIOS.items():
        print(row(name, summary(simulated(scenario, count))), flush=True)
    for spread in (0.1, 0.2, 0.36, 0.45):
        print(f"spread {spread}: at most {conversations_needed(spread):,} conversations an arm for the proof")


@dataclass(frozen=True)
class Summary:
    """Shares of the runs, and medians of conversations: of one arm, and of all traffic meanwhile."""

    early: float
    harm: float
    promoted: float
    conversations: int
    traffic: int


def summary(outcomes: list[Outcome]) -> Summary:
    """What came out of many simulated canaries."""

    def share(chosen):
        return sum(map(chosen, outcomes)) / len(outcomes)

    def middle(values):
        return sorted(values)[len(outcomes) // 2]

    return Summary(
        early=share(lambda one: one.action == "roll_back" and one.share < 50),
        harm=share(lambda one: one.action == "roll_back" and one.reason.startswith("harm")),
        promoted=share(lambda one: one.action == "promote"),
        conversations=middle(one.conversations for one in outcomes),
        traffic=middle(one.traffic for one in outcomes),
    )


def row(name: str, found: Summary) -> str:
    """One line of the table, in percent."""
    shares = " | ".join(f"{100 * one:.1f}" for one in (found.early, found.harm, found.promoted))
    return f"| {name} | {shares} | {found.conversations:,} | {found.traffic:,} |"


if __name__ == "__main__":
    main(*sys.argv[1:])
