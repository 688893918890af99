"""Where the lines of a Markdown text begin, which of them are code, and where its headings stand."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})([^\n]*)")
_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*))?")
_CLOSING = re.compile(r"\s#+\s*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-{2,})[ \t]*")
_MARKS = re.compile(r"(?<!\\)(?:\*+|(?<!\w)_+|_+(?!\w)|`+)")
_ESCAPE = re.compile(r"\\([^\w\s])")


@dataclass(frozen=True)
class Line:
    """One line: its first character's offset, its text without newline, whether it is code."""

    start: int
    text: str
    code: bool

    @property
    def end(self) -> int:
        """The offset after its last character."""
        return self.start + len(self.text)


@dataclass(frozen=True)
class Heading:
    """A heading: its offsets in the text, its level (1 to 6) and its words without marks."""

    start: int
    end: int
    level: int
    words: str


def lines(text: str) -> list[Line]:
    """All lines of a text; joining their texts with newlines gives it back."""
    found: list[Line] = []
    start, fence, indented = 0, "", False
    for words in text.split("\n"):
        opening = _FENCE.fullmatch(words)
        indented = _is_indented(words) and (indented or not found or not found[-1].text.strip())
        found.append(Line(start, words, bool(fence) or opening is not None or indented))
        fence = _after(words, fence, opening)
        start += len(words) + 1
    return found


def headings(text: str) -> list[Heading]:
    """The headings of a text in order; what looks like one inside code is none."""
    return list(_headings(lines(text)))


def plain(words: str) -> str:
    """A heading's words without emphasis marks, backslashes and closing signs."""
    return " ".join(_ESCAPE.sub(r"\1", _MARKS.sub("", words)).split())


def _headings(found: list[Line]) -> Iterator[Heading]:
    for position, line in enumerate(found):
        atx = None if line.code else _ATX.fullmatch(line.text)
        if atx:
            words = _CLOSING.sub("", f" {atx[2] or ''}")
            yield Heading(line.start, line.end, len(atx[1]), plain(words))
        elif _is_underlined(found, position):
            level = 1 if "=" in found[position + 1].text else 2
            yield Heading(line.start, found[position + 1].end, level, plain(line.text))


def _is_underlined(found: list[Line], position: int) -> bool:
    """Whether a line stands alone above a row of = or -."""
    if position + 1 == len(found) or found[position].code or not found[position].text.strip():
        return False
    alone = position == 0 or not found[position - 1].text.strip()
    prose = re.match(r" {0,3}[^\s#>|*+\-=]", found[position].text) is not None
    return alone and prose and _UNDERLINE.fullmatch(found[position + 1].text) is not None


def _is_indented(words: str) -> bool:
    return words.startswith(("    ", "\t")) and bool(words.strip())


def _after(words: str, fence: str, opening: re.Match[str] | None) -> str:
    """The fence that is open after a line: the run of signs that has to close it."""
    if not fence:
        return opening[1] if opening and "`" not in opening[2] else ""
    closes = opening is not None and opening[1].startswith(fence) and not opening[2].strip()
    return "" if closes else fence
