"""Whether a value is a real secret: random characters or a password, not a name and not a gap to fill."""

import math
import re
from collections import Counter

_PLACEHOLDER = re.compile(
    r"your|example|change[_-]?me|placeholder|dummy|insert|replace|redacted|todo|environ|getenv|[x]{4,}|[*•]{3,}"
    r"|\.{3}|…|[<>{}()\[\]]|\A\$|%s|\A[\W_]*\Z",
    re.IGNORECASE,
)
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[a-z]+(?:_[a-z]+){2,}")
_NAMES = """a access admin api app auth client default demo fake foo bar guest hf key local my none null
    openai pass passwd password postgres private pwd root sample secret secure string test token user
    username"""
_COMMON = frozenset(_NAMES.split())
_PATH = re.compile(r"\w*://|[~.]{0,2}/[a-z]+/")
# A word or several in camel case with a number behind, or a number with a unit: v2, MiniLM, 7b.
_WORD = re.compile(r"[a-z]*(?:[A-Z]+[a-z]{2,})*[A-Z]*[a-z]?[0-9]{0,4}|[0-9]+[A-Za-z]{0,2}")
_MIN_ENTROPY = 3.0
_MIN_RANDOM = 16
_MIN_PASSWORD = 6


def entropy(value: str) -> float:
    """Shannon's entropy of the characters of a value, in bits a character."""
    counts = Counter(value).values()
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts)


def is_placeholder(value: str) -> bool:
    """Whether a value stands for one: YOUR_API_KEY, <token>, xxxx, ${VAR}, my-secret-token."""
    words = re.split(r"[\s_.-]+", value.lower())
    named = all(word in _COMMON or word.isdigit() or not word for word in words)
    return named or bool(_PLACEHOLDER.search(value)) or bool(_VARIABLE.fullmatch(value))


def is_issued(value: str) -> bool:
    """Whether a value with a vendor's prefix was issued by it: no placeholder, a digit, 3 bits a letter."""
    issued = any(letter.isdigit() for letter in value) and entropy(value) >= _MIN_ENTROPY
    return issued and not is_placeholder(value)


def is_random(value: str) -> bool:
    """Whether a value is a key or token: 16 characters, 3 bits each, letters and digits mixed in one part."""
    mixed = any(not _WORD.fullmatch(part) for part in re.split("[^A-Za-z0-9]+", value))
    shaped = len(value) >= _MIN_RANDOM and mixed and not _PATH.match(value)
    return shaped and is_issued(value) and any(letter.isalpha() for letter in value)


def is_password(value: str) -> bool:
    """Whether a value in quotes is a password: 6 characters or more, letters with digits or marks."""
    letters = any(letter.isalpha() for letter in value)
    others = any(letter.isdigit() or letter in "!@#$%^&*?+=" for letter in value)
    shaped = len(value) >= _MIN_PASSWORD and letters and others and not _PATH.match(value)
    return shaped and not is_placeholder(value)
