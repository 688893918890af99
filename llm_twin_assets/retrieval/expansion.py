"""Other wordings of a question, so that a passage that puts the matter otherwise is found too.

Query expansion by rules: the question's subject alone, its parts, a written-out abbreviation either way,
and a statement as its author would make it. A teacher, where there is one, words it anew.
"""

import logging
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from resources.teacher import Teacher, TeacherError

LONGEST: Final = 300
SYSTEM: Final = (
    "You word a question anew for a search in an author's writings. Keep its meaning and its names; use "
    "other words, or the words of a passage that would answer it. One short sentence each, no explanations."
)
_log = logging.getLogger(__name__)

_POLITE: Final = re.compile(
    r"(?:(?:please|hey|hi|hello|ok|so|well|also)\b[, ]+"
    r"|(?:can|could|would|will) you (?:please |kindly |maybe )?"
    r"|i(?:'d| would) (?:like|love) (?:you )?to (?:know |understand |hear |learn |read )?"
    r"|i(?:'m| am) (?:curious|wondering) |i(?: have|'ve)? wonder(?:ed)? "
    r"|(?:tell|show|explain|describe|remind) (?:to )?(?:me|us) |do you know |about )+",
    re.IGNORECASE,
)
_THANKS: Final = re.compile(r"(?:[, ]+(?:please|thanks|thank you)| to (?:me|us))(?=\W*$)", re.IGNORECASE)
_CUES: Final = (
    re.compile(
        r"\b(?:in|from|across) (?:your|the) (?:own |recent |old )?(?:blog |medium |linkedin |substack )?"
        r"(?:articles|posts|essays|writings?|books|notes|repositories|newsletter)\b(?! (?:about|on|of))[, ]*",
        re.IGNORECASE,
    ),
    re.compile(r"^according to [^,?]{1,40}, ?", re.IGNORECASE),
)
_DO = r"(?:do|does|did|have|has|would)"
_WHO = r"(?:you|he|she|they|the author)"
_SAY = r"(?:think|feel|know|say|said|write|written|believe|argue|publish|post|posted|mention|recommend)"
_WHEN = r"(?: (?:in|on|since|during|before|after|from|until|last|this) [\w ,-]{1,25}?)?"
_VIEW = r"your (?:own |current |personal )?(?:views?|opinions?|take|thoughts?|stance|position)"
_ABOUT = r"(?:about|of|on|regarding)"
# What a question begins with that says nothing of its subject; the first that fits is taken off.
_LEADS: Final = tuple(
    re.compile(f"{lead} ", re.IGNORECASE)
    for lead in (
        rf"what {_DO} {_WHO} (?:really |currently |ever )?{_SAY}{_WHEN} {_ABOUT}",
        rf"what(?:'s| is| are) {_VIEW} {_ABOUT}",
        rf"(?:have|did) you (?:ever )?{_SAY}(?: anything| something)?{_WHEN} {_ABOUT}",
        r"how do you (?:feel about|see)",
        r"how (?:do|would|should|can|could|did) (?:you|i|we|one|people)(?: go about)?",
        r"how (?:is|are|does|do|to)",
        r"what (?:is|are|was|were)(?: the)?",
        r"why (?:is|are|do|does|did|should)(?: you| i| we)?",
        r"what makes",
        r"who (?:is|was|are)",
        r"(?:explain|describe|summari[sz]e)",
    )
)
_JOINT: Final = re.compile(
    r"\?\s+|;\s+|,? (?:and|or)(?: also)? (?=(?:how|why|what|when|where|who|which|whether) )", re.IGNORECASE
)
_LEANS: Final = re.compile(
    r"\b(?:it|its|they|them|their|this|that|these|those|one|he|she|so)\b", re.IGNORECASE
)
_LONG_SHORT: Final = re.compile(r"\b((?:[\w-]+ ){0,6}[\w-]+) \(([A-Z][\w-]{1,9})\)")
_SHORT_LONG: Final = re.compile(r"\b([A-Z][\w-]{1,9}) \(([a-zA-Z][\w -]{3,60})\)")
_EMPTY: Final = frozenset(
    {
        *("a", "an", "and", "any", "are", "as", "at", "be", "been", "by", "can", "could", "did", "do"),
        *(
            "does",
            "for",
            "from",
            "had",
            "has",
            "have",
            "he",
            "her",
            "how",
            "i",
            "if",
            "in",
            "is",
            "it",
            "its",
            "me",
        ),
        *("my", "of", "on", "or", "our", "she", "should", "so", "that", "the", "their", "them", "there"),
        *("these", "they", "this", "those", "to", "was", "we", "were", "what", "when", "where", "which"),
        *("who", "why", "will", "with", "would", "you", "your", "think", "about", "mean", "view", "because"),
    }
)
_STATED: Final = (
    (re.compile(r"how (?:do|would) you (?!feel|see|think|like)(.+)", re.IGNORECASE), "I {}"),
    (re.compile(r"why do you (.+)", re.IGNORECASE), "I {} because"),
    (re.compile(r"what do you (?:think|feel|believe) (?:of|about) (.+)", re.IGNORECASE), "my view of {}"),
    (re.compile(r"what(?: is|'s| are) your (.+)", re.IGNORECASE), "my {}"),
)
_MINE: Final = {"your": "my", "yours": "mine", "yourself": "myself", "you": "I"}


def wordings(question: str, most: int, teacher: Teacher | None = None) -> list[str]:
    """The question itself, unchanged, and other wordings of it, at most `most` (at least one) in all.

    No two are the same but for case, spaces and marks. Never raises: where a teacher fails, or has no
    other wording, the rules are asked.
    """
    if teacher is not None and most > 1:
        try:
            found = _different(question, _by_teacher(question, most - 1, teacher))[:most]
            if len(found) > 1:
                return found
        except TeacherError as error:
            _log.warning("the teacher gave no other wordings, so the rules did: %s", error)
    return _different(question, _by_rules(question) if len(question) <= LONGEST else ())[: max(1, most)]


def _by_teacher(question: str, number: int, teacher: Teacher) -> list[str]:
    texts = {"type": "string", "minLength": 1, "maxLength": LONGEST}
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"wordings": {"type": "array", "items": texts, "maxItems": number}},
        "required": ["wordings"],
        "additionalProperties": False,
    }
    answer = teacher.ask(SYSTEM, f"Give {number} other wordings of this question:\n\n{question}", schema)
    given = answer.get("wordings")
    words = given if isinstance(given, list) else []
    return [text for text in words if isinstance(text, str) and len(text) <= LONGEST]


def _by_rules(question: str) -> Iterator[str]:
    plain = _plain(question)
    subjects = [subject(part) for part in _parts(plain) or [plain]]
    yield from subjects
    for each in subjects:
        yield from _abbreviated(each)
    yield _stated(plain)


def subject(question: str) -> str:
    """What a question is about, without politeness, question words and where to look."""
    text = _plain(question)
    lead = next((match for each in _LEADS if (match := each.match(text))), None)
    return (text[lead.end() :] if lead else text).strip(" ?!.,:;")


def _plain(question: str) -> str:
    """The question without politeness and without words that say only where to look."""
    text = " ".join(question.replace("’", "'").split())
    text = _THANKS.sub("", _POLITE.sub("", text, count=1) if _POLITE.match(text) else text)
    for cue in _CUES:
        text = cue.sub("", text)
    return " ".join(text.split())


def _parts(text: str) -> list[str]:
    """The questions that are joined in one, without those that lean on another; none for a single one."""
    parts = [part.strip(" ?!.,:;") for part in _JOINT.split(text)]
    return [part for part in parts if not _LEANS.search(part)] if len([*filter(None, parts)]) > 1 else []


def _abbreviated(text: str) -> Iterator[str]:
    """A text with "long form (LF)" or "LF (long form)" as the long form alone, and as the short one."""
    match = _SHORT_LONG.search(text)
    if match:
        short, long = match.groups()
        yield from (_replaced(text, match.start(), match.end(), form) for form in (long, short))
        return
    match = _LONG_SHORT.search(text)
    if match:
        at = _long_form(match[1], match[2])
        if at is not None:
            start = match.start() + at
            long = text[start : match.end(1)]
            yield from (_replaced(text, start, match.end(), form) for form in (long, match[2]))


def _long_form(words: str, short: str) -> int | None:
    """Where the words that an abbreviation takes its initials from begin; None where they are not there."""
    letters = [letter.lower() for letter in short if letter.isupper()]
    starts = [found.start() for found in re.finditer(r"\w+", words)][-len(letters) :]
    return starts[0] if [words[start].lower() for start in starts] == letters else None


def _replaced(text: str, start: int, end: int, words: str) -> str:
    return f"{text[:start]}{words}{text[end:]}"


def _stated(text: str) -> str:
    """The question as its author would begin to answer it, "" where no form fits."""
    for pattern, form in _STATED:
        match = pattern.fullmatch(text.rstrip(" ?!."))
        if match:
            return form.format(" ".join(_MINE.get(word.lower(), word) for word in match[1].split()))
    return ""


def _different(question: str, others: Iterable[str]) -> list[str]:
    """The question, and of the others those that say something, each once."""
    found = {_normal(question): question}
    for other in others:
        text = " ".join(other.split())
        if set(_normal(text).split()) - _EMPTY:
            found.setdefault(_normal(text), text)
    return list(found.values())


def _normal(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
