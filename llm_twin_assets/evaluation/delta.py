"""Burrows' Delta: how far a text's use of the commonest words is from an author's.

Burrows, "Delta: a measure of stylistic difference and a guide to likely authorship", Literary and Linguistic
Computing 17 (2002): the relative frequencies of the most frequent words as z-scores, and the mean absolute
difference of two texts' z-scores. Text is pooled into bags of words drawn at random (Eder, "Does size
matter?", Digital Scholarship in the Humanities 30, 2015: better than running text, unreliable when short).
Deltas of bags of different lengths must not be compared. What counts as words: see words.py. Nothing here
knows a language, but words must be parted by spaces.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from llm_twin_assets.contracts import content_hash
from llm_twin_assets.evaluation.bootstrap import FEWEST, interval
from llm_twin_assets.evaluation.words import TooLittleText, own_words, tokens

# Measured (tests/bench_style.py): with fewer, not all bags of 1,000 are nearer to their own author.
MOST_FREQUENT: Final = 300
BAG: Final = 1_000
FEWEST_BAGS: Final = 5
SEED: Final = 0

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """What is common: the most frequent words, and means and deviations of their relative frequencies."""

    words: tuple[str, ...]
    means: Values
    deviations: Values

    def z_scores(self, bag: Sequence[str]) -> Values:
        """How many deviations above the mean a bag uses each of the words."""
        scores: Values = (_frequencies(bag, self.words) - self.means) / self.deviations
        return scores


@dataclass(frozen=True)
class Profile:
    """An author's z-score for each word of a scale, over all of their training text together."""

    scale: Scale
    z_scores: Values

    def distance(self, bag: Sequence[str]) -> float:
        """Burrows' Delta between the author and one bag of words."""
        return float(np.abs(self.scale.z_scores(bag) - self.z_scores).mean())


@dataclass(frozen=True)
class Delta:
    """The mean Delta of texts to a profile, with a 95 % interval over groups of whole texts.

    `low` and `high` are None below five groups: add texts, or read the mean with that in mind.
    """

    mean: float
    low: float | None
    high: float | None
    groups: int
    bags: int


def scale(authors: Mapping[str, Sequence[str]], most_frequent: int = MOST_FREQUENT) -> Scale:
    """The scale of the authors' training texts (Markdown), each author with the same weight.

    An author with less than a bag of words does not count. Words that only one of several authors uses
    are left out: they are names and subjects. Raises TooLittleText below five bags in all.
    """
    known = [found for texts in authors.values() if (found := _running(pooled(texts)))]
    count = sum(map(len, known))
    if count < FEWEST_BAGS:
        raise TooLittleText(f"{count} bags of {BAG} words of training text, {FEWEST_BAGS} are needed")
    words = _shared([Counter(word for bag in bags for word in bag) for bags in known])
    tables = [np.array([_frequencies(bag, words) for bag in bags]) for bags in known]
    means = np.mean([table.mean(axis=0) for table in tables], axis=0)
    spread = np.mean([((table - means) ** 2).mean(axis=0) for table in tables], axis=0) ** 0.5
    order = [at for at in np.argsort(-means, kind="stable") if spread[at] > 0][:most_frequent]
    return Scale(tuple(words[at] for at in order), means[order], spread[order])


def profile(measure: Scale, texts: Iterable[str]) -> Profile:
    """The profile of an author from training texts (Markdown); raises TooLittleText below a bag of words."""
    words = [word for text in pooled(texts) for word in text]
    if len(words) < BAG:
        raise TooLittleText(f"{len(words)} words of the author's training text, {BAG} are needed")
    return Profile(measure, measure.z_scores(words))


def delta(author: Profile, texts: Iterable[str], bag: int = BAG) -> Delta:
    """How far texts (Markdown) are from an author, in bags of so many words.

    Whole texts are pooled into groups of at least a bag; a group's words, in random order, make its bags,
    and their mean is its value. So an interval is over texts and not over pieces of the same one. Their
    order does not matter. Raises TooLittleText where all texts together are shorter than a bag.
    """
    groups = [bags(group, bag) for group in grouped(pooled(texts), bag)]
    values = np.array([np.mean([author.distance(one) for one in group]) for group in groups])
    low, high = interval(values) if len(values) >= FEWEST else (None, None)
    return Delta(float(values.mean()), low, high, len(groups), sum(map(len, groups)))


def pooled(texts: Iterable[str]) -> list[list[str]]:
    """The words of each text (Markdown), in the order of their hashes: by chance, but always the same."""
    return [tokens(prose) for prose in sorted(map(own_words, texts), key=content_hash)]


def grouped(texts: list[list[str]], size: int) -> list[list[list[str]]]:
    """Tokenised texts in groups of at least `size` words; what is left at the end joins the last group.

    Raises TooLittleText where all together are shorter.
    """
    groups: list[list[list[str]]] = []
    rest: list[list[str]] = []
    for text in texts:
        rest.append(text)
        if sum(map(len, rest)) >= size:
            groups.append(rest)
            rest = []
    if not groups:
        raise TooLittleText(f"{sum(map(len, rest))} words of text, a bag needs {size}")
    groups[-1] = groups[-1] + rest
    return groups


def bags(texts: Sequence[Sequence[str]], size: int) -> list[list[str]]:
    """All words of tokenised texts, in a seeded random order, in bags of a size; a rest is left out."""
    words = [word for text in texts for word in text]
    order = np.random.default_rng(SEED).permutation(len(words)).tolist()
    starts = range(0, len(words) - size + 1, size)
    return [[words[at] for at in order[start : start + size]] for start in starts]


def _running(texts: list[list[str]]) -> list[list[str]]:
    """Bags of running text: there a subject's words are bunched, so that they get little weight."""
    words = [word for text in texts for word in text]
    return [words[start : start + BAG] for start in range(0, len(words) - BAG + 1, BAG)]


def _shared(counts: list[Counter[str]]) -> list[str]:
    """The words that at least two authors use, or the only one there is, in alphabetical order."""
    users = Counter(word for count in counts for word in count)
    return sorted(word for word, found in users.items() if found >= min(2, len(counts)))


def _frequencies(bag: Sequence[str], words: Sequence[str]) -> Values:
    counts = Counter(bag)
    return np.array([counts[word] for word in words], dtype=float) / len(bag)
