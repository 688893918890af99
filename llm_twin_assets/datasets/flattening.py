"""A passage with its author's style taken out by rules and its content kept: what a twin should not write.

Contractions are opened; "I", "we" and "you" become "the authors", "people" and "readers" (all plural, so that
only am and was need another form); connectives become formal; dashes, semicolons and exclamation marks become
commas and full stops; simple questions become statements; emphatic words and marks go. Code, quotations,
links, headings and tables stay as they are. The rules are English.
"""

import re
from collections.abc import Callable
from typing import Final

from llm_twin_assets.datasets.flat_words import CONTRACTIONS, EMPHATIC, FORMAL, OPENERS, reworded
from llm_twin_assets.sources.markdown import headings, lines

# With an address goes the dash or semicolon after it: a comma in its place would join the address.
# What is kept stands in the text as one sign of a plane that nobody may assign, until the rules are done.
_FIRST_SIGN: Final = 0xF0000
_SIGNS: Final = "[\U000f0000-\U000ffffd]"
_KEPT = re.compile(
    r"`[^`\n]+`|!\[[^\]\n]*\]\([^)\n]*\)|\]\([^)\n]*\)"
    r"|(?:https?://|www\.)[^\s)>\]]+(?: (?:[—;]|(?:–|--?)(?= )))?|\S+@\S+\.\w+"
    r"|<[^<>\n]{1,200}>|\$[^$\n]{1,200}\$|\[[A-Z][A-Z_]+\]"
    r"|“[^”\n]{1,400}”|(?<!\w)\"[^\"\n]{1,400}\"(?!\w)|" + _SIGNS
)
_NOT_PROSE = re.compile(r"\s*(?:>|\||\[[^\]\n]+\]:)")
_SENTENCE = re.compile(
    rf"[^\s](?:[^\n])*?(?:[.!?…]+[”’\"')\]*_]*(?=\s+[“‘\"'(\[*_]*(?:[A-Z0-9]|{_SIGNS}))|$)", re.MULTILINE
)
_MARKER = re.compile(r"\s*(?:(?:[-*+•]|\d{1,3}[.)])[ \t]+)*")

_CLAUSE_WORDS = 4
_DASH = re.compile(
    r"(?<=[^\s—–-])(?: ?— ?| – | --? |(?<=[^\W\d_])--(?=[^\W\d_])|(?<=[,.;:!?])--(?=[^\W\d_]))(?=[^\s\d—–-])"
)
_ELLIPSIS = re.compile(r"(?:…|\.{3,})")
_CRY = re.compile(r"(?<=[\w)”’\"'\U000f0000-\U000ffffd])!+(?=[”’\"')]*(?:\s|$))")
_EMPHASIS = re.compile(
    r"(?<!\w)\*\*(?=[^\s*])([^*\n]+)(?<=[^\s*])\*\*(?!\w)|(?<![\w*])\*(?=[^\s*])([^*\n]+)(?<=[^\s*])\*(?![\w*])"
    r"|(?<!\w)_(?=[^\W_])([^_\n]+)(?<=[^\W_])_(?!\w)"
)
_BRACKETS = re.compile(r"\([^()\n]*\)")
_SEMICOLON = re.compile(r" ?; +(\S)")

_PRONOUN = "(?:I|you|he|she|it|we|they|one|there)"
_AUXILIARY = "am|is|are|was|were|has|have|had|do|does|did|can|could|shall|should|will|would|must|may|might"
_ASKED = re.compile(
    rf"(?P<asks>(?:Why|How|When|Where|What|Which|Who)[ ])?(?P<verb>{_AUXILIARY})[ ](?P<subject>{_PRONOUN})\b"
    r"(?P<rest>[^?]*)\?",
    re.IGNORECASE,
)
_WHAT_IS = re.compile(
    r"(?P<asks>What|Who|Where) (?P<verb>is|are|was|were) "
    r"(?P<subject>(?:the|a|an|this|that|these|those|my|our|your|his|her|its|their) [^?,.:()]+)\?"
)
_PLAIN_VERB = ("do", "does", "did")
_THING_WORDS = 8

_BEFORE = r"(?<![\w.&/'’-])(?<!Part )(?<!Chapter )(?<!Book )(?<!War )(?<!Type )(?<!Phase )(?<!Volume )"
_SELF = re.compile(
    _BEFORE + r"(?:I(?![\w'’&/-]|\.\S)|(?:[Mm]y|me|[Mm]yself|(?:(?<=of )|(?<=is )|(?<=was ))mine)\b)"
)
_GROUP = re.compile(_BEFORE + r"(?:[Ww]e|us|[Oo]ur|ours|[Oo]urselves)\b(?![’'-])")
_READER = re.compile(_BEFORE + r"(?<![Tt]hank )(?:[Yy]ou|[Yy]ours?|[Yy]ourself|[Yy]ourselves)\b(?![’'-])")
_ADVERB = r"((?:\w+ly|never|also|too|still|always|once|then|now|only|even|again|ever|myself) )?"
_AM = re.compile(rf"\bI {_ADVERB}(am|was)\b|\b(am|was) I\b")
_LONE_AM = re.compile(r"(?<![\d.] )\bam\b")
_OTHERS = re.compile(r"\b(?:they|them|their|theirs)\b", re.IGNORECASE)
_LET = re.compile(r"Let (?:us|me) (not )?(?=[a-z])")
_NAMES: Final = {
    "i": ("the authors", "they"),
    "me": ("the authors", "them"),
    "my": ("the authors'", "their"),
    "mine": ("the authors", "theirs"),
    "we": ("people", "they"),
    "us": ("people", "them"),
    "our": ("people's", "their"),
    "ours": ("people's", "theirs"),
    "myself": ("themselves", "themselves"),
    "ourselves": ("themselves", "themselves"),
    "you": ("readers", "readers"),
    "your": ("readers'", "their"),
    "yours": ("readers'", "theirs"),
    "yourself": ("themselves", "themselves"),
    "yourselves": ("themselves", "themselves"),
}


def flattened(passage: str) -> str:
    """A Markdown passage in plain formal English; the same where no rule applies, with as many lines."""
    titles = {at for title in headings(passage) for at in range(title.start, title.end + 1)}
    return "\n".join(
        line.text if line.code or line.start in titles or _NOT_PROSE.match(line.text) else _line(line.text)
        for line in lines(passage)
    )


def _line(text: str) -> str:
    kept: list[str] = []

    def sign(found: re.Match[str]) -> str:
        kept.append(found[0])
        return chr(_FIRST_SIGN + len(kept) - 1)

    marker = _MARKER.match(text)
    start = marker.end() if marker else 0
    plain = _punctuated(_KEPT.sub(sign, text[start:]))
    plain = _SENTENCE.sub(lambda found: _sentence(found[0]), plain)
    return text[:start] + re.sub(_SIGNS, lambda found: kept[ord(found[0]) - _FIRST_SIGN], plain)


def _punctuated(text: str) -> str:
    """No emphasis; dashes as commas, semicolons as full stops between clauses; no cry, no ellipsis."""
    text = _EMPHASIS.sub(lambda found: found[found.lastindex or 0], text)
    text = _DASH.sub(lambda found: " " if text[found.start() - 1] in ",.;:!?" else ", ", text)
    text = _BRACKETS.sub(lambda found: found[0].replace(";", ","), text)
    text = _SEMICOLON.sub(_stop, text)
    text = _ELLIPSIS.sub(lambda found: "." if _ends(text, found.end()) else ",", text)
    text = re.sub(r"\?!+|!+\?", "?", text)
    return _CRY.sub(lambda found: "." if _ends(text, found.end()) else ",", text)


def _ends(text: str, at: int) -> bool:
    rest = text[at:].lstrip()
    return not rest or not rest[0].islower()


def _stop(found: re.Match[str]) -> str:
    before = re.split(r"[.;:!?\n]", found.string[: found.start()])[-1]
    after = re.split(r"[.;:!?\n]", found.string[found.start(1) :], maxsplit=1)[0]
    long = all(len(clause.split()) >= _CLAUSE_WORDS for clause in (before, after))
    return f". {found[1].upper()}" if long else f", {found[1]}"


def _sentence(text: str) -> str:
    for step in _STEPS:
        text = step(text)
    return text


def _stated(sentence: str) -> str:
    """A question that is one auxiliary or "what is" and its subject, as a statement of what is asked."""
    asked = _ASKED.fullmatch(sentence)
    if asked and not re.match(r" (?:who|that|of)\b", asked["rest"]):
        verb = asked["verb"].lower()
        subject = asked["subject"] if asked["subject"] == "I" else asked["subject"].lower()
        said = "" if verb == "do" and not asked["rest"].startswith(" not") else f" {verb}"
        return f"The question is {(asked['asks'] or 'whether ').lower()}{subject}{said}{asked['rest']}."
    named = _WHAT_IS.fullmatch(sentence)
    if named and len(named["subject"].split()) <= _THING_WORDS:
        return f"The question is {named['asks'].lower()} {named['subject']} {named['verb']}."
    return sentence


def _impersonal(sentence: str) -> str:
    """A sentence without I, we and you: a noun in the first place, "they" after it where that is clear."""
    sentence = _LET.sub(lambda found: f"It is useful {found[1] or ''}to ", sentence)
    if _SELF.search(sentence):
        sentence = _LONE_AM.sub("are", _AM.sub(_plural, sentence))
    persons = [person for person in (_SELF, _GROUP, _READER) if person.search(sentence)]
    again = len(persons) == 1 and not _OTHERS.search(sentence)
    for person in persons:
        sentence = _named(sentence, person, again)
    return sentence


def _plural(found: re.Match[str]) -> str:
    return re.sub(r"\bam\b", "are", re.sub(r"\bwas\b", "were", found[0]))


def _named(sentence: str, person: re.Pattern[str], again: bool) -> str:
    first = True

    def name(found: re.Match[str]) -> str:
        nonlocal first
        noun, pronoun = _NAMES[found[0].lower()]
        said = pronoun if not first and (again or pronoun.startswith("their")) else noun
        first = False
        starts = not re.search(r"\w", sentence[: found.start()])
        return said[:1].upper() + said[1:] if starts or (found[0] != "I" and found[0][0].isupper()) else said

    return person.sub(name, sentence)


_STEPS: Final[tuple[Callable[[str], str], ...]] = (
    lambda text: reworded(text, CONTRACTIONS),
    lambda text: reworded(text, OPENERS),
    lambda text: reworded(text, EMPHATIC),
    lambda text: reworded(text, FORMAL),
    _stated,
    _impersonal,
)
