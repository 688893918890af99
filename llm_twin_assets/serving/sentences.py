"""Sentences of a passage that can be quoted alone, each with its exact place in its document."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from llm_twin_assets.datasets.units import Block, blocks

MIN_WORDS = 3
MAX_CHARACTERS = 320

_OPENING = "\"'“‘«([*_`"
_CLOSING = "\"'”’»)]*_`"
_END = re.compile(rf"[.!?…]+[{re.escape(_CLOSING)}]*(?=\s|$)")
_ENDED = re.compile(rf"[.!?…]+[{re.escape(_CLOSING)}]*$")
_ABBREVIATION = re.compile(
    r"\b(?:[A-Z]|Mr|Mrs|Ms|Dr|St|Prof|Rev|Hon|vs|cf|ca|[Nn]o|[Ff]ig|[Vv]ol|e\.g|i\.e|approx)\.$"
)
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)(.*)$", re.MULTILINE)
_INLINE_CODE = re.compile(r"`[^`\n]+`")
# Signs of code, tables, markup, images and addresses that were written as running text.
_NOT_PROSE = re.compile(r"[{}<>=\\|]|\w\(|\w_\w|\"\"\"|!\[|\]\(|https?://")
# A list, quotation or table that begins without a blank line before it goes on to the end of its block.
_NO_LONGER_PROSE = re.compile(r"\n[ \t]*(?:[-*+•>|]|\d{1,3}[.)])[ \t]")


@dataclass(frozen=True)
class Sentence:
    """A sentence with `text == document[start:end]`; offsets are characters of the cleaned document."""

    text: str
    start: int
    end: int

    @property
    def is_question(self) -> bool:
        """Whether it asks something, which is seldom an answer."""
        return self.text.rstrip(_CLOSING).endswith("?")


def quotable(passage: str, offset: int = 0) -> list[Sentence]:
    """The sentences of a passage that may be quoted, in its order; `offset` is where the passage begins.

    Left out are code, tables, headings, lists, quotations, fragments without a beginning or an end,
    and sentences shorter than MIN_WORDS or longer than MAX_CHARACTERS.
    """
    if _begins_inside_code(passage):
        return []
    spans = (span for block in blocks(passage) if block.kind == "prose" for span in _split(passage, block))
    return [
        Sentence(passage[start:end], offset + start, offset + end)
        for start, end in spans
        if _stands_alone(passage[start:end])
    ]


def _begins_inside_code(passage: str) -> bool:
    """An odd number of fences, the first without a language: perhaps the end of code that was cut."""
    fences = _FENCE.findall(passage)
    return len(fences) % 2 == 1 and not fences[0].strip()


def _split(passage: str, block: Block) -> Iterator[tuple[int, int]]:
    other = _NO_LONGER_PROSE.search(passage, block.start, block.end)
    start, limit = block.start, other.start() if other else block.end
    for found in _END.finditer(passage, start, limit):
        rest = passage[found.end() : limit].lstrip()
        if _is_boundary(passage[start : found.end()], rest):
            yield start, found.end()
            start = limit - len(rest)
    if start < limit:
        yield start, limit


def _is_boundary(before: str, rest: str) -> bool:
    following = rest.lstrip(_OPENING)
    return not following or (not following[0].islower() and not _ABBREVIATION.search(before))


def _stands_alone(text: str) -> bool:
    first = text.lstrip(_OPENING)[:1]
    return (
        len(text) <= MAX_CHARACTERS
        and len(text.split()) >= MIN_WORDS
        and first.isalnum()
        and not first.islower()
        and bool(_ENDED.search(text))
        and not _NOT_PROSE.search(_INLINE_CODE.sub("", text))
    )
