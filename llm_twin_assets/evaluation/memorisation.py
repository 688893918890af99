"""How much of an answer stands word for word in the training text, quotations left out."""

import re
from collections.abc import Hashable, Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

# The shortest run that is looked for, and the n-gram whose share is counted.
GRAM: Final = 8
# Memorised by convention (Carlini et al., Quantifying memorization across neural language models, 2023).
LONGEST: Final = 50

_BREAK, _UNKNOWN = -1, -2
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_QUOTATION = re.compile('["“„«][^"“”„»\n]*["”“»]')
_BLOCK_QUOTE = re.compile(r"^[ \t]*>.*$", re.MULTILINE)


class Memory:
    """Texts, as tokens of any one kind, that runs of tokens are looked up in."""

    def __init__(self, texts: Iterable[Sequence[Hashable]]) -> None:
        self._names: dict[Hashable, int] = {}
        self._tokens: list[int] = []
        for text in texts:
            self._tokens += [self._names.setdefault(token, len(self._names)) for token in text]
            self._tokens.append(_BREAK)

        keys = _keys(self._tokens)
        self._places = np.argsort(keys, kind="stable")
        self._keys = keys[self._places]

    def runs(self, tokens: Sequence[Hashable]) -> list[int]:
        """For each place in the tokens the length of the longest run from there that stands in a text.

        0 where it is shorter than GRAM.
        """
        asked = [self._names.get(token, _UNKNOWN) for token in tokens]
        keys = _keys(asked)
        first = np.searchsorted(self._keys, keys, "left").tolist()
        after = np.searchsorted(self._keys, keys, "right").tolist()
        found = [0] * len(asked)
        for start, (low, high) in enumerate(zip(first, after, strict=True)):
            lengths = (self._same(asked, start, int(at)) for at in self._places[low:high])
            longest = max(lengths, default=0)
            found[start] = longest if longest >= GRAM else 0
        return found

    def _same(self, asked: list[int], start: int, at: int) -> int:
        """How many tokens are the same from two places on."""
        length, most = 0, min(len(asked) - start, len(self._tokens) - at)
        while length < most and asked[start + length] == self._tokens[at + length]:
            length += 1
        return length


def unquoted(text: str) -> str:
    """A text without what stands between quotation marks, and without block quotes."""
    return _BLOCK_QUOTE.sub("", _QUOTATION.sub(" ", text))


def longest_run(tokens: Sequence[Hashable], learned: Memory, shown: Memory | None = None) -> int:
    """The most tokens in a row that stand in the learned texts; what was shown to the model counts not.

    0 where it is fewer than GRAM.
    """
    quoted = _covered(_runs(shown, tokens))
    lengths = [_until(quoted, start, length) for start, length in enumerate(learned.runs(tokens))]
    return max((length for length in lengths if length >= GRAM), default=0)


def memorised_share(tokens: Sequence[Hashable], learned: Memory, shown: Memory | None = None) -> float:
    """The share, 0 to 1, of the tokens' 8-grams that stand in the learned texts, shown ones left out."""
    grams = max(0, len(tokens) - GRAM + 1)
    pairs = zip(learned.runs(tokens), _runs(shown, tokens), strict=True)
    return sum(own > 0 and given == 0 for own, given in pairs) / grams if grams else 0.0


def _keys(tokens: Sequence[int]) -> NDArray[np.uint64]:
    """A number for each GRAM tokens in a row; that two share one by chance costs a comparison."""
    values = np.array(tokens, dtype=np.int64).astype(np.uint64)
    count = max(0, len(values) - GRAM + 1)
    keys = np.zeros(count, dtype=np.uint64)
    for offset in range(GRAM):
        keys = keys * _FACTOR + values[offset : offset + count] + np.uint64(3)
    return keys


def _covered(runs: Sequence[int]) -> set[int]:
    return {place for start, length in enumerate(runs) for place in range(start, start + length)}


def _until(quoted: set[int], start: int, length: int) -> int:
    """How many of so many places from a start on come before a quoted one."""
    return next((at - start for at in range(start, start + length) if at in quoted), length)


def _runs(memory: Memory | None, tokens: Sequence[Hashable]) -> list[int]:
    return memory.runs(tokens) if memory else [0] * len(tokens)
