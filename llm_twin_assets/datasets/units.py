"""The passages of a document that can stand as answers: its sections, cut into groups of paragraphs.

A unit is a span of the cleaned text, never a copy of it, so every answer can be checked
against the document it came from.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

MIN_WORDS = 60
MAX_WORDS = 600
# A group of paragraphs is closed once it holds this many words.
ENOUGH_WORDS = 150

Kind = Literal["heading", "code", "list", "quote", "prose"]

# A fenced piece of code, a heading line, or lines up to a blank line, a fence or a heading.
_BLOCK = re.compile(
    r"^ {0,3}(?P<fence>```|~~~).*?(?:^ {0,3}(?P=fence)[^\n]*$|\Z)"
    r"|^\#{1,6}[ \t][^\n]*$"
    r"|^[^\n]*\S[^\n]*(?:\n(?![ \t]*(?:\n|\Z)| {0,3}(?:```|~~~)|\#{1,6}[ \t])[^\n]+)*",
    re.MULTILINE | re.DOTALL,
)
_HEADING = re.compile(r"(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")
_KINDS: list[tuple[Kind, re.Pattern[str]]] = [
    ("heading", _HEADING),
    ("code", re.compile(r" {0,3}(```|~~~)| {4}|\t")),
    ("list", re.compile(r" {0,3}([-*+•]|\d{1,3}[.)])[ \t]")),
    ("quote", re.compile(r" {0,3}>")),
]
_SENTENCE = re.compile(r".+?(?:[.!?][\"'”’)\]]*(?=\s)|\n|$)", re.DOTALL)
_MARKS = re.compile(r"[*_`]+|\\(?=[^\w\s])|\[(?=[^\]]*\]\()|\]\([^)]*\)")


@dataclass(frozen=True)
class Block:
    """A heading, paragraph, list, quotation or piece of code: `text[start:end]`."""

    start: int
    end: int
    kind: Kind


@dataclass(frozen=True)
class Unit:
    """A group of neighbouring blocks of one section, and the headings above it, outermost first.

    `ordinal` counts the units of its section from 0; `prose` is the share of words in paragraphs and lists.
    """

    start: int
    end: int
    headings: tuple[str, ...]
    ordinal: int
    prose: float


def units(text: str) -> list[Unit]:
    """The units of a markdown text, in its order; none overlaps another or is longer than MAX_WORDS."""
    return [unit for headings, blocks in _sections(text) for unit in _units_of(text, headings, blocks)]


def word_count(text: str) -> int:
    """How many words, parted by white space, a text has."""
    return len(text.split())


def blocks(text: str) -> list[Block]:
    """The blocks of a markdown text, in its order; white space around them belongs to none."""
    return [_block(found) for found in _BLOCK.finditer(text) if found[0].strip()]


def _block(found: re.Match[str]) -> Block:
    kind: Kind = next((name for name, pattern in _KINDS if pattern.match(found[0])), "prose")
    start = found.start() + len(found[0]) - len(found[0].lstrip())
    return Block(start, start + len(found[0].strip()), kind)


def _sections(text: str) -> Iterator[tuple[tuple[str, ...], list[Block]]]:
    """Each run of blocks between two headings, with the headings above it."""
    stack: list[tuple[int, str]] = []
    body: list[Block] = []
    for block in blocks(text):
        if block.kind != "heading":
            body.append(block)
            continue
        if body:
            yield tuple(name for _, name in stack), body
        heading = _HEADING.match(text[block.start : block.end])
        assert heading is not None
        level = len(heading[1])
        stack = [*[above for above in stack if above[0] < level], (level, plain(heading[2]))]
        body = []
    if body:
        yield tuple(name for _, name in stack), body


def plain(markdown: str) -> str:
    """A line without emphasis marks and link targets."""
    return " ".join(_MARKS.sub("", markdown).split())


def _units_of(text: str, headings: tuple[str, ...], body: list[Block]) -> list[Unit]:
    pieces = [piece for block in body for piece in _pieces(text, block)]
    groups: list[list[Block]] = []
    for piece in pieces:
        if groups and _may_join(text, groups[-1], piece):
            groups[-1].append(piece)
        else:
            groups.append([piece])
    if len(groups) > 1 and _words(text, groups[-1]) < MIN_WORDS and _fits(text, groups[-2] + groups[-1]):
        groups[-2:] = [groups[-2] + groups[-1]]
    return [
        Unit(group[0].start, group[-1].end, headings, ordinal, _prose(text, group))
        for ordinal, group in enumerate(groups)
    ]


def _may_join(text: str, group: list[Block], piece: Block) -> bool:
    return _words(text, group) < ENOUGH_WORDS and _fits(text, [*group, piece])


def _fits(text: str, group: list[Block]) -> bool:
    return _words(text, group) <= MAX_WORDS


def _words(text: str, group: list[Block]) -> int:
    return word_count(text[group[0].start : group[-1].end])


def _prose(text: str, group: list[Block]) -> float:
    kept = sum(word_count(text[b.start : b.end]) for b in group if b.kind in ("prose", "list"))
    return kept / max(1, _words(text, group))


def _pieces(text: str, block: Block) -> Iterator[Block]:
    """The block, cut at sentence ends where it has more than MAX_WORDS words."""
    if word_count(text[block.start : block.end]) <= MAX_WORDS:
        yield block
        return
    start, end = block.start, block.start
    for sentence in _sentences(text, block):
        if end > start and word_count(text[start : sentence.end]) > MAX_WORDS // 2:
            yield Block(start, end, block.kind)
            start = sentence.start
        end = sentence.end
    yield Block(start, end, block.kind)


def _sentences(text: str, block: Block) -> Iterator[Block]:
    """Sentences of a block without the white space around them; an endless one is cut between words."""
    for found in _SENTENCE.finditer(text, block.start, block.end):
        words = list(re.finditer(r"\S+", found[0]))
        for first in range(0, len(words), MAX_WORDS // 2):
            part = words[first : first + MAX_WORDS // 2]
            yield Block(found.start() + part[0].start(), found.start() + part[-1].end(), block.kind)
