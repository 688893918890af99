"""Key phrases of a passage, for text that its author gave no headings.

Scores use the passage's own document only, so a new document changes no other document's rows.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator

_Phrase = tuple[str, ...]

_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_CLAUSE = re.compile(r"[^\w\s'’-]+|\n")
_GRAMMAR = """
a about above after again against all almost also although always am among an and another any anything are
around as ask asked at away back be became because become been before behind being below best better
between both but by call called came can cannot certain come comes could did didn't do does doesn't doing
don't done down during each either else enough even ever every everything example fact far few find first
for found from further gave get give given go goes going gone good got great had has have having he her
here hers herself him himself his how however i i'd i'll i'm i've if in indeed instead into is isn't it
it's its itself just keep kind knew know known last later least less let like little long look made make
makes man many may maybe me men might mine more most much must my myself near nearly need never new next
no nor not nothing now of off often old on once one one's ones only or other others our ours ourselves out
over own people perhaps place put quite rather really right said same saw say second see seem seemed seems
seen several shall she should show since so some something sometimes soon still such sure take taken tell
than that that's the their theirs them themselves then there there's therefore these they they're thing
things think this those though thought three through thus time to together told too took toward true try
turn two under until up upon us use used using usually very want was wasn't way we we're we've well went
were what whatever when whenever where whether which while who whole whom whose why will with within
without won't would year years yes yet you you're your yours yourself
"""
_STOPWORDS = frozenset(_GRAMMAR.split())
# What stands before a noun: a phrase that follows one of these is most often a thing, not a deed.
_NOUN_SIGNS = (
    "a an the this that these those my our your his her its their of in on for with from by about no"
)
_LEADS = frozenset(_NOUN_SIGNS.split())


def content_words(text: str) -> list[str]:
    """The words of a text, lower-case and in its order, that are not mere grammar."""
    return [word for word in _lower(text) if _is_content(word)]


def key_phrases(passages: list[str], count: int = 2) -> list[list[str]]:
    """For each passage of one document, the phrases of one or two words that set it apart from the others.

    Frequency in the passage times inverse frequency over the document's passages (tf-idf, Spärck Jones
    1972); longer phrases weigh more, none shares a word with one before it.
    """
    frequencies = [Counter(_candidates(passage)) for passage in passages]
    spread = Counter(phrase for frequency in frequencies for phrase in frequency)
    return [_best(frequency, spread, len(passages), count) for frequency in frequencies]


def _best(frequency: Counter[_Phrase], spread: Counter[_Phrase], passages: int, count: int) -> list[str]:
    scores = {
        phrase: times * (1 + len(phrase) / 2) * math.log(1 + passages / spread[phrase])
        for phrase, times in frequency.items()
    }
    chosen: list[_Phrase] = []
    for phrase in sorted(scores, key=lambda phrase: -scores[phrase]):
        if not any(set(phrase) & set(other) for other in chosen):
            chosen.append(phrase)
    return [" ".join(phrase) for phrase in chosen[:count]]


def _candidates(text: str) -> Iterator[_Phrase]:
    """Every run of one or two content words after a determiner or preposition."""
    for clause in _CLAUSE.split(text):
        words = _lower(clause)
        for start, lead in enumerate(words, start=1):
            for size in (1, 2) if lead in _LEADS else ():
                phrase = tuple(words[start : start + size])
                if len(phrase) == size and all(map(_is_content, phrase)):
                    yield phrase


def _lower(text: str) -> list[str]:
    return [found[0].lower().replace("’", "'").removesuffix("'s") for found in _WORD.finditer(text)]


def _is_content(word: str) -> bool:
    return len(word) > 2 and word not in _STOPWORDS and not word.endswith("ly")
