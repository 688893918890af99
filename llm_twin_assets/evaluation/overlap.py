"""An answer's words against the author's own, and against themselves: ROUGE-L, repetition, variety."""

from collections.abc import Sequence

Words = Sequence[str]


def rouge_l(answer: Words, reference: Words) -> float:
    """ROUGE-L F1, 0 to 1, of two texts' words, each as one sequence; 0 where one has none.

    From the longest common subsequence, recall and precision with the same weight (Lin, "ROUGE: a package
    for automatic evaluation of summaries", 2004).
    """
    common = _common(answer, reference)
    return 2 * common / (len(answer) + len(reference)) if common else 0.0


def repeated_share(words: Words, size: int = 4) -> float:
    """The share, 0 to 1, of n-grams that stood earlier in the same text; 0 where there is none."""
    grams = _grams(words, size)
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def distinct_share(words: Words, size: int = 2) -> float:
    """Distinct-n (Li et al., arXiv 1510.03055): different n-grams over all of them; 0 where there is none."""
    grams = _grams(words, size)
    return len(set(grams)) / len(grams) if grams else 0.0


def _grams(words: Words, size: int) -> list[tuple[str, ...]]:
    return [tuple(words[at : at + size]) for at in range(len(words) - size + 1)]


def _common(first: Words, second: Words) -> int:
    """The length of the longest common subsequence."""
    row = [0] * (len(second) + 1)
    for word in first:
        diagonal = 0
        for at, other in enumerate(second, 1):
            above = row[at]
            row[at] = diagonal + 1 if word == other else max(above, row[at - 1])
            diagonal = above
    return row[-1]
