"""Personal data and secrets found in a text, and replaced by typed placeholders."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from llm_twin_assets.documents.emails import emails
from llm_twin_assets.documents.finding import Finding
from llm_twin_assets.documents.personal_data import cards, ibans, ips
from llm_twin_assets.documents.phones import phones
from llm_twin_assets.documents.secrets_found import secrets

Search = Callable[[str], list[Finding]]
# Where two overlap, the earlier search keeps it.
_SEARCHES = (secrets, ibans, emails, cards, ips, phones)
_PLACEHOLDER = re.compile("<[A-Z_]{2,40}>")


@dataclass(frozen=True)
class Redacted:
    """A text with placeholders, and how many findings of each kind they stand for."""

    text: str
    counts: dict[str, int]


def findings(text: str, public: Collection[str] = (), more: Search | None = None) -> list[Finding]:
    """The personal data and secrets in a text, in order and apart from each other.

    `public` names what its author publishes and what therefore stays: e-mail addresses, telephone
    numbers, and domains of e-mail addresses as "@example.blog"; case and a number's punctuation
    do not matter. `more` is a further search, whose findings count where none of ours stands.
    """
    taken = bytearray(len(text))
    for placeholder in _PLACEHOLDER.finditer(text):
        taken[placeholder.start() : placeholder.end()] = b"\1" * len(placeholder.group())
    known = {_normal(entry) for entry in public}
    found: list[Finding] = []
    for finding in _candidates(text, more):
        if any(taken[finding.start : finding.end]):
            continue
        taken[finding.start : finding.end] = b"\1" * (finding.end - finding.start)
        if not _is_public(text[finding.start : finding.end], finding.kind, known):
            found.append(finding)
    return sorted(found, key=lambda finding: finding.start)


def redact(text: str, public: Collection[str] = (), more: Search | None = None) -> Redacted:
    """The text with every finding replaced by its placeholder, <EMAIL> or <KEY>; nothing else changes.

    Searched again until nothing is found, because what stood beside a finding may show only now.
    """
    counts: Counter[str] = Counter()
    while found := findings(text, public, more):
        counts.update(finding.kind for finding in found)
        text = _replaced(text, found)
    return Redacted(text, dict(sorted(counts.items())))


def _candidates(text: str, more: Search | None) -> Iterator[Finding]:
    for search in _SEARCHES:
        yield from search(text)
    if more is not None:
        yield from more(text)


def _replaced(text: str, found: list[Finding]) -> str:
    parts, position = [], 0
    for finding in found:
        parts += [text[position : finding.start], f"<{finding.kind}>"]
        position = finding.end
    return "".join([*parts, text[position:]])


def _is_public(words: str, kind: str, known: set[str]) -> bool:
    if kind == "EMAIL":
        return words.casefold() in known or "@" + words.casefold().partition("@")[2] in known
    return kind == "PHONE" and _normal(words) in known


def _normal(entry: str) -> str:
    """An address in lower case, a telephone number as its digits."""
    return entry.casefold() if "@" in entry else re.sub("[^0-9]", "", entry)
