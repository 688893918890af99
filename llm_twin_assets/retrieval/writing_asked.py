"""Where a question speaks of an author's writing, and what it says about when and where that appeared.

A date or a platform counts only where it belongs to such a place: "the posts you wrote | in 2023", "your
articles | on Medium". After a topic it counts only where the topic is a bare word or three ("what did you
write about agents | in 2023"), since "about the crash in 2008" says when the subject was.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from llm_twin_assets.retrieval.dates_asked import ENDS, Asked, dates_at

WRITINGS: Final = (
    r"(?:articles?|(?:blog )?posts?|essays?|pieces?|writings?|texts?|newsletters?|notes?|publications?"
    r"|tutorials?|columns?|threads?)"
)
OWN_WRITINGS: Final = rf"(?:{WRITINGS}|books?|papers?|repositor(?:y|ies)|repos?|works?)"
POLITE: Final = (
    r"(?:(?:please|hey|hi|hello|ok|so|and|now|well)\b[, ]*"
    r"|(?:can|could|would|will) (?:you|i)(?: please| kindly)? |do you know "
    r"|i(?:'d| would)? (?:want|like) (?:you )?to )*"
)
_ADVERB = r"(?:(?:ever|also|already|first|originally|actually|recently|really|once) )?"
_PERSON = r"(?:you|he|she|they|the author)"
_WROTE = r"(?:wrote|published|posted|blogged)"
_WRITE = r"(?:write|written|been writing|publish(?:ed)?|post(?:ed)?|blog(?:ged)?|share[d]?)"
_SAY = r"(?:say|said|argued?|mention(?:ed)?|claim(?:ed)?|explain(?:ed)?|describe[d]?|recommend(?:ed)?)"
_SAID = r"(?:said|argued|mentioned|claimed|explained|described|recommended)"
_LEAD = (
    r"(?:(?:show|find|list|give|get|recommend|send|quote|summari[sz]e|search|read|pull up|point"
    r"|look (?:for|in|at|through))(?: me| us)?(?: to| in| for)? |are there "
    r"|is there |do you have |have you got "
    r"|(?:only )?use |only |in |from |based on |according to )"
)
_ANY = r"(?:(?:all|some|any|only|just|an?|the|of|recent|older|other|more|new) )*"
_FILLER: Final = re.compile(
    rf"[, ]*(?:\b(?:that|which|you|he|she|they|wrote|written|published|posted|dated|were|was|are|is|have"
    r"|been|only|and|but|anything|something|much"
    r"|(?:on|in) (?:your|his|her|their|the) (?:blog|newsletter|site)"
    rf"|(?:any |an? |the |some )?(?:new )?{WRITINGS})\b|(?=\b))",
    re.IGNORECASE,
)
_TOPIC: Final = re.compile(r" ?(?:about|on|regarding|concerning|covering|mentioning) ", re.IGNORECASE)
_WORD: Final = re.compile(
    r"(?!(?:the|this|that|these|those|an?|my|your|his|her|its|their|our|how|why|what|whether|when|where"
    r"|who|in|on|at|from|of|to|for|during|since|before|after|until|between"
    r"|people|users|readers|followers|growth|reach)\b)"
    r"[\w'+#./&-]+ ",
    re.IGNORECASE,
)
_TOPIC_WORDS: Final = 3
# After a topic an older year is history, a later one a forecast.
_TOPIC_YEARS: Final = 30
NEGATED: Final = re.compile(
    r"(?:\b(?:not|never|except|excluding|without|besides|other than|instead of|rather than|apart from"
    r"|aside from|outside|ignor\w+|beyond)\b|n't\b)(?: \w+){0,2} ?$",
    re.IGNORECASE,
)
_OPENING: Final = re.compile(r"[,:]? ?(?:(?:what|which|how|why|where|who)(?: [\w-]+){0,2} ?)?", re.IGNORECASE)
_HABIT: Final = re.compile(r"\b(?:why|when|where|how)\b[^?.!]*$", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """Where a question speaks of writing: its ends, and how.

    form: a verb of writing, a verb of saying, or a noun; perfect: "have written"; platforms: whether a
    platform that follows says where it appeared.
    """

    start: int
    end: int
    form: str
    perfect: bool = False
    platforms: bool = True


@dataclass(frozen=True)
class Appeared:
    """What is said of when and where a writing appeared."""

    dates: list[Asked]
    platforms: list[str]


class Writing:
    """Reads the places where questions speak of writing; `platforms` and `author` are patterns."""

    def __init__(self, platforms: str, author: str) -> None:
        who = rf"(?:(?i:{_PERSON})|{author})"
        whose = rf"(?:\b(?i:your|his|her|their)|{author}(?:'s|'))"
        noun = rf"(?i:{OWN_WRITINGS})\b"
        self._platform = re.compile(
            rf"(?i: ?\b(?:on|at|from|via|to|for|in) (?:your |the )?({platforms})(?: newsletter| blog)?"
            rf"(?! ?(?:,|and|or|&|/) ?(?:on )?{platforms}){ENDS})"
        )
        self._verbs = (
            ("write", re.compile(rf"\b(?i:did|have|had|has) (?:{who}|I) (?i:{_ADVERB}{_WRITE})\b")),
            (
                "write",
                re.compile(
                    rf"(?<!\w){who}(?i:(?: have|'ve| had|'d)? {_ADVERB}(?:{_WROTE}|(?<=ve )written))\b"
                ),
            ),
            (
                "write",
                re.compile(rf"\b(?i:what|which)(?: \w+){{0,3}} (?i:do|does) {who} (?i:{_ADVERB}{_WRITE})\b"),
            ),
            ("say", re.compile(rf"\b(?i:did|have|had|has) (?:{who}|I) (?i:{_ADVERB}{_SAY})\b")),
            ("say", re.compile(rf"(?<!\w){who} (?i:{_ADVERB}{_SAID})\b")),
        )
        self._nouns = (
            re.compile(rf"{whose} (?:(?!(?i:in|on|of|to|for|from|at|with)\b)[\w-]+ ){{0,2}}?{noun}"),
            re.compile(rf"\b{noun} (?i:(?:written |published )?by) {author}(?!'s|\w)"),
            re.compile(
                rf"(?i:(?:^|[.?!] )(?:{POLITE}){_LEAD}{_ANY}(?:{WRITINGS}|anything|something|everything)\b)"
            ),
            re.compile(r"(?i:\b(?:those|the ones)\b)"),
        )
        self._bare = re.compile(
            rf"(?i:(?:(?:^|[.?!] )(?:{POLITE})(?:which |what |any )?{_ANY}|\b(?:with|versus|vs\.?) )"
            rf"{WRITINGS}\b)"
        )
        self._own = re.compile(
            rf"{whose} (?:\w+ ){{0,1}}?(?i:({platforms}) (?:{OWN_WRITINGS}|blog|page){ENDS})"
            rf"|(?i:\b(?:in|on|from)) {whose} (?i:({platforms}){ENDS})"
        )
        self._dated = re.compile(rf"{whose} ([12]\d{{3}}) {noun}")

    def appeared(self, text: str, today: date) -> Appeared:
        """When and where the writing that a question speaks of appeared, as far as it says so."""
        found = Appeared([], [])
        for place in self._places(text):
            if not NEGATED.search(text[: place.start]):
                self._follow(text, place, today, found)
        self._before(text, today, found)
        for match in self._own.finditer(text):
            if not NEGATED.search(text[: match.start()]):
                found.platforms.append(match[1] or match[2])
        for match in self._dated.finditer(text):
            year = dates_at(f"in {match[1]}", 0, today)
            found.dates.extend([year] if year and not NEGATED.search(text[: match.start()]) else [])
        return found

    def _places(self, text: str) -> Iterator[Place]:
        for form, pattern in self._verbs:
            for match in pattern.finditer(text):
                perfect = bool(re.search(r"\b(?:have|has)\b|'ve", match.group(), re.IGNORECASE))
                asks = not _HABIT.search(text[: match.start()])
                yield Place(match.start(), match.end(), form, perfect, asks)
        for pattern in self._nouns:
            for match in pattern.finditer(text):
                yield Place(match.start(), match.end(), "noun")
        for match in self._bare.finditer(text):
            yield Place(match.start(), match.end(), "noun", platforms=False)

    def _follow(self, text: str, place: Place, today: date, found: Appeared) -> None:
        """Read phrases that follow a place directly; where none does, one behind a short topic."""
        at, read = place.end, False
        while (end := self._phrase(text, at, place, today, found)) is not None:
            at, read = end, True
        topic = None if read else _TOPIC.match(text, _after_fillers(text, at))
        if topic:
            self._behind_topic(text, topic.end(), place, today, found)

    def _phrase(self, text: str, at: int, place: Place, today: date, found: Appeared) -> int | None:
        """Note the phrase that begins there, and say where it ends; None where none does."""
        start = _after_fillers(text, at)
        dates = dates_at(text, start, today)
        if dates:
            found.dates.append(dates)
            return dates.end
        platform = self._platform.match(text, start) if place.platforms else None
        if platform:
            found.platforms.append(platform[1])
            return platform.end()
        return None

    def _behind_topic(self, text: str, at: int, place: Place, today: date, found: Appeared) -> None:
        for _ in range(_TOPIC_WORDS):
            word = _WORD.match(text, at)
            if not word:
                return
            at = word.end()
            dates = dates_at(text, at, today)
            if dates and _of_the_writing(dates, place, today):
                found.dates.append(dates)
                return
            platform = self._platform.match(text, at)
            if platform and place.form == "write" and place.platforms and not word.group().endswith("ing "):
                found.platforms.append(platform[1])
                return

    def _before(self, text: str, today: date, found: Appeared) -> None:
        """Phrases that open the question: "In 2023, what did you write", "On Medium, did you say"."""
        dates = dates_at(text, 0, today)
        platform = None if dates else self._platform.match(text)
        end = dates.end if dates else platform.end() if platform else None
        if end is None or not any(_opens(text[end : place.start]) for place in self._verb_places(text)):
            return
        if dates:
            found.dates.append(dates)
        elif platform:
            found.platforms.append(platform[1])

    def _verb_places(self, text: str) -> Iterator[Place]:
        return (place for place in self._places(text) if place.form != "noun")


def _after_fillers(text: str, at: int) -> int:
    while (filler := _FILLER.match(text, at)) and filler.end() > at:
        at = filler.end()
    return at


def _opens(between: str) -> bool:
    return bool(_OPENING.fullmatch(between))


def _of_the_writing(dates: Asked, place: Place, today: date) -> bool:
    """Whether a date behind a topic is the writing's, not the topic's."""
    first, last = dates.since or dates.until, dates.until or dates.since
    if (
        first is None
        or last is None
        or not today.year - _TOPIC_YEARS <= first.year <= last.year <= today.year
    ):
        return False
    if place.form == "noun":
        return dates.word in ("from", "since")
    if dates.word in ("since", "ever"):
        return place.perfect
    return place.form == "write" and dates.word not in ("before", "after", "until", "between", "of", "prior")
