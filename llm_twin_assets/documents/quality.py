"""Whether a cleaned document is prose worth learning from, by named rules with published limits.

The rules are Gopher's (Rae et al. 2021, arXiv 2112.11446, table A1), kept by FineWeb (Penedo et al.
2024, arXiv 2406.17557), and two of C4's (Raffel et al. 2020, arXiv 1910.10683). They were made for
web pages; here they judge prose only: code, tables, URLs and formulas are dropped first, so that
writing about software does not fail for its code.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from llm_twin_assets.documents.language import count_words, language_of, prose_of
from llm_twin_assets.reasons import Reason

Failure = tuple[Reason, str]

_FEWEST, _FEWEST_SHORT = 50, 5
_SHORTEST_MEAN, _LONGEST_MEAN = 3, 10
_SYMBOLS, _PLACEHOLDERS = 0.1, 0.05
_BULLETS, _ELLIPSES, _ALPHABETIC = 0.9, 0.3, 0.8
_STOP_WORDS = frozenset({"the", "be", "to", "of", "and", "that", "have", "with"})
# Gopher's table A1: share of lines and of letters in repeated lines, in the most frequent n-gram
# (n: limit), and in all n-grams that occur more than once.
_REPEATED_LINES, _REPEATED_LETTERS = 0.3, 0.2
_TOP_NGRAMS = {2: 0.2, 3: 0.18, 4: 0.16}
_REPEATED_NGRAMS = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.1}

_MARKER = re.compile(r"\A[ \t>]*(?:(?:#{1,6}|[-*+•‣▪◦●→↳]|\d+[.)])[ \t]+)*")
_BULLET = re.compile(r"[ \t>]*[-*+•‣▪◦●][ \t]")
_LINK = re.compile(r"!?\[([^\]\n]*)\]\([^)\n]*\)")
_ONLY_LINK = re.compile(r"[\W\d]*!?\[[^\]\n]*\]\([^)\n]*\)\W*")
_ONLY_HASHTAGS = re.compile(r"\s*(?:#\w+\s*)+")
_EMOJI = re.compile(r"[\U0001f000-\U0001faff\u2190-\u21ff\u2600-\u27bf\u2b00-\u2bff\ufe0f\u200d]+")
_LETTER = re.compile(r"[^\W\d_]")
_SYMBOL, _POST_SYMBOL = re.compile(r"#|\.{3}|…"), re.compile(r"#(?!\w)|\.{3}|…")
_LOREM_IPSUM = re.compile(r"\blorem ipsum\b")
_LOREM = re.compile(
    r"\b(?:lorem|ipsum|dolor|sit|amet|consectetur|adipiscing|elit|sed|eiusmod|tempor|incididunt|labore|dolore"
    r"|magna|aliqua|enim|minim|veniam|quis|nostrud|exercitation|ullamco|laboris|nisi|aliquip|commodo|consequat)\b"
)
_STAND_IN = re.compile(
    r"\b(?:(?:your|insert|add|enter|put|type) (?:\w+ ){0,2}(?:text|content|title|description) (?:goes )?here"
    r"|(?:this is )?(?:a )?placeholder text|(?:text|content|description) (?:coming soon|to be added))\b"
)


@dataclass(frozen=True)
class _Page:
    """A document's prose: its lines as written, the same without markers, and their words.

    `passages` are the lines without headings, which a table of contents says again. `words` are
    parted by white space, `letter_words` counts words of letters in every script. `short` says that
    it holds too few words for shares of them to tell anything.
    """

    kind: str
    written: list[str]
    lines: list[str]
    passages: list[str]
    words: list[str]
    letter_words: int
    short: bool
    verse: bool


def failing(text: str, kind: str) -> Failure | None:
    """The first rule that a cleaned document fails, and its figure, limit and mend; else None.

    Source files (kind "repository") are exempt from all rules. Posts, poems (kind "poem") and what
    is set like one need 5 words instead of 50, and below 50 words only the rules that do not
    measure shares of lines and n-grams are asked.
    """
    if kind == "repository":
        return None
    page = _read(text, kind)
    return next((failure for rule in _RULES if (failure := rule(page))), None)


def _read(text: str, kind: str) -> _Page:
    prose = prose_of(text)
    written = [line for line in prose.split("\n") if _is_prose(line)]
    bare = [_LINK.sub(r"\1", _MARKER.sub("", line)).strip() for line in written]
    words = [word for word in " ".join(bare).split() if not _EMOJI.fullmatch(word)]
    count = count_words(" ".join(bare))
    verse = kind == "poem" or _is_verse(prose)
    passages = [text for line, text in zip(written, bare, strict=True) if not line.startswith("#")]
    return _Page(kind, written, bare, passages or bare, words, count, count < _FEWEST, verse)


def _is_prose(line: str) -> bool:
    """Whether a line holds words: no rule, no lone link, no row of hashtags."""
    if not any(letter.isalnum() for letter in line):
        return False
    return not _ONLY_LINK.fullmatch(line) and not _ONLY_HASHTAGS.fullmatch(line)


def _is_verse(prose: str) -> bool:
    """Whether short lines stand below each other in stanzas, as no cleaned paragraph does."""
    stanzas = [
        list(run) for filled, run in groupby(prose.split("\n"), lambda line: bool(line.strip())) if filled
    ]
    verses = [stanza for stanza in stanzas if not stanza[0].startswith("#")]
    found = [line for stanza in verses for line in stanza]
    if len(found) < 3 or any(len(stanza) < 2 for stanza in verses):
        return False
    long = sum(len(line.split()) for line in found) / len(found) >= 3
    return long and all(len(line) <= 60 and not _BULLET.match(line) for line in found)


def _too_few_words(page: _Page) -> Failure | None:
    """At least 50 words (Gopher)."""
    fewest = _FEWEST_SHORT if page.kind == "post" or page.verse else _FEWEST
    if page.letter_words >= fewest:
        return None
    mend = "write more, or say kind: post or kind: poem where it is one"
    return Reason.TOO_FEW_WORDS, f"{page.letter_words} words of prose, at least {fewest} are needed: {mend}"


def _placeholder(page: _Page) -> Failure | None:
    """No "lorem ipsum" (C4), nor another stand-in; an article may speak of them."""
    text = "\n".join(page.lines).lower()
    patterns = [_STAND_IN, *([_LOREM] if _LOREM_IPSUM.search(text) else [])]
    taken = sum(len(match.group().split()) for pattern in patterns for match in pattern.finditer(text))
    share = taken / len(page.words)
    mend = "write the text that belongs there, or remove the document"
    return _above(Reason.PLACEHOLDER_TEXT, "of the words are placeholders", share, _PLACEHOLDERS, mend)


def _word_length(page: _Page) -> Failure | None:
    """A mean word length of 3 to 10 letters (Gopher), in scripts that part words by spaces."""
    mean = sum(map(len, page.words)) / len(page.words)
    unspaced = page.letter_words > 3 * len(page.words)
    if unspaced or _SHORTEST_MEAN <= mean <= _LONGEST_MEAN:
        return None
    mend = "put code and data into code blocks, mend lost spaces, or remove the document"
    limits = f"{_SHORTEST_MEAN} to {_LONGEST_MEAN} is prose"
    return Reason.WORD_LENGTH, f"words of {mean:.1f} letters on average, {limits}: {mend}"


def _symbols(page: _Page) -> Failure | None:
    """At most one # or ellipsis in ten words (Gopher), and one brace: C4's rule, for code outside its blocks.

    A post's hashtags are no symbols.
    """
    text = "\n".join(page.lines)
    symbols = sum(1 for _ in (_POST_SYMBOL if page.kind == "post" else _SYMBOL).finditer(text))
    braces = text.count("{") + text.count("}")
    mend = "put code into code blocks, or take the signs out"
    share = max(symbols, braces) / len(page.words)
    return _above(Reason.SYMBOL_RATIO, "as many signs (#, …, braces) as words", share, _SYMBOLS, mend)


def _bullets(page: _Page) -> Failure | None:
    """At most 90 % of the lines begin with a bullet (Gopher)."""
    share = sum(1 for line in page.written if _BULLET.match(line)) / len(page.written)
    mend = "write sentences around the list, or remove the document"
    return (
        None if page.short else _above(Reason.BULLET_LINES, "of the lines are bullets", share, _BULLETS, mend)
    )


def _ellipses(page: _Page) -> Failure | None:
    """At most 30 % of the lines end with an ellipsis (Gopher): more are teasers of other pages."""
    share = sum(1 for line in page.lines if line.rstrip('*_)]"”’ ').endswith(("...", "…"))) / len(page.lines)
    mend = "take the whole text in place of its teasers, or remove the document"
    said = "of the lines end with an ellipsis"
    return None if page.short else _above(Reason.ELLIPSIS_LINES, said, share, _ELLIPSES, mend)


def _alphabetic(page: _Page) -> Failure | None:
    """At least 80 % of the words hold a letter (Gopher)."""
    share = sum(1 for word in page.words if _LETTER.search(word)) / len(page.words)
    if page.short or share >= _ALPHABETIC:
        return None
    mend = "put figures into a table or a code block, or remove the document"
    return Reason.ALPHABETIC_WORDS, f"{share:.0%} of the words hold a letter, at least 80% must: {mend}"


def _stop_words(page: _Page) -> Failure | None:
    """At least two of eight English stop words (Gopher), where the text is English."""
    found = _STOP_WORDS.intersection(word.lower() for word in page.words)
    if page.short or len(found) >= 2 or language_of("\n".join(page.lines)) != "en":
        return None
    mend = "write sentences in place of keywords, or remove the document"
    return (
        Reason.STOP_WORDS,
        f"{len(found)} of the words {', '.join(sorted(_STOP_WORDS))}, 2 are needed: {mend}",
    )


def _repeated_lines(page: _Page) -> Failure | None:
    """At most 30 % of the lines, and 20 % of the letters in them, stand there before (Gopher)."""
    again = _again(page.passages)
    share = len(again) / len(page.passages)
    letters = sum(map(len, again)) / sum(map(len, page.passages))
    mend = "leave every line once, or remove the document"
    if page.short and page.verse:
        return None
    by_lines = _above(Reason.REPEATED_LINES, "of the lines repeat earlier ones", share, _REPEATED_LINES, mend)
    said = "of the text are repeated lines"
    return by_lines or _above(Reason.REPEATED_LINES, said, letters, _REPEATED_LETTERS, mend)


def _again(items: list[str]) -> list[str]:
    """The items that equal an earlier one."""
    seen: set[str] = set()
    return [item for item in items if item in seen or seen.add(item)]  # type: ignore[func-returns-value]


def _repeated_ngrams(page: _Page) -> Failure | None:
    """No n-gram's letters, nor those of all repeated n-grams, above Gopher's table.

    As in FineWeb's code the first occurrence is not counted, and no letter twice.
    """
    words = " ".join(page.passages).lower().split()
    if page.short or len(words) < _FEWEST:
        return None
    for n, share, limit in _ngram_shares(words):
        mend = "leave every passage once, or remove the document"
        failure = _above(Reason.REPEATED_NGRAMS, f"of the text repeats {n} words", share, limit, mend)
        if failure:
            return failure
    return None


def _ngram_shares(words: list[str]) -> Iterator[tuple[int, float, float]]:
    """(n, share of the letters, limit): first for the most frequent n-grams, then for all repeated ones."""
    letters = sum(map(len, words))
    for n, limit in _TOP_NGRAMS.items():
        gram, count = Counter(zip(*(words[start:] for start in range(n)), strict=False)).most_common(1)[0]
        yield n, count * sum(map(len, gram)) / letters if count > 1 else 0.0, limit
    places = list(range(len(words)))
    for n, limit in _REPEATED_NGRAMS.items():
        # Only where n - 1 words are repeated can n words be.
        grams = {place: tuple(words[place : place + n]) for place in places if place + n <= len(words)}
        counts = Counter(grams.values())
        grams = {place: gram for place, gram in grams.items() if counts[gram] > 1}
        places = list(grams)
        yield n, sum(len(words[place]) for place in _covered(grams, n)) / letters, limit


def _covered(grams: dict[int, tuple[str, ...]], n: int) -> set[int]:
    """The places of the words in n-grams that stood there before."""
    seen: set[tuple[str, ...]] = set()
    places: set[int] = set()
    for place, gram in grams.items():
        if gram in seen:
            places.update(range(place, place + n))
        seen.add(gram)
    return places


def _above(reason: Reason, said: str, share: float, limit: float, mend: str) -> Failure | None:
    if share <= limit:
        return None
    return reason, f"{share:.0%} {said}, at most {limit:.0%} may be: {mend}"


_RULES: Final[tuple[Callable[[_Page], Failure | None], ...]] = (
    _too_few_words,
    _placeholder,
    _word_length,
    _symbols,
    _bullets,
    _ellipses,
    _alphabetic,
    _stop_words,
    _repeated_lines,
    _repeated_ngrams,
)
