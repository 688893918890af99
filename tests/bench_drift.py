"""How often each drift rule alarms where nothing changed, and how often it sees a shift of topic.

    python -m tests.bench_drift [twins.yaml] [--quick]

Questions are made from the sentences of a twins file's documents and embedded. The documents are grouped into
twelve topics; each pinned reference is drawn from eight of them, stationary windows from the same eight, and
shifted windows take a share of their sessions from the other four. Sessions are single questions, or ten
about one document. Every rule sees the same windows. The published rules judge a single window; what they
would say if they, too, waited for two in a row stands beside it. The bounds take pairs of windows as
independent, which those of one reference are not quite: hence the worst reference.
"""

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from llm_twin_assets.contracts import digest
from llm_twin_assets.monitoring.drift_looks import Thresholds
from llm_twin_assets.monitoring.drift_rule import Verdict, drift
from llm_twin_assets.monitoring.drift_signals import QUESTIONS
from llm_twin_assets.monitoring.published_rules import RULES, evidently_model
from llm_twin_assets.monitoring.windows import Window
from llm_twin_assets.serving.sentences import quotable
from llm_twin_assets.sources.preview import table
from resources.embedder import build_embedder
from resources.settings import Settings
from resources.twins import load_twins
from tests.bench_retrieval import chunks_of

TEMPLATES = (
    "Why do you say that {}?",
    "What do you mean by “{}”?",
    "Is it true that {}?",
    "Can you say more about this: {}",
    "How do you know that {}?",
    "{} Do you still think so?",
)
WORDS = 16
MOST_QUESTIONS = 5000
TOPICS, UNSEEN = 12, 4
LEVEL = 0.95
LONGEST_DELAY = 6
OURS = "ours"


@dataclass(frozen=True)
class Case:
    """One row of the benchmark: what is drawn, how often, and from which windows."""

    name: str
    reference: int
    window: int
    session: int
    share: float
    references: int
    pairs: int


@dataclass(frozen=True)
class Pool:
    """Questions with their embeddings and the document of each; `topics` is each document's."""

    vectors: np.ndarray
    documents: np.ndarray
    topics: dict[str, int]

    def rows(self, topics: set[int]) -> np.ndarray:
        """The questions about some topics."""
        return np.flatnonzero([self.topics[one] in topics for one in self.documents])


def main(*arguments: str) -> None:
    """Print the tables of a twins file's documents."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config", nargs="?", default="twins.yaml")
    parser.add_argument("--quick", action="store_true")
    chosen = parser.parse_args(arguments)
    started = time.monotonic()
    pool = asked(Path(chosen.config).resolve())
    print(f"{len(pool.vectors):,} questions in {time.monotonic() - started:.0f} s\n", flush=True)
    results = [measured(case, pool) for case in cases(10 if chosen.quick else 1)]
    print(f"\n{time.monotonic() - started:.0f} s, {Thresholds()}")
    for title, shifted in (("false alarms", False), ("detection", True)):
        print(f"\n{title}\n\n{side_by_side([one for one in results if bool(one[0].share) == shifted])}")


def cases(scale: int) -> list[Case]:
    """The stationary cases and then the shifted ones; a tenth of the references where that is the scale."""
    return [
        Case("independent, n=200", 1000, 200, 1, 0.0, 40 // scale, 10),
        Case("sessions of 10, n=200", 1000, 200, 10, 0.0, 40 // scale, 10),
        Case("independent, n=1,000", 2000, 1000, 1, 0.0, 20 // scale, 1),
        Case("40 % new topics, n=200", 1000, 200, 1, 0.4, 100 // scale, 1),
        Case("20 % new topics, n=1,000", 2000, 1000, 1, 0.2, 60 // scale, 1),
        Case("40 % new topics, sessions of 10, n=200", 1000, 200, 10, 0.4, 60 // scale, 1),
    ]


def asked(config: Path) -> Pool:
    """Questions from every sentence that can be quoted, in the templates' turn, and their topics."""
    embedder = build_embedder(Settings())
    with tempfile.TemporaryDirectory() as home:
        chunks = chunks_of(load_twins(config), Path(home), embedder)
    columns = chunks[["document_id", "text"]].itertuples(index=False, name=None)
    made = {worded(one.text): document for document, text in columns for one in quotable(text)}
    kept = sorted(made, key=digest)[:MOST_QUESTIONS]
    vectors, documents = embedder.encode(kept), np.array([made[question] for question in kept])
    return Pool(vectors, documents, grouped(vectors, documents))


def worded(sentence: str) -> str:
    """A question about the beginning of a sentence; the sentence's hash decides how it is put."""
    template = TEMPLATES[int(digest(sentence)[:8], 16) % len(TEMPLATES)]
    return template.format(" ".join(sentence.split()[:WORDS]))


def grouped(vectors: np.ndarray, documents: np.ndarray) -> dict[str, int]:
    """Each document's topic: k-means over the mean embeddings of the documents."""
    from sklearn.cluster import KMeans

    names = np.unique(documents)
    means = np.array([vectors[documents == name].mean(axis=0) for name in names])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    found = KMeans(TOPICS, n_init=10, random_state=0).fit_predict(means)
    return dict(zip(names.tolist(), found.tolist(), strict=True))


@dataclass(frozen=True)
class Traffic:
    """What people ask about some topics, in sessions of so many questions about one document each."""

    pool: Pool
    rows: np.ndarray
    session: int
    random: np.random.Generator

    def sessions(self, count: int) -> list[np.ndarray]:
        """So many sessions: the rows of each one's questions. Long documents come oftener."""
        firsts = self.random.choice(self.rows, count)
        if self.session == 1:
            return [np.array([row]) for row in firsts]
        documents = self.pool.documents[self.rows]
        own = (self.rows[documents == self.pool.documents[row]] for row in firsts)
        return [self.random.choice(rows, self.session) for rows in own]


def window(pool: Pool, sessions: list[np.ndarray], random: np.random.Generator) -> Window:
    """Sessions as a window, in a random order."""
    order = random.permutation(len(sessions))
    rows = np.concatenate([sessions[at] for at in order])
    names = np.repeat(np.arange(len(sessions)), [len(sessions[at]) for at in order])
    return Window(pool.vectors[rows], names.astype(str).tolist())


def drawn(case: Case, pool: Pool, seed: int) -> tuple[Window, Callable[[], Window]]:
    """A pinned reference, and what draws a fresh window each time."""
    random = np.random.default_rng(seed)
    unseen = set(random.choice(TOPICS, UNSEEN, replace=False).tolist())
    old = Traffic(pool, pool.rows(set(range(TOPICS)) - unseen), case.session, random)
    new = Traffic(pool, pool.rows(unseen), case.session, random)
    count = case.window // case.session

    def fresh() -> Window:
        moved = int(random.binomial(count, case.share))
        return window(pool, old.sessions(count - moved) + new.sessions(moved), random)

    return window(pool, old.sessions(case.reference // case.session), random), fresh


@dataclass
class Found:
    """What a rule said, by reference: of single windows, and of pairs in a row; delays in windows."""

    singles: dict[int, list[bool]]
    pairs: dict[int, list[bool]]
    delays: list[int]
    states: dict[str, int]


def measured(case: Case, pool: Pool) -> tuple[Case, dict[str, Found]]:
    """Every rule's answers to one case."""
    started = time.monotonic()
    found = {
        name: Found(defaultdict(list), defaultdict(list), [], defaultdict(int))
        for name in (OURS, *published())
    }
    for seed in range(case.references):
        reference, fresh = drawn(case, pool, seed)
        for _ in range(case.pairs):
            windows = [fresh(), fresh()]
            theirs(found, seed, reference, windows)
            verdict = drift(reference, windows)
            ours(found[OURS], seed, verdict)
            if case.share:
                found[OURS].delays.append(delay(verdict, reference, windows, fresh))
    told = f", median delay {statistics.median(found[OURS].delays):g} windows" if case.share else ""
    print(f"{case.name}: {time.monotonic() - started:.0f} s, {dict(found[OURS].states)}{told}", flush=True)
    return case, found


def published() -> dict[str, Callable[[np.ndarray, np.ndarray], bool]]:
    """The published rules, Evidently's other branch with them."""
    small = {
        "Evidently default below 1,000 rows": lambda first, second: evidently_model(
            first, second, bootstrap=True
        )
    }
    return {**RULES, **small}


def theirs(found: dict[str, Found], seed: int, reference: Window, windows: list[Window]) -> None:
    """The published rules' answers to two windows."""
    for name, rule in published().items():
        alarms = [rule(reference.vectors, one.vectors) for one in windows]
        found[name].singles[seed] += alarms
        found[name].pairs[seed].append(all(alarms))


def ours(found: Found, seed: int, verdict: Verdict) -> None:
    """Our verdict on two windows; a reference that is refused sees nothing."""
    looks = verdict.signals[QUESTIONS].looks
    found.states[verdict.state] += 1
    found.singles[seed] += [look.is_alarm for look in looks] or [False, False]
    found.pairs[seed].append(verdict.state == "drift")


def delay(verdict: Verdict, reference: Window, windows: list[Window], fresh: Callable[[], Window]) -> int:
    """How many shifted windows it takes until the verdict is drift; one more than the longest waited for."""
    seen = list(windows)
    while verdict.state != "drift" and len(seen) <= LONGEST_DELAY:
        seen.append(fresh())
        verdict = drift(reference, seen[-2:])
    return len(seen)


def side_by_side(results: list[tuple[Case, dict[str, Found]]]) -> str:
    """A table: rules down; for each case the share of windows, and of pairs in a row, with the 95 % bound."""
    head = ["rule", *(f"{case.name}: {what}" for case, _ in results for what in ("a window", "two in a row"))]
    names = results[0][1]
    return table(head, ([name, *(cell for one in results for cell in cells(one, name))] for name in names))


def cells(result: tuple[Case, dict[str, Found]], name: str) -> Iterator[str]:
    """The share of windows and that of pairs: with an upper bound where nothing changed, else a lower one."""
    case, found = result
    for answers in (found[name].singles, found[name].pairs):
        flat = [one for several in answers.values() for one in several]
        low, high = bounds(sum(flat), len(flat))
        bound = f"≥ {low:.1%}" if case.share else f"≤ {high:.1%}, worst reference {worst(answers):.0%}"
        yield f"{sum(flat) / len(flat):.1%} ({bound})"


def worst(answers: dict[int, list[bool]]) -> float:
    """The largest share of alarms that one reference has."""
    return max(sum(several) / len(several) for several in answers.values())


def bounds(hits: int, trials: int) -> tuple[float, float]:
    """One-sided 95 % bounds of a share, below and above (Clopper and Pearson, 1934)."""
    from scipy.stats import beta

    low = float(beta.ppf(1 - LEVEL, hits, trials - hits + 1)) if hits else 0.0
    high = float(beta.ppf(LEVEL, hits + 1, trials - hits)) if hits < trials else 1.0
    return low, high


if __name__ == "__main__":
    import sys

    main(*sys.argv[1:])
