"""Phrases of time in a question ("since March 2022", "in the last two years"), as days.

Reads only what a phrase says; whether it is about the writing's date is decided in `self_query`.
"""

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

# What may stand after a phrase that asks for something: the end, a mark, or a word that goes on. "in 2000
# words", "on medium heat" and "in your code review" speak of something else.
ENDS: Final = (
    r"(?=\s*(?:$|[?!,;:)\]]|\.(?:\s|$)|[–—]|-\s)|\s+(?:about|on|in|at|from|since|after|before|until|by|to"
    r"|last|this|over|during|within|that|which|what|who|how|why|where|when|whether|did|do|does|have|has|had|is|are|was|were|can|could|should"
    r"|would|may|might|you|he|she|they|and|or|but|only|regarding|concerning|with|for|as|if|because|say|says"
    r"|said|mention|mentions|discuss|explain|explains|covers?|describe|describes|tell|recommend|deal|deals)\b)"
)
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_YEAR = r"[12]\d{3}(?!\w)"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_EXACT = (
    rf"[12]\d{{3}}-\d\d-\d\d(?!\w)|{_MONTH} {_DAY},? {_YEAR}|(?:the )?{_DAY} (?:of )?{_MONTH},? {_YEAR}"
    r"|yesterday|today"
)
_RELATIVE = r"(?:last|this) (?:year|month|week)"
_PERIOD = (
    rf"({_EXACT}|[12]\d{{3}}-\d\d(?![\w-])|{_MONTH}(?: of|,)? {_YEAR}|(?:the )?[12]\d\d0s"
    rf"|(?:the year )?{_YEAR}|{_RELATIVE})"
)
_NUMBERS: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_COUNT = rf"(\d{{1,3}}|{'|'.join(_NUMBERS[1:])}|couple of)"

Span = tuple[date | None, date | None]


@dataclass(frozen=True)
class Asked:
    """A phrase of time: its first and last day, the word it begins with, and where it ends."""

    since: date | None
    until: date | None
    word: str
    end: int


def dates_at(text: str, start: int, today: date) -> Asked | None:
    """The phrase of time that begins exactly there, the longest; None where there is none, or no such day."""
    for pattern, span in _FORMS:
        match = pattern.match(text, start)
        if match:
            try:
                since, until = span(match, today)
            except (ValueError, OverflowError):
                return None
            word = match.group().split()[0].lower()
            return Asked(since, until, word, match.end())
    return None


def _period(written: str, today: date) -> tuple[date, date]:
    """First and last day of a period; ValueError where the calendar has no such day."""
    words = written.lower().removeprefix("the ").removeprefix("year ")
    if words in ("today", "yesterday") or words.startswith(("last ", "this ")):
        return _relative(words, today)
    if words.endswith("0s"):
        return date(int(words[:4]), 1, 1), date(int(words[:4]) + 9, 12, 31)
    numbers = [int(number) for number in re.findall(r"\d+", words)]
    named = re.search("|".join(_MONTHS), words)
    if named is None:
        return _days(*numbers)
    month, year = _MONTHS.index(named.group()) + 1, max(numbers)
    return _days(year, month, *(number for number in numbers if number != year))


def _days(year: int, month: int | None = None, day: int | None = None) -> tuple[date, date]:
    if day is not None and month is not None:
        return date(year, month, day), date(year, month, day)
    last = month or 12
    return date(year, month or 1, 1), date(year, last, monthrange(year, last)[1])


def _relative(words: str, today: date) -> tuple[date, date]:
    """Calendar years, months and weeks (from Monday): this one, or the one before."""
    if words in ("today", "yesterday"):
        day = today - timedelta(days=words == "yesterday")
        return day, day
    which, unit = words.split()
    if unit == "week":
        monday = today - timedelta(days=today.weekday() + 7 * (which == "last"))
        return monday, monday + timedelta(days=6)
    if unit == "year":
        return _days(today.year - (which == "last"))
    day = today.replace(day=1) - timedelta(days=which == "last")
    return _days(day.year, day.month)


def _back(match: re.Match[str], today: date) -> Span:
    """From so many units before today, the same day of the month or its last, without an end."""
    count, unit = match[1] or "one", match[2].lower()
    number = int(count) if count.isdecimal() else _number(count.lower())
    if unit in ("day", "week"):
        return today - timedelta(days=number * (7 if unit == "week" else 1)), None
    months = today.year * 12 + today.month - 1 - number * (12 if unit == "year" else 1)
    year, month = divmod(months, 12)
    _, last = _days(year, month + 1)
    return last.replace(day=min(today.day, last.day)), None


def _number(word: str) -> int:
    return 2 if word == "couple of" else _NUMBERS.index(word)


def _between(match: re.Match[str], today: date) -> Span:
    since, until = _period(match[1], today)[0], _period(match[2], today)[1]
    if since > until:
        raise ValueError("it ends before it begins")
    return since, until


def _both(match: re.Match[str], today: date) -> Span:
    """Two periods of which one follows the other: what lies between could not be left out."""
    (since, first_end), (second, until) = _period(match[1], today), _period(match[2], today)
    if second != first_end + timedelta(days=1):
        raise ValueError("there is time between them")
    return since, until


def _after(match: re.Match[str], today: date) -> Span:
    return _period(match[1], today)[1] + timedelta(days=1), None


def _before(match: re.Match[str], today: date) -> Span:
    return None, _period(match[1], today)[0] - timedelta(days=1)


def _form(
    pattern: str, span: Callable[[re.Match[str], date], Span]
) -> tuple[re.Pattern[str], Callable[..., Span]]:
    return re.compile(rf"(?:{pattern}){ENDS}", re.IGNORECASE), span


_IN = r"(?:back )?(?:in|during|from|of|within|throughout|dated)"
# Tried in this order: the longer form first, so that "from 2019 to 2021" is not read as "from 2019".
_FORMS: Final = (
    _form(rf"between {_PERIOD} (?:and|to) {_PERIOD}", _between),
    _form(rf"(?:{_IN}|since) {_PERIOD} ?(?:to|until|till|through|up to|-|–|—) ?{_PERIOD}", _between),
    _form(rf"{_IN} {_PERIOD}(?:,| and|, and| or|, or) (?:in |from )?{_PERIOD}", _both),
    _form(
        rf"(?:since|from|starting (?:in|from)) {_PERIOD}(?: onwards?| on(?=[.?!,]|$)| until (?:now|today))",
        lambda match, today: (_period(match[1], today)[0], None),
    ),
    _form(rf"(?:ever )?since {_PERIOD}", lambda match, today: (_period(match[1], today)[0], None)),
    _form(rf"(?:after|later than) {_PERIOD}", _after),
    _form(rf"(?:before|prior to|earlier than) {_PERIOD}", _before),
    _form(
        rf"(?:until|till|up to|through) {_PERIOD}", lambda match, today: (None, _period(match[1], today)[1])
    ),
    _form(rf"{_IN} {_PERIOD}", lambda match, today: _period(match[1], today)),
    _form(rf"on ({_EXACT})", lambda match, today: _period(match[1], today)),
    _form(rf"({_RELATIVE}|yesterday|today)", lambda match, today: _period(match[1], today)),
    _form(
        r"(?:(?:in|over|during|within|from|for) )?(?:the |these )?(?:last|past) "
        rf"(?:{_COUNT} )?(year|month|week|day)s?",
        _back,
    ),
)
