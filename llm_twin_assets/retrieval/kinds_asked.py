"""Which kind of writing a question asks for: "in your articles", "what do your posts say"."""

import re
from collections.abc import Iterable
from typing import Final

from llm_twin_assets.retrieval.dates_asked import ENDS
from llm_twin_assets.retrieval.names_asked import kind_names, one_of
from llm_twin_assets.retrieval.writing_asked import NEGATED, POLITE

_SAY = (
    r"\b(?:say|says|said|write|writes|wrote|written|mention\w*|explain\w*|describe\w*|argue\w*|discuss\w*"
    r"|cover\w*|quote\w*|cite\w*|claim\w*|recommend\w*|answer|tell|teach)\b"
)
_SAYS: Final = re.compile(_SAY, re.IGNORECASE)
_HABIT: Final = re.compile(
    r"^\W*(?:how (?:do|did|can|should|many|much|often|long)|why|when|where|do you|should|can)\b",
    re.IGNORECASE,
)
# What people call any writing, where they only ask for it.
_ANY_WRITING: Final = {"article", "articles", "post", "posts", "essay", "essays"}
_JOINED = r"(?! ?(?:,|/|&|and|or) ?(?:in |from )?(?:your |the )?"


class KindsAsked:
    """Reads the kind from questions, of those that are known; `author` is a pattern."""

    def __init__(self, kinds: Iterable[str], author: str) -> None:
        self._kinds = kind_names(kinds)
        word = one_of(self._kinds)
        rare = one_of(set(self._kinds) - _ANY_WRITING)
        plural = one_of(name for name in self._kinds if name.endswith("s"))
        whose = rf"(?:\b(?i:your|his|her|their)|{author}(?:'s|'))(?i: own| recent| old| older| other)?"
        joined = rf"{_JOINED}(?:{word}|books?|articles?|posts?|essays?|notes|talks)\b)"
        self._within = re.compile(
            r"\b(?i:in|from|across|among|within|throughout|according to|based on)"
            rf"(?i: (?:any|all|one|some) of)? {whose} (?P<kind>(?i:{word}))(?i:{joined}{ENDS})"
        )
        self._sure = (
            re.compile(
                rf"\b(?i:do|does|did) (?:{whose}|(?i:the)) (?P<kind>(?i:{word}))"
                rf"(?i:{joined} {_SAY})"
            ),
            re.compile(
                rf"(?i:(?:^|[.?!] )(?:{POLITE})(?:show|list|find|search|quote|summari[sz]e|recommend)"
                rf"(?: me| us)?(?: all| some| any)?(?: of)?) {whose} (?P<kind>(?i:{rare}))(?i:{joined}{ENDS})"
            ),
            re.compile(rf"^(?i:in|from|according to) (?i:the) (?P<kind>(?i:{plural}))(?i:{joined} ?[,:])"),
        )
        self._the = re.compile(
            rf"\b(?i:in|from|according to|based on) (?i:the) (?P<kind>(?i:{plural}))(?i:{joined}{ENDS})"
        )

    def asked(self, text: str) -> str | None:
        """The one kind that is asked for; None where it is none, or more than one."""
        says, habit = bool(_SAYS.search(text)), bool(_HABIT.search(text))
        cues = [*self._sure]
        cues += [self._within] if says or not habit else []
        cues += [self._the] if says and not habit else []
        found = [match for cue in cues for match in cue.finditer(text)]
        kinds = {
            self._kinds[match["kind"].lower()] for match in found if not NEGATED.search(text[: match.start()])
        }
        return kinds.pop() if len(kinds) == 1 else None
