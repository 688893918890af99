"""Telephone numbers: the international form anywhere, national forms where they are unmistakable."""

import re
from collections.abc import Iterator

from llm_twin_assets.documents.finding import Finding

_GAP = r"[ \u00a0().\-/]"
_INTERNATIONAL = re.compile(
    rf"(?<![\w+.)\]])(?:\+|00(?=[ -]?[1-9][0-9]{{0,2}}[ -]))\(?[0-9](?:{_GAP}{{0,3}}[0-9]){{6,17}}", re.ASCII
)
_AMERICAN = re.compile(
    r"(?<![\w+.\-/(])(?:1[-. ])?(?:\([0-9]{3}\)[ -]?|[0-9]{3}(?=([.-])[0-9]{3}\1)[.-])[0-9]{3}[.-][0-9]{4}"
    r"(?![\w/-]|\.[0-9])",
    re.ASCII,
)
_BRITISH = re.compile(
    r"(?<![\w+.\-/(])(?:\(0[0-9]{2,4}\) ?|0[0-9]{2,4}[ -])[0-9]{3,4}[ -]?[0-9]{3,4}(?![\w/-]|\.[0-9]| [0-9])",
    re.ASCII,
)
_NAMED = re.compile(
    r"\b(?:telephone|phone|tel|mobile|cell|fax|whatsapp)(?: (?:number|no|nr))?[\"']?(?: is|\.| ?[:=]) ?[\"']?"
    rf"(\(?[0-9](?:{_GAP}{{0,2}}[0-9]){{7,13}})(?![\w/-]|\.[0-9])",
    re.ASCII | re.IGNORECASE,
)
_NAMED_REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "NL", "RO", "PL", "IN", "AU")
_DATE = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}[-./][0-9]{1,2}[-./][0-9]{1,2}(?![0-9])")
# Written to fill a gap: counted up, or zeros and ones only.
_MADE_UP = re.compile(r"[0-9]*(?:1234567|0123456|9876543)[0-9]*|[01]+")


def phones(text: str) -> Iterator[Finding]:
    """The telephone numbers in a text that the numbering plans of their countries allow.

    National forms count where they are grouped as in the United States or Britain, or stand
    behind a word such as `Tel:`.
    """
    for match in _INTERNATIONAL.finditer(text):
        end = _international_end(match, text[match.end() : match.end() + 1].isdigit())
        if end:
            yield Finding("PHONE", match.start(), match.start() + end)
    yield from _found(_AMERICAN, text, 0, ("US",))
    yield from _found(_BRITISH, text, 0, ("GB",))
    yield from _found(_NAMED, text, 1, _NAMED_REGIONS)


def _found(pattern: re.Pattern[str], text: str, group: int, regions: tuple[str, ...]) -> Iterator[Finding]:
    for match in pattern.finditer(text):
        if any(_is_valid(match.group(group), region) for region in regions):
            yield Finding("PHONE", *match.span(group))


def _international_end(match: re.Match[str], cut: bool) -> int:
    """How much of a match is a number, 0 for none: a year or a price may stand behind it."""
    words = match.group()
    ends = [group.end() for group in re.finditer("[0-9]+", words)]
    for end in reversed(ends[:-1] if cut else ends):
        number = words[:end]
        if _is_grouped(number) and _is_valid(re.sub(r"\A00[ -]?", "+", number), None):
            return end
    return 0


def _is_grouped(number: str) -> bool:
    """Whether the groups could be a number's: no decimal point, and three, three, four behind +1."""
    groups = [len(group) for group in re.findall("[0-9]+", number)]
    american = re.match(r"(?:\+|00[ -]?)1[^0-9]", number)
    one_point = number.count(".") == 1
    return not one_point and (not american or groups[-3:] == [3, 3, 4] or groups[-1] in (7, 10))


def _is_valid(number: str, region: str | None) -> bool:
    """Whether libphonenumber finds the number valid, read as one dialled in this region."""
    import phonenumbers

    if _DATE.search(number) or _MADE_UP.fullmatch(re.sub("[^0-9]", "", number)):
        return False
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, region))
    except phonenumbers.NumberParseException:
        return False
