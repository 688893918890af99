"""Whether a question leans on the conversation before it, by its words: rules for English.

Wrongly completed, a whole question is searched for by the wrong subject; so what may be either counts as
whole. A pronoun leans on the conversation only where no word before it in the question can be meant by it.
"""

import re
from typing import Final

# A longer question has its subject in it.
MOST_WORDS: Final = 25

_FILLER: Final = re.compile(
    r"^(?:(?:ok|okay|well|so|hm+|thanks|thank you|great|nice|interesting|i see|oh|yes|no|right|sorry)\b"
    r"[,.! ]*)+",
    re.IGNORECASE,
)
_JOINED: Final = re.compile(r"^(?:and|but|or|also|then|plus)\b[, ]*", re.IGNORECASE)
_WHAT_ABOUT: Final = re.compile(r"^(?:what|how) about\b ?", re.IGNORECASE)
_MORE: Final = (
    r"(?:(?:can|could|would|will) you )?(?:please )?(?:go on|continue|elaborate|explain|expand"
    r"|(?:(?:tell me|say|know) )?(?:a (?:bit|little) )?more|be more specific|summari[sz]e|in other words"
    r"|(?:(?:give|show) (?:me |us )?)?(?:(?:for|an?|any|another|some|more|other|further) )*"
    r"(?:examples?|instance|details?)|(?:(?:any|some) )?(?:other|further) \w+)"
)
_NO_VERB: Final = (
    r"(?:why|how|when|where|who|what|which)"
    r"(?: (?:so|come|not|for|then|next|else|exactly|specifically|ones?))?"
    r"|how (?:often|long|much|many|far|big|old|soon|early|late|deep|high|hot|cold|large|small)(?: \w+)?"
    r"|(?:which|what) (?:kind|sort|type|month|year|season|size)s?(?: of \w+)?"
    r"|(?:such as|like|since|until) wh\w+|what do you mean|meaning|really|are you sure|any(?:thing|one) else"
    r"|what (?:happen|come)\w* (?:then|next)"
)
_BARE: Final = re.compile(rf"(?:{_MORE}|{_NO_VERB})(?:,? (?:please|thanks|too|though|again))?")
_FRAGMENT: Final = re.compile(
    r"(?:in|on|at|for|with|without|even|only|not|except|during|after|before|by|from|to|because of|since|until"
    r"|under|over|between|of|instead of)\b"
)
_CONDITION: Final = re.compile(r"(?:if|unless|because)\b[^,]*")
_VERB: Final = re.compile(
    r"\b(?:is|are|was|were|am|be|do|does|did|has|have|had|can|could|should|would|will|may|might|must"
    r"|tell|explain|describe|say|write|wrote|think|mean)\b|n't\b"
)
_TIME: Final = r"(?! (?:year|month|week|day|morning|evening|time|days|past|last)\b)"
_POINTS: Final = (
    # Not a conjunction ("say that honey is ripe"), nor a relative ("the hive that is old", "those who").
    re.compile(
        r"\b(?:is|are|was|were|does|did|do|doing|about|of|by|for|with|like|after|before|on|from|to|in|why|how"
        r"|can|could|will|would|should|without)"
        rf" (?:that|this|those|these)\b{_TIME}(?! (?:who|you|i|we|the|a|an|which)\b)"
    ),
    re.compile(rf"^(?:that|this|those|these)\b{_TIME}"),
    re.compile(
        r"\b(?:explain|repeat|summari[sz]e|describe) (?:that|this)(?: (?:in|again|briefly|better|more)\b|$)"
    ),
    re.compile(r"^same (?:for|with)\b|\b(?:read|learn|hear|find out) more$"),
    re.compile(r"\b(?:that|this|those|these|there|then|instead|otherwise|the same|so)$"),
    re.compile(r"\b(?:the|another|each|every|which|this|that) (?:(?!who|of)\w+ )?ones?\b"),
    re.compile(r"\bthe (?:former|latter|opposite|others?)\b"),
)
_PRONOUN: Final = re.compile(r"\b(?:it|its|they|them|their|he|him|his|she|her)\b")
# "it" that stands for nothing: "is it true that", "how long does it take to", "what is it like to".
_EMPTY_IT: Final = re.compile(
    r"\b(?:is|was|makes?|find|be) it (?:\w+ ){0,2}?(?:true|that|to|if|when|for|like|about|time|best|\w+ing)\b"
    r"|\b(?:does|did|would|will|should|can) it \w+.* (?:to|if|whether|when|that)\b"
    r"|\b(?:time|day|month|year) is it\b|\bit (?:is|was|takes|rains|snows|gets)\b"
)
# The author, spoken of: "what does he think about smoke".
_AUTHOR: Final = re.compile(
    r"^(?:\w+ )?(?:do|does|did|has|have|would) (?:he|she|they) (?:\w+ )?"
    r"(?:think|feel|know|say|write|written|believe|argue|publish|mention|recommend)(?: \w+){0,2}? "
    r"(?:about|of|on|regarding) (?!it|them|that|this)"
)
# A word that is asked for is not what a pronoun stands for: "what colour is it".
_ASKED_FOR: Final = re.compile(
    r"\b(?:what|which|whose|how) (?!(?:is|are|was|were|do|does|did|can|could|should|would|will)\b)\w+"
)
_FUNCTION: Final = (
    "a an the and or but of in on at to for from with without by as than then so if when while where what "
    "which who whom whose why how is are was were be been being am do does did has have had can could should "
    "would will may might must i you we one my your our me us not no any some ever never always often "
    "usually also just really still there about into over under after before up out off more most less much "
    "many very"
)
# Words for which no pronoun stands.
_FUNCTION_WORDS: Final = frozenset(_FUNCTION.split())
_POINTED: Final = re.compile(
    r"\[(\d{1,2})\]|\b(?:source|quote|quotation|passage) (\d{1,2})\b"
    r"|\b(first|second|third|fourth|fifth) (?:source|quote|quotation|passage)\b"
    r"|\byour (?:last |previous )?answer\b|^you (?:just )?(?:said|mentioned|quoted|wrote|told)\b"
    r"|\bthat (?:quote|quotation|passage|text|article|essay|title|source)\b"
)
_NUMBERS: Final = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5}


def leans(question: str) -> bool:
    """Whether a question needs the ones before it to be understood."""
    text = _plain(question)
    if not text or len(text.split()) > MOST_WORDS:
        return False
    rest = _JOINED.sub("", text)
    return bool(
        _POINTED.search(text)
        or _BARE.fullmatch(rest)
        or _WHAT_ABOUT.match(rest)
        or _is_fragment(rest, joined=rest != text)
        or any(points.search(rest) for points in _POINTS)
        or _has_a_pronoun_of_before(rest)
    )


def own_words(question: str) -> str:
    """What a question that leans on others says itself: "wasps" of "And what about wasps?"; "" for "Why?"."""
    text = " ".join(question.split()).strip(" ?!.,")
    for opening in (_FILLER, _JOINED, _WHAT_ABOUT):
        text = opening.sub("", text)
    return "" if _BARE.fullmatch(text.casefold()) else text


def points_at(question: str) -> int | None:
    """The number of the quotation that a question points at, 0 for the answer as a whole, else None."""
    found = _POINTED.search(_plain(question))
    return int(found[1] or found[2] or _NUMBERS.get(found[3], 0)) if found else None


def _plain(question: str) -> str:
    text = " ".join(question.replace("’", "'").casefold().split()).strip(" ?!.,;:…")
    return _FILLER.sub("", text)


def _is_fragment(text: str, joined: bool) -> bool:
    """A question of which the rest was said before: "even without smoke", "and the drones"."""
    if joined and _CONDITION.fullmatch(text):
        return True
    return not _VERB.search(text) and (joined or bool(_FRAGMENT.match(text)))


def _has_a_pronoun_of_before(text: str) -> bool:
    """A pronoun before which nothing in the question can be what it stands for."""
    words = _EMPTY_IT.sub(" ", text)
    found = _PRONOUN.search(words)
    if not found or _AUTHOR.match(text):
        return False
    before = _ASKED_FOR.sub(" ", words[: found.start()]).split()
    # The word right before a pronoun is the verb that governs it: "how do I clean it".
    return all(word.strip(",'") in _FUNCTION_WORDS for word in before[:-1])
