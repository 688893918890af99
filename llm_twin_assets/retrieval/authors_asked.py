"""Whose writing a question asks for: "by X", "according to X", "X's view", "what did X say"."""

import re
from typing import Final

from llm_twin_assets.retrieval.dates_asked import ENDS
from llm_twin_assets.retrieval.names_asked import Names
from llm_twin_assets.retrieval.writing_asked import NEGATED, OWN_WRITINGS, POLITE

_MADE = (
    rf"(?:{OWN_WRITINGS}|anything|something|everything|written|published|posted|words|quotes?|passages?"
    r"|thoughts)"
)
_VIEWS = (
    r"(?:views?|opinions?|take|thoughts?|arguments?|advice|position|ideas?|perspective|words|thinking|stance"
    r"|recommendations?|definition|explanation|critique|criticism|account|description|philosophy)"
)
_SAY = (
    r"(?:say|said|write|written|think|thought|argued?|believed?|mean|meant|claim(?:ed)?|recommend(?:ed)?"
    r"|suggest(?:ed)?|explain(?:ed)?|describe[d]?|define[d]?|mention(?:ed)?|criticise[d]?|criticize[d]?"
    r"|proposed?|publish(?:ed)?|post(?:ed)?|defend(?:ed)?)"
)
_SAYS = (
    r"(?:wrote|writes|said|says|argue[sd]|think?s|thought|believe[sd]|claim(?:s|ed)|recommend(?:s|ed)"
    r"|suggest(?:s|ed)|explain(?:s|ed)|describe[sd]|mention(?:s|ed)|published|posted|has (?:written|said))"
)
_POLITE: Final = re.compile(
    rf"(?i:(?:{POLITE})(?:(?:do|have) you (?:have|got|any)\b|(?:tell|show|find|give|quote) (?:me|us) )?)"
)
_ASKED_OTHERS: Final = re.compile(
    r"\b(?:you|your|yours|people|critics|others|everyone|anyone)\b", re.IGNORECASE
)
_ABOUT: Final = re.compile(r"\b(?:about|regarding|concerning)(?: \w+)? $", re.IGNORECASE)
_SUBJECT: Final = re.compile(r"\b(?:about|on|of|regarding|concerning|with|to|against|for) $", re.IGNORECASE)


class AuthorsAsked:
    """Reads the author from questions; `names` are the ways to write each, `pattern` finds them."""

    def __init__(self, names: Names, pattern: str) -> None:
        self._authors = {" ".join(name.casefold().split()): author for name, author in names.items()}
        self._named = re.compile(pattern)
        self._cues = (
            re.compile(rf"\b(?i:{_MADE} (?:by|from)) (?P<name>{pattern})(?!')(?i:{ENDS})"),
            re.compile(rf"\b(?i:according to) (?P<name>{pattern})"),
            re.compile(rf"(?P<name>{pattern})(?:'s|') (?:[\w-]+ ){{0,2}}?(?i:{_VIEWS})\b"),
            re.compile(
                rf"\b(?i:did|does|do|has|had) (?P<name>{pattern}) (?i:(?:ever |also |really )?{_SAY})\b"
            ),
            re.compile(rf"(?P<name>{pattern}) (?i:{_SAYS})\b"),
        )
        self._works = re.compile(rf"(?P<name>{pattern})(?:'s|') (?:[\w-]+ ){{0,2}}?(?i:{OWN_WRITINGS})\b")

    def asked(self, text: str) -> str | None:
        """The one author whose writing is asked for; None where it is nobody's, or of more than one."""
        found = [match for cue in self._cues for match in cue.finditer(text)]
        found += [match for match in self._works.finditer(text) if not _ABOUT.search(text[: match.start()])]
        meant = {self._author(match["name"]) for match in found if self._filters(text, match)}
        author = meant.pop() if len(meant) == 1 else None
        return author if author and self._others(text) <= {author} else None

    def _author(self, name: str) -> str:
        return self._authors[" ".join(name.casefold().split())]

    def _filters(self, text: str, match: re.Match[str]) -> bool:
        """Whether the author is asked for, and not the subject of what somebody else is asked."""
        start = match.start()
        polite = _POLITE.match(text)
        before = text[polite.end() if polite else 0 : start]
        if _ASKED_OTHERS.search(before) or NEGATED.search(text[:start]):
            return False
        return not re.search(r"[A-Z][\w.-]* $", text[: match.start("name")][1:])

    def _others(self, text: str) -> set[str]:
        """The authors that a question names, except as the subject of what another says."""
        named = list(self._named.finditer(text))
        return {
            self._author(match.group())
            for number, match in enumerate(named)
            if number == 0 or not _SUBJECT.search(text[: match.start()])
        }
