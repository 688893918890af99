"""Paragraphs that were broken at a line width, brought back to one line each.

A line break is only taken away where it is surely none of the author's: code, verse, lists,
quotations, tables and forced breaks keep theirs.
"""

import re
from itertools import pairwise

from llm_twin_assets.sources.markdown import Line, lines

# What opens or makes up a structure whose line breaks carry meaning.
_STRUCTURE = re.compile(
    r"\s*(?:[-*+]\s|\d{1,9}[.)]\s|>|\||</?[a-zA-Z!]|#{1,6}(?:\s|$)"
    r"|(?:=+|-+|(?:[*_-][ \t]*){3,})\s*$|\[[^\]]+\]:)"
)
_HEADING = re.compile(r" {0,3}#{1,6}\s")
_FORCED_BREAK = re.compile(r"(?: {2}|\\)$")
_SENTENCE_END = re.compile(r"[.!?:;…][\"'”’»)\]*_]*\s*$")
_OWN_LINE = re.compile(r"\s*(?:[•‣◦▪▶→↳➔✅❌☑✓🔗]|\\[-+*]|\d+\\[.)])")
_CODE = re.compile(
    r"\s{2}|[\w.\[\]\"']+\s*[-+*/|:]?=[=\s]*\S|.*[{}]$|[\])}]+[,;:)]*$|.*[\w\])]\($"
    r"|.*[=()\[\]<>].*;$|\S+(?: \S+){0,2};$"
    r"|@\w|#!|\$ |>>> |//|/\*|%\w|[\w.]+\([^)]*\)$|[\w.-]+:(?: \S+)?$|\"[^\"]*\":"
    r"|from [\w.]+ import|import [\w.]+(?: as \w+)?(?:, [\w.]+)*$|(?:const|let|var) \w+"
    r"|(?:def|class|func|function) \w+.*[:{(]$|return\b[^.]*$"
    r"|(?:if|elif|for|while|with|try|except|else|finally|switch|case)\b.*[:{]$"
    r"|(?:pip|git|cd|docker|npm|sudo|curl|wget|make|export|echo|mkdir|conda|apt|brew) \S"
)
_TABLE_RULE = re.compile(r"[\s|:-]+")
_MIN_WIDTH, _MAX_WIDTH = 50, 130
_MIN_EVIDENCE = 5


def join_wraps(text: str, page: bool = False) -> str:
    """The text with hard-wrapped paragraphs on one line; `page` says that its headings are wrapped too."""
    joined = _join(text, page)
    while joined != text:
        text, joined = joined, _join(joined, page)
    return joined


def _join(text: str, page: bool) -> str:
    found = lines(text)
    paragraphs = _paragraphs(found, page)
    width = _width(paragraphs, 1 if page else _MIN_EVIDENCE)
    parts, start = [], 0
    for a, b in _breaks(paragraphs, width):
        parts += [text[start : a.end].rstrip(" "), _glue(a.text, b.text)]
        start = b.end - len(b.text.lstrip(" "))
    return "".join([*parts, text[start:]])


def _paragraphs(found: list[Line], page: bool) -> list[list[Line]]:
    """Runs of plain lines; one that continues a list, a quotation or a table is none."""
    runs: list[list[Line]] = []
    open_run, blocked = False, False
    for line in found:
        plain = not line.code and bool(line.text.strip()) and not _STRUCTURE.match(line.text)
        if plain and open_run:
            runs[-1].append(line)
        elif plain and not blocked:
            runs.append([line])
        heading = not line.code and _HEADING.match(line.text) is not None
        if heading and page:
            runs.append([line])
        open_run = (plain and not blocked) or (heading and page)
        blocked = not open_run and not heading and bool(line.text.strip())
    return [run for run in runs if len(run) > 1 and not _is_code_or_table(run)]


def _is_code_or_table(run: list[Line]) -> bool:
    if any("|" in line.text and _TABLE_RULE.fullmatch(line.text) for line in run):
        return True
    coded = [_CODE.match(line.text.rstrip()) is not None for line in run]
    # A wrapped paragraph's short last line may look like code; code begins with some.
    return 2 * sum(coded) > len(run) or (2 * sum(coded) == len(run) and coded[0])


def _breaks(paragraphs: list[list[Line]], width: int) -> list[tuple[Line, Line]]:
    """The pairs of lines between which a break is surely a wrap."""
    found = []
    for run in paragraphs:
        own = max(len(line.text) for line in run)
        pairs = [(a, b) for a, b in pairwise(run) if _may_join(a, b)]
        page_heading = _HEADING.match(run[0].text) is not None
        even = all(_forced(a, b, own) for a, b in pairs) and any(_inside_sentence(a, b) for a, b in pairs)
        found += [
            (a, b) for a, b in pairs if page_heading or even or _forced(a, b, width) or _long_clause(a, b)
        ]
    return found


def _width(paragraphs: list[list[Line]], evidence: int) -> int:
    """The width at which a whole document is wrapped, or more than any line where it is not."""
    pairs = [(a, b) for run in paragraphs for a, b in pairwise(run) if _may_join(a, b) and " " in a.text]
    width = max((len(a.text.rstrip()) for a, b in pairs), default=0)
    forced = sum(_forced(a, b, width) for a, b in pairs)
    sure = len(pairs) >= evidence and forced >= 0.95 * len(pairs)
    return width if sure and _MIN_WIDTH <= width <= _MAX_WIDTH else 1_000_000_000


def _may_join(a: Line, b: Line) -> bool:
    return not _FORCED_BREAK.search(a.text) and not _OWN_LINE.match(b.text)


def _forced(a: Line, b: Line, width: int) -> bool:
    """Whether the next line's first word would have gone beyond the width."""
    return len(a.text.rstrip()) + 1 + len(b.text.split(maxsplit=1)[0]) > width


def _inside_sentence(a: Line, b: Line) -> bool:
    return b.text.lstrip()[0].islower() and not _SENTENCE_END.search(a.text) and len(a.text.split()) > 2


def _long_clause(a: Line, b: Line) -> bool:
    return _inside_sentence(a, b) and len(a.text) >= 40


def _glue(a: str, b: str) -> str:
    """What stands between two joined lines: nothing after a hyphen or dash that held two words together."""
    dash = re.search(r"\w(?:--|—)$", a) is not None
    suspended = re.match(r"(?:and|or|to)\b", b.lstrip()) is not None  # pre- and post-war
    hyphen = re.search(r"\w-$", a) is not None and not suspended
    return "" if (dash or hyphen) and b.lstrip()[:1].isalnum() else " "
