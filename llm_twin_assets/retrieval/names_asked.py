"""How a question may name the authors, platforms and kinds that are in the index, as patterns."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

# Platforms that are a mere place on disk or the web: nobody means them by the word.
_NO_PLATFORMS: Final = {"web", "folder", "jsonl", "git", "file", "files", "local", "www", "com", "org", "net"}
_KINDS: Final = {
    "article": ("article", "articles"),
    "post": ("post", "posts"),
    "repository": ("repository", "repositories", "repo", "repos", "code", "codebase", "codebases"),
}
_SUFFIXES: Final = {"jr", "sr", "ii", "iii", "iv", "phd", "md"}
NOTHING: Final = "(?!)"

Names = dict[str, str]


def author_names(authors: Iterable[str]) -> Names:
    """Each way to write an author, with the author; a way that two authors share is left out.

    Full name, first and last name, initials and last name, and the last name alone.
    """
    ways = [(way, author) for author in authors for way in _ways(author)]
    shared = Counter(way.casefold() for way, _ in ways)
    return {way: author for way, author in ways if shared[way.casefold()] == 1}


def platform_names(platforms: Iterable[str]) -> Names:
    """Each way to write a platform, in lower case: the value, and for a host ("a.b.com") its labels."""
    ways = [(way, platform) for platform in platforms for way in _labels(platform)]
    shared = Counter(way for way, _ in ways)
    return {way: platform for way, platform in ways if shared[way] == 1}


def kind_names(kinds: Iterable[str]) -> Names:
    """Each way to write a kind, in lower case: singular, plural, and what repositories are called."""
    ways = [(way, kind) for kind in kinds for way in _forms(kind.strip().lower())]
    shared = Counter(way for way, _ in ways)
    return {way: kind for way, kind in ways if shared[way] == 1}


def one_of(names: Iterable[str]) -> str:
    """A pattern for any of the names as whole words, the longest first; one that never matches for none."""
    written = sorted((_spaced(name) for name in names if name.strip()), key=lambda name: (-len(name), name))
    return rf"(?<!\w)(?:{'|'.join(written)})(?!\w)" if written else NOTHING


def author_pattern(names: Names) -> str:
    """As `one_of`: a full name in any case, a single word with its capital only."""
    full = one_of(name for name in names if " " in name)
    last = [each for name in names if " " not in name for each in {name, name.upper()} if not name.islower()]
    return rf"(?:(?i:{full})|{one_of(last)}(?! [A-Z]))"


def _spaced(name: str) -> str:
    return r"\s+".join(re.escape(word) for word in name.split())


def _ways(author: str) -> set[str]:
    words = [word for word in author.replace(",", " ").split() if word.strip(".").lower() not in _SUFFIXES]
    if len(words) < 2:
        return {author.strip()} - {""}
    *firsts, last = words
    initials = [f"{first[0]}." for first in firsts]
    return {
        " ".join(author.split()),
        " ".join(words),
        f"{firsts[0]} {last}",
        f"{' '.join(initials)} {last}",
        f"{''.join(initials)} {last}",
        last,
    }


def _labels(platform: str) -> set[str]:
    whole = platform.strip().lower()
    labels = whole.split(".")[:-1] if "." in whole else []
    return {way for way in (whole, *labels) if len(way) > 2} - _NO_PLATFORMS


def _forms(kind: str) -> set[str]:
    if not kind:
        return set()
    plural = f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"
    return {kind, plural, *_KINDS.get(kind, ())}
