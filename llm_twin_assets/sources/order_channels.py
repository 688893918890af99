"""The channels by which an order may reach a model, and which signals a text can hold at all."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from string import punctuation

from llm_twin_assets.sources.order_signals import ORDERS
from llm_twin_assets.sources.order_signals_address import ADDRESS
from llm_twin_assets.sources.order_signals_conduct import CONDUCT
from llm_twin_assets.sources.order_signals_translated import TRANSLATED
from llm_twin_assets.sources.order_signals_unseen import ANY_ORDER, MODEL_WORDS, ONLY_HIDDEN
from llm_twin_assets.sources.order_signals_vocative import VOCATIVE
from llm_twin_assets.sources.order_words import Signal

_STEM = 4
_WORD = re.compile(r"[^\W\u3400-\u9fff]+|[\u3400-\u9fff]")
_TYPOGRAPHY = re.compile("[“”‘’„«»–—…•·\u2011\u2009\u202f]")
_PUNCTUATION = str.maketrans(dict.fromkeys(punctuation.replace("_", ""), " "))
_LOOKALIKES = str.maketrans("аеорсухіјѕԁһӏΑΒΕΗΙΚΜΝΟΡΤΧΥοα", "aeopcyxijsdhlABEHIKMNOPTXYoa")
_OTHER_LETTERS = re.compile("[\u0391-\u04cf\u0501]")
ADDRESSED = ("address", "vocative", "label")
Kind = tuple[int, Signal]


@dataclass(frozen=True, eq=False)
class Channel:
    """How a text reaches a model: the weight it must reach, by which signals, and whether talk excuses it."""

    least: float
    signals: tuple[Signal, ...]
    excused: bool


OPEN = Channel(3, ORDERS + ADDRESS + VOCATIVE + CONDUCT + TRANSLATED, excused=True)
HIDDEN = Channel(2, OPEN.signals + ONLY_HIDDEN, excused=True)
CUT = Channel(2, HIDDEN.signals, excused=False)
DECODED = Channel(1, HIDDEN.signals + ANY_ORDER + MODEL_WORDS, excused=False)


def fold(text: str) -> str:
    """A text for matching: compatibility forms and lookalike letters as Latin, lower case, single spaces."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).replace("’", "'").replace("\xad", "")
        if _OTHER_LETTERS.search(text):
            text = _WORD.sub(_latin, text)
    return " ".join(text.casefold().replace("**", "").replace("__", "").split())


def _latin(word: re.Match[str]) -> str:
    """A word in Latin letters where all of its letters are, or look like, such."""
    latin = word[0].translate(_LOOKALIKES)
    return latin if latin.isascii() else word[0]


@dataclass(frozen=True)
class _Index:
    """The signals of a channel and the words they need, each group of words as one bit of a number."""

    bits: dict[str, int]
    kinds: list[Kind]


@cache
def _index(channel: Channel) -> _Index:
    bits: dict[str, int] = defaultdict(int)
    kinds: list[Kind] = []
    groups: dict[str, int] = {}
    for signal in channel.signals:
        needed = 0
        for group in signal.needs.split(" & "):
            bit = groups.setdefault(group, 1 << len(groups))
            needed |= bit
            for word in group.split("|"):
                bits[word[:_STEM]] |= bit
        kinds.append((needed, signal))
    return _Index(dict(bits), kinds)


def _words(folded: str) -> set[str]:
    """The beginnings of the words of a folded text."""
    marks = {mark for mark in "_@" if mark in folded}
    plain = folded if folded.isascii() else _TYPOGRAPHY.sub(" ", folded)
    words = plain.translate(_PUNCTUATION).split() if plain.isascii() else _WORD.findall(plain)
    return {word[:_STEM] for word in words} | marks


def possible(folded: str, channel: Channel, among: list[Kind] | None = None) -> list[Kind]:
    """The signals (of some) whose words occur in a folded text at all; most texts hold few of them."""
    index = _index(channel)
    held = 0
    for word in _words(folded) & index.bits.keys():
        held |= index.bits[word]
    return [kind for kind in (index.kinds if among is None else among) if kind[0] & held == kind[0]]


def at_most(possible: Iterable[Kind]) -> float:
    """The weight that these signals reach if all of them occur."""
    best: dict[str, float] = {}
    for _, signal in possible:
        if signal.weight > best.get(signal.name, 0):
            best[signal.name] = signal.weight
    return sum(best.values()) + (not best.keys().isdisjoint(ADDRESSED))
