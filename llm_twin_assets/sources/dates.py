"""Dates as authors and pages write them, brought to YYYY-MM-DD."""

import re
from datetime import date

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>\d{4})"
_NAMED = tuple(
    re.compile(rf"\b{pattern}", re.IGNORECASE)
    for pattern in (rf"{_MONTH} {_DAY},? {_YEAR}", rf"{_DAY} {_MONTH},? {_YEAR}")
)
_ISO = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[T ].*)?)?)?")
# A page's own date stands alone on a line, or in Medium's run-together byline.
_OWN_LINE = re.compile(rf"(?:^[ \t]*|min read·)(?={_MONTH} \d)[^\n]{{0,20}}", re.IGNORECASE | re.MULTILINE)
_HEAD = 3000


def as_date(written: str) -> str | None:
    """A whole text that is a date (2024-03-27, 2024, Mar 27, 2024, 27 March 2024), as ISO 8601, else None."""
    iso = _ISO.fullmatch(written.strip())
    if iso:
        year, month, day = iso.groups()
        return written.strip()[:10] if _exists(int(year), int(month or 1), int(day or 1)) else None
    matches = (pattern.fullmatch(written.strip()) for pattern in _NAMED)
    return next((_iso(match) for match in matches if match), None)


def date_in(text: str) -> str | None:
    """The date that a captured page gives itself near its top, as ISO 8601, else None."""
    head = text[:_HEAD]
    places = [*(match.group() for match in _OWN_LINE.finditer(head)), head]
    found = (_iso(match) for place in places for pattern in _NAMED for match in pattern.finditer(place))
    return next((day for day in found if day), None)


def _iso(match: re.Match[str]) -> str | None:
    month = MONTHS.index(match["month"][:3].lower()) + 1
    year, day = int(match["year"]), int(match["day"])
    return f"{year:04d}-{month:02d}-{day:02d}" if _exists(year, month, day) else None


def _exists(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
