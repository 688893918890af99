"""Which passages a question asks for by its own words: of an author, a platform, a kind, a time.

A filter hides passages, so a word alone never filters: "medium heat", "the code", "the crash of 2008" are
subjects. What filters is said of somebody's writing: "your posts from 2023", "what did you write on
Medium", "according to Thoreau", "in your articles". Two values for one column are none.
"""

import logging
import re
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any, Final

from llm_twin_assets.retrieval.authors_asked import AuthorsAsked
from llm_twin_assets.retrieval.dates_asked import Asked
from llm_twin_assets.retrieval.kinds_asked import KindsAsked
from llm_twin_assets.retrieval.names_asked import author_names, author_pattern, one_of, platform_names
from llm_twin_assets.retrieval.writing_asked import Writing
from resources.teacher import Teacher, TeacherError
from resources.vector_store import EVERYTHING, Filters

# Longer texts are pasted documents; what they ask for stands in their beginning.
MOST_CHARACTERS: Final = 1000
SYSTEM: Final = (
    "You read a question to an author's archive and say by which properties of the WRITING it limits the "
    "answer: the author, the platform it appeared on, its kind, and the first (since) and last (until) day "
    "it may have been written. Use null unless the question clearly limits the writing: a name, place or "
    "date that is the question's subject is null."
)
_SUBJECT: Final = re.compile(r"\b(?:about|of|regarding|concerning) $", re.IGNORECASE)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Known:
    """The values that are in the index."""

    authors: frozenset[str]
    platforms: frozenset[str]
    kinds: frozenset[str]


def self_query(question: str, known: Known, today: date, teacher: Teacher | None = None) -> Filters:
    """The filters that a question asks for; EVERYTHING where it asks for none. Never raises.

    A teacher is asked where there is one; where it fails, or answers what is not known, the rules are.
    """
    if teacher is not None:
        try:
            return _validated(teacher.ask(SYSTEM, f"Today is {today}.\n\n{question}", schema(known)), known)
        except (TeacherError, ValueError) as error:
            _log.warning("the teacher read no filters from a question, so the rules did: %s", error)
    return _by_rules(question, known, today)


def schema(known: Known) -> dict[str, Any]:
    """The JSON schema of a teacher's answer: known values or null, days or null."""
    day = {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]}
    values = {"author": known.authors, "platform": known.platforms, "kind": known.kinds}
    properties: dict[str, Any] = {name: {"enum": [*sorted(each), None]} for name, each in values.items()}
    properties |= {"since": day, "until": day}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _validated(answer: dict[str, Any], known: Known) -> Filters:
    """A teacher's answer as filters; ValueError where it is nonsense."""
    columns = {"author": known.authors, "platform": known.platforms, "kind": known.kinds}
    for name, values in columns.items():
        if answer.get(name) is not None and answer[name] not in values:
            raise ValueError(f"{name} is not one of those in the index")
    days = [date.fromisoformat(answer[name]) for name in ("since", "until") if answer.get(name) is not None]
    if days != sorted(days):
        raise ValueError("since is after until")
    asked: dict[str, Any] = {name: answer.get(name) for name in (*columns, "since", "until")}
    return Filters(**asked)


def _by_rules(question: str, known: Known, today: date) -> Filters:
    text = " ".join(question[:MOST_CHARACTERS].replace("’", "'").split())
    cues = _cues_in(text, known)
    appeared = cues.writing.appeared(text, today)
    places = {cues.platform_of(name) for name in appeared.platforms}
    return replace(
        _when(appeared.dates, today),
        author=cues.authors.asked(text),
        platform=places.pop() if len(places | cues.named(text)) == len(places) == 1 else None,
        kind=cues.kinds.asked(text),
    )


def _when(dates: list[Asked], today: date) -> Filters:
    """What all the dates leave, together; no filter where that is nothing, or still to come."""
    since = max((each.since for each in dates if each.since), default=None)
    until = min((each.until for each in dates if each.until), default=None)
    if since and (since > today or (until and since > until)):
        return EVERYTHING
    return Filters(
        since=since.isoformat() if since else None,
        until=until.isoformat() if until else None,
    )


@dataclass(frozen=True)
class _Cues:
    """What an index's values are named by in questions, compiled."""

    writing: Writing
    authors: AuthorsAsked
    kinds: KindsAsked
    platforms: dict[str, str]
    platform: re.Pattern[str]

    def platform_of(self, name: str) -> str:
        return self.platforms[" ".join(name.lower().split())]

    def named(self, text: str) -> set[str]:
        """The platforms that a question names, except as the subject of what is asked."""
        matches = self.platform.finditer(text)
        return {self.platform_of(m.group()) for m in matches if not _SUBJECT.search(text[: m.start()])}


def _cues_in(text: str, known: Known) -> _Cues:
    """The cues of those authors who are named: a pattern of thousands would take seconds to make."""
    lower = text.casefold()
    named = {way: author for way, author in _authors(known.authors).items() if way.casefold() in lower}
    return _cues(frozenset(named.items()), known.platforms, known.kinds)


@lru_cache(maxsize=8)
def _authors(authors: frozenset[str]) -> dict[str, str]:
    return author_names(authors)


@lru_cache(maxsize=64)
def _cues(named: frozenset[tuple[str, str]], platforms: frozenset[str], kinds: frozenset[str]) -> _Cues:
    authors, places = dict(named), platform_names(platforms)
    author, platform = author_pattern(authors), one_of(places)
    return _Cues(
        Writing(platform, author),
        AuthorsAsked(authors, author),
        KindsAsked(kinds, author),
        places,
        re.compile(platform, re.IGNORECASE),
    )
