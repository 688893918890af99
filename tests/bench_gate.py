"""How often the promotion gate is wrong and how often it sees what is there, by simulation.

    python -m tests.bench_gate [COMPARISONS]

Ties promoted, equal guards failed, and the power at the numbers of documents that are asked for; without
a number 20,000 comparisons each. Every figure comes from the intervals that the gate itself decides by.
"""

import sys

import numpy as np

from llm_twin_assets.evaluation.power import documents_for_win_rate, documents_needed
from tests.llm_twin_assets.evaluation.simulated import NOISES, ends, gains, promoted, won

DOCUMENTS = (5, 7, 10, 30, 100)
MARGIN = 0.5
# The spread of a document's gain in `gains` with normal noise: its own, and that of four items' mean.
SPREAD = 1.25**0.5


def main(comparisons: str = "20000") -> None:
    """Print the tables."""
    random, trials = np.random.default_rng(0), int(comparisons)
    ties(random, trials)
    guards(random, trials)
    win_rates(random, trials)
    effects(random, trials)


def ties(random, trials):
    """Promoted and failed among equal models."""
    print(f"\nties promoted, {trials:,} each (wanted: at most 2.5 %)")
    print("| noise | " + " | ".join(f"{count} documents" for count in DOCUMENTS) + " |")
    for noise in NOISES:
        row("promoted, " + noise, [promoted(gains(random, noise, trials, count)) for count in DOCUMENTS])
    for items in (1, 2, 3, 10):
        shares = [promoted(won(random, 0.5, trials, count, items)) for count in DOCUMENTS]
        row(f"promoted, {items} won or lost a document", shares)


def guards(random, trials):
    """How often a guard is failed that is equal, at its margin, or worse by twice its margin."""
    needed = documents_needed(MARGIN, SPREAD)
    counts = (*DOCUMENTS, needed, 2 * needed)
    print(f"\nguards with a margin of {MARGIN} failed, normal noise of spread {SPREAD:.2f} a document")
    print("| true loss | " + " | ".join(f"{count} documents" for count in counts) + " |")
    for times in (0, 1, 2, 3):
        shares = [failed(random, trials, count, times * MARGIN) for count in counts]
        row(f"{times} times the margin", shares)


def failed(random, trials, documents, loss):
    """The share of guards failed at such a true loss."""
    _, high = ends(gains(random, "normal", trials, documents, -loss))
    return float((high < -MARGIN).mean())


def win_rates(random, trials):
    """Power at the number of documents asked for."""
    print("\npower at the documents asked for, by win rate and items a document")
    for items in (1, 4, 10):
        for rate in (0.55, 0.6, 0.65, 0.7, 0.8, 0.9):
            count = documents_for_win_rate(rate, items)
            found = promoted(won(random, rate, trials // 4, count, items))
            print(f"| {rate} | {items} | {count} documents | {found:.3f} |", flush=True)


def effects(random, trials):
    """Power at the number of documents asked for, by the effect in standard deviations."""
    print("\npower at the documents asked for, by effect over spread, normal noise")
    for effect in (2.0, 1.5, 1.0, 0.8, 0.6, 0.4, 0.3, 0.2):
        count = documents_needed(effect, 1.0)
        found = promoted(random.normal(effect, 1.0, (trials // 4, count)))
        print(f"| {effect} | {count} documents | {found:.3f} |", flush=True)


def row(name, shares):
    """Print one line of a table, in percent."""
    print(f"| {name} | " + " | ".join(f"{100 * share:.2f}" for share in shares) + " |", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
