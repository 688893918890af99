"""Page furniture that no list of named pieces foresees: what an author's documents say again and again.

A promotion, a call to subscribe or a credit stands word for word in many documents of one author; an
author's own sentences do not. Lines are compared by their letters and digits alone, so that marks,
bullets, links and lost spaces make no difference. What is short, or leads in what follows, goes only
beside a longer line that goes: "For example:" stands in many documents too. Code, headings, tables
and quotations are never compared. The idea is the line-wise deduplication of CCNet (Wenzek et al. 2020,
arXiv:1911.00359), within one author, with a document as the unit that is counted.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from itertools import groupby, pairwise

from llm_twin_assets.sources.markdown import Heading, Line, headings, lines

_SIZE = 8
_MIN_DOCUMENTS, _MIN_SHARE = 3, 20  # an author's documents, or one in so many of them
_MIN_LETTERS, _MIN_ITEM_LETTERS = 25, 40
_COPY, _COPY_LINES = 0.75, 8  # a longer document, of whose lines others hold more than this, is a copy
_TARGET = re.compile(r"(?<=\])\([^)\s]*\)|<?https?://[^\s>)]+>?")
_NUMBER = re.compile(r"^[\s>*_]*\d{1,3}\\?[.)]\s")
_LEADS_IN = re.compile(r"[:…↓↴👇]\W*$|\.\.\.\W*$")
_QUOTED = re.compile(r"[\s*_]*(?:[“\"„«]|>(?!.*(?:\]\(|https?://|[↳→👉👇🔗⭐])))")
_RULE = re.compile(r" {0,3}(?:[*_-][ \t]*){3,}")
_TABLE_RULE = re.compile(r"[\s|:-]+")
_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])\s")


@dataclass(frozen=True)
class _Candidate:
    """A line's number in its text, what it is compared by, and whether it is long enough to go alone."""

    number: int
    letters: str
    stands_alone: bool

    @property
    def hash(self) -> bytes:
        return blake2b(self.letters.encode(), digest_size=_SIZE).digest()


def line_hashes(text: str) -> bytes:
    """The distinct hashes (8 bytes each, sorted, joined) of a structurally cleaned text's prose lines."""
    return b"".join(sorted({candidate.hash for candidate in _candidates(text, lines(text))}))


def repeated(documents: Iterable[bytes]) -> frozenset[bytes]:
    """The hashes that stand in at least 3 of an author's documents, and in at least one in 20.

    `documents` are the `line_hashes` of all of them. A document whose lines stand for the most part
    in those before it is a copy, published elsewhere, and is not counted: its text is no furniture.
    """
    counts: Counter[bytes] = Counter()
    longest_first = sorted(documents, key=lambda hashes: (-len(hashes), hashes))
    for hashes in map(_split, longest_first):
        if not _is_copy(hashes, counts):
            counts.update(hashes)
    least = max(_MIN_DOCUMENTS, -(-len(longest_first) // _MIN_SHARE))
    return frozenset(one for one, count in counts.items() if count >= least)


def found_in(text_hashes: bytes, repeated: frozenset[bytes]) -> frozenset[bytes]:
    """Those of the repeated hashes that stand in one document, given its `line_hashes`."""
    return repeated.intersection(_split(text_hashes))


def without_furniture(text: str, repeated: frozenset[bytes]) -> str:
    """The text without the repeated lines, and without headings and rules that lose all they stood above.

    A paragraph of several lines loses one only if at least half of them are repeated: a stanza keeps
    its refrain. A list loses all its items where two thirds of them are.
    """
    found = lines(text)
    marked = {one.number: one for one in _candidates(text, found) if one.hash in repeated}
    dropped = _furniture(found, marked)
    if not dropped:
        return text
    return _joined(found, dropped | emptied(found, headings(text), dropped))


def emptied(found: list[Line], titles: list[Heading], dropped: set[int]) -> set[int]:
    """The numbers of the heading lines and rules under which nothing stays, though something stood there.

    `dropped` are the numbers of the lines that go.
    """
    starts = {line.start: number for number, line in enumerate(found)}
    ends = {line.end: number + 1 for number, line in enumerate(found)}
    gone = set(dropped)
    for position, title in reversed(list(enumerate(titles))):
        after = (starts[one.start] for one in titles[position + 1 :] if one.level <= title.level)
        own, end = range(starts[title.start], ends[title.end]), next(after, len(found))
        under = [n for n in range(own.stop, end) if found[n].text.strip() and not _is_rule(found, n)]
        if under and gone.issuperset(under):
            gone.update(own)
    return (gone | set(_idle_rules(found, gone))) - dropped


def blocks(found: list[Line]) -> list[list[int]]:
    """The numbers of the lines that stand together between empty lines and code."""
    runs = groupby(enumerate(found), lambda one: bool(one[1].text.strip()) and not one[1].code)
    return [[number for number, _ in run] for prose, run in runs if prose]


def _split(hashes: bytes) -> list[bytes]:
    return [hashes[start : start + _SIZE] for start in range(0, len(hashes), _SIZE)]


def _is_copy(hashes: list[bytes], counts: Counter[bytes]) -> bool:
    """Whether a document says next to nothing of its own; a short one has to say nothing at all."""
    own = sum(one not in counts for one in hashes)
    return own == 0 or (len(hashes) >= _COPY_LINES and own < (1 - _COPY) * len(hashes))


def _candidates(text: str, found: list[Line]) -> Iterator[_Candidate]:
    """The prose lines outside of headings, tables and quotations."""
    titles = {offset for title in headings(text) for offset in range(title.start, title.end + 1)}
    tables = {n for block in blocks(found) if _is_table(found, block) for n in block}
    for number, line in enumerate(found):
        if line.code or line.start in titles or number in tables or _QUOTED.match(line.text):
            continue
        letters = _letters(line.text)
        if letters and not letters.isdigit():
            least = _MIN_ITEM_LETTERS if _is_item(line) else _MIN_LETTERS
            long = len(letters) >= least and not _LEADS_IN.search(line.text)
            yield _Candidate(number, letters, long)


def _letters(line: str) -> str:
    """A line's letters and digits, small, without list numbers and addresses; styled letters are plain."""
    words = _TARGET.sub("", _NUMBER.sub("", line))
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", words).casefold()))


def _furniture(found: list[Line], marked: dict[int, _Candidate]) -> set[int]:
    """The numbers of the lines that go: the long ones, the short ones beside them, and rests of lists."""
    sure = {n for block in blocks(found) if 2 * sum(n in marked for n in block) >= len(block) for n in block}
    sure &= set(marked)
    dropped = {number for number in sure if marked[number].stands_alone}
    order = [number for number, line in enumerate(found) if line.text.strip()]
    for gone, beside in [*pairwise(order), *pairwise(reversed(order))]:
        if gone in dropped and beside in sure:
            dropped.add(beside)
    for is_item, numbers in groupby(order, lambda n: _is_item(found[n])):
        items = list(numbers)
        if is_item and 3 * len(dropped.intersection(items)) >= 2 * len(items):
            dropped.update(items)
    return dropped


def _is_item(line: Line) -> bool:
    return not line.code and _ITEM.match(line.text) is not None


def _is_table(found: list[Line], block: list[int]) -> bool:
    return any("|" in found[n].text and _TABLE_RULE.fullmatch(found[n].text) for n in block)


def _is_rule(found: list[Line], number: int) -> bool:
    alone = number == 0 or not found[number - 1].text.strip()
    return alone and not found[number].code and _RULE.fullmatch(found[number].text) is not None


def _idle_rules(found: list[Line], gone: set[int]) -> Iterator[int]:
    """The rules between which, or before the first or after the last of which, all went."""
    kept = [n for n, line in enumerate(found) if line.text.strip() and n not in gone]
    rules = {n for n in kept if _is_rule(found, n)}
    for a, b in pairwise([-1, *kept, len(found)]):
        if gone.isdisjoint(range(a + 1, b)):
            continue
        if a in rules and (b in rules or b == len(found)):
            yield a
        elif b in rules and a < 0:
            yield b


def _joined(found: list[Line], dropped: set[int]) -> str:
    """The lines that stay, with one empty line where there were two around what went."""
    kept: list[str] = []
    after_gap = False
    for number, line in enumerate(found):
        if number in dropped:
            after_gap = True
        elif line.text.strip() or not after_gap or (kept and kept[-1].strip()):
            kept.append(line.text)
            after_gap = after_gap and not line.text.strip()
    return "\n".join(kept).strip("\n")
