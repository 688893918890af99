"""How much of what an answer says stands in the passages that it was given."""

import re
from collections.abc import Iterable

from llm_twin_assets.datasets.phrases import content_words

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
# A capital that begins no sentence.
_NAME = re.compile(r"(?<=[\w,;:] )[A-ZÀ-Þ][\w'’-]*")


def groundedness(answer: str, passages: Iterable[str]) -> float | None:
    """The share, 0 to 1, of an answer's content words, numbers and names that the passages have too.

    A proxy: it sees invented words, not false sentences made of true ones. None where the answer has no
    such word.
    """
    said, given = _said(answer), {word for passage in passages for word in _said(passage)}
    return sum(word in given for word in said) / len(said) if said else None


def _said(text: str) -> list[str]:
    words = content_words(text)
    names = {name.lower().replace("’", "'").removesuffix("'s") for name in _NAME.findall(text)}
    return [*words, *_NUMBER.findall(text), *sorted(names - set(words))]
