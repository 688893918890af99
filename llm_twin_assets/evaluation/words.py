"""The author's own words in a Markdown text, and what of them tells one author from another.

Not the author's words, and dropped: code blocks and inline code, block quotes, headings, table rows, images,
the addresses of links (their words stay), bare URLs, e-mail addresses, HTML tags, formulas and placeholders.
Quotations inside a sentence stay. Straight and curly quotation marks are one mark, and so are all
dashes ("--", "—", " – "): which of them is used is the typesetter's choice more often than the author's.
"""

import re
import statistics
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import Final

from llm_twin_assets.documents.language import prose_of
from llm_twin_assets.sources.markdown import headings, lines

# Words that say little by themselves: pronouns, articles, prepositions, conjunctions, auxiliaries and
# adverbs of degree, place and stance, after Mosteller and Wallace, Inference and Disputed Authorship (1964).
_WORDS = """
a about above after again against ago all almost alone along already also although always am among an and
another any anybody anyone anything are around as at away back be because been before behind being below
beneath beside besides between beyond both but by can cannot could did do does doing done down during each
either else enough even ever every everyone everything except far few for from further had has have having
he hence her here hers herself him himself his how however i if in indeed inside instead into is it its
itself just least less like little many may me might mine more moreover most much must my myself near
neither never nevertheless next no nobody none nor not nothing now of off often on once one only onto or
other others otherwise ought our ours ourselves out outside over own perhaps quite rather really same
shall she should simply since so some somebody someone something sometimes somewhat somewhere still such
than that the thee their theirs them themselves then there therefore these they this those thou though
through throughout thus till to together too toward towards under unless until up upon us very was we well
were what whatever when whenever where wherever whether which while who whole whom whose why will with
within without would yes yet you your yours yourself
"""
FUNCTION_WORDS: Final = tuple(_WORDS.split())
_MARKS: Final = {
    "comma": re.compile(","),
    "semicolon": re.compile(";"),
    "colon": re.compile(r":(?!\w)"),
    "question": re.compile(r"\?"),
    "exclamation": re.compile("!"),
    "dash": re.compile(r"—|(?<=\s)[–-](?=\s)|--+|(?<=[^\W\d_])–(?=[^\W\d_])"),
    "hyphen": re.compile(r"(?<=[^\W\d_])[-‐‑](?=[^\W\d_])"),
    "bracket": re.compile(r"\("),
    "quotation": re.compile(r"[\"“”„«»]|(?<!\w)['‘](?=\w)"),
    "ellipsis": re.compile(r"…|\.{3}"),
    "contraction": re.compile(
        r"(?:n['’]t|['’](?:m|re|ve|ll|d)|\b(?:it|that|there|here|he|she|what|who|where|how|let)['’]s)\b", re.I
    ),
    "possessive": re.compile(
        r"(?<!\bit)(?<!\bhe)(?<!\bshe)(?<!\bthat)(?<!\bthere)(?<!\bwhat)(?<!\blet)['’]s\b", re.I
    ),
}
_LENGTHS: Final = ("sentence_mean", "sentence_spread", "short_sentences", "long_sentences", "paragraph_mean")
FEATURES: Final = (*FUNCTION_WORDS, *_MARKS, *_LENGTHS)
_SHORT, _LONG = 8, 30

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_SENTENCE = re.compile(r"\S.*?(?:[.!?…]+[\"”’')\]]*(?=\s+[\"“‘'(\[]*[A-Z0-9])|\Z)")
_LINK = re.compile(r"(!?)\[([^\]\n]*)\](?:\([^)\n]*\)|\[[^\]\n]*\])")
_REFERENCE = re.compile(r" {0,3}\[[^\]\n]+\]:\s*\S+.*")
_MARKER = re.compile(r"^[ \t]*(?:[-*+•][ \t]+|\d+[.)][ \t]+)+", re.M)
_EMPHASIS = re.compile(r"(?<!\\)(?:\*+|~~|(?<!\w)_+|_+(?!\w))|\\(?=[^\w\s])")


class TooLittleText(ValueError):
    """There are fewer words than a measure of style needs; the message says how many there are."""


def own_words(text: str) -> str:
    """A Markdown text's prose by its author, one paragraph or list item a line; see above what is dropped."""
    kept = unicodedata.normalize("NFKC", "\n".join(_written(text)))
    kept = _LINK.sub(lambda link: "" if link[1] else link[2], kept)
    kept = _EMPHASIS.sub("", _MARKER.sub("", prose_of(kept)))
    return "\n".join(line for line in map(str.strip, kept.split("\n")) if _WORD.search(line))


def tokens(text: str) -> list[str]:
    """The words of a text in lower case, with straight apostrophes; figures are none, hyphens part words."""
    return [match[0].lower().replace("’", "'") for match in _WORD.finditer(text)]


def sentences(prose: str) -> Iterator[str]:
    """The sentences of prose as `own_words` gives it; a line's end ends one."""
    for line in prose.split("\n"):
        yield from (match[0] for match in _SENTENCE.finditer(line))


def features(prose: str) -> list[float]:
    """One number for each of FEATURES, of prose as `own_words` gives it, with at least one word.

    Function words and marks: how many for each word of the text. Lengths: mean and standard deviation of the
    words in a sentence, shares of sentences up to 8 and from 30 words, mean words in a paragraph.
    """
    words = tokens(prose)
    counts = Counter(words)
    marks = (sum(1 for _ in mark.finditer(prose)) for mark in _MARKS.values())
    return [
        *(counts[word] / len(words) for word in FUNCTION_WORDS),
        *(count / len(words) for count in marks),
        *_lengths(prose),
    ]


def passages(prose: str, size: int) -> Iterator[str]:
    """Prose as `own_words` gives it, cut after the sentence that makes a passage at least `size` words long.

    What is left at the end is left out, except that prose with fewer words is one passage.
    """
    taken, count, cut = "", 0, False
    for line in prose.split("\n"):
        taken += "\n"
        for sentence in sentences(line):
            taken, count = f"{taken} {sentence}", count + len(tokens(sentence))
            if count >= size:
                yield _tidied(taken)
                taken, count, cut = "", 0, True
    if count and not cut:
        yield _tidied(taken)


def _tidied(passage: str) -> str:
    return "\n".join(line.strip() for line in passage.split("\n") if line.strip())


def _lengths(prose: str) -> list[float]:
    found = [count for sentence in sentences(prose) if (count := len(tokens(sentence)))]
    return [
        statistics.fmean(found),
        statistics.pstdev(found),
        sum(count <= _SHORT for count in found) / len(found),
        sum(count >= _LONG for count in found) / len(found),
        sum(found) / len(prose.split("\n")),
    ]


def _written(text: str) -> Iterator[str]:
    """The lines without code, headings, link addresses and block quotes; an empty one in each one's place."""
    titles = {at for title in headings(text) for at in range(title.start, title.end + 1)}
    quoted = False
    for line in lines(text):
        # A quote goes on, with or without its mark, to the next empty line.
        quoted = not line.code and bool(line.text.strip()) and (quoted or line.text.lstrip().startswith(">"))
        left = line.code or quoted or line.start in titles or _REFERENCE.fullmatch(line.text)
        yield "" if left else line.text
