"""Taking secrets out of a text, and what points to a person out of one that leaves this machine."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from resources.opik_settings import opik_key

MASK: Final = "***"
# What follows a name or a scheme that only secrets follow, our own keys, and passwords in addresses.
_SECRETS: Final = (
    re.compile(
        r"(?i)(?P<kept>\b(?:proxy-)?authorization\b\W{0,3}[:=,]\W{0,3}(?:b['\"])?(?:\w+ +)?)[^\s'\",}\]]+"
    ),
    re.compile(r"(?i)(?P<kept>\bx?[-_]?api[-_]?key\b\W{0,3}[:=,]\W{0,3}(?:b['\"])?)[^\s'\",}\]]+"),
    re.compile(r"(?i)(?P<kept>\bbearer\s+)[^\s'\",}\]]{8,}"),
    re.compile(r"(?P<kept>\bltk_)[\w-]+"),
    re.compile(r"(?P<kept>\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+(?=@)"),
)
# E-mail addresses, and numbers of nine digits and more that are written as telephone numbers are.
_PERSONAL: Final = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|(?<![\w.-])(?!\d{4}-\d\d-\d\d)\+?\(?\d(?:[ ()/-]{0,2}\d){8,}(?![\w.-])"
)


class Secrets:
    """Masks the given texts, and whatever only a secret looks like."""

    def __init__(self, hidden: Iterable[str]) -> None:
        # The longest first: one may begin with another.
        texts = sorted({text for text in hidden if text}, key=len, reverse=True)
        self._hidden = re.compile("|".join(map(re.escape, texts))) if texts else None

    def masked(self, text: str) -> str:
        """The text with a mask in the place of each of them."""
        if self._hidden:
            text = self._hidden.sub(MASK, text)
        for pattern in _SECRETS:
            text = pattern.sub(rf"\g<kept>{MASK}", text)
        return text


class Masking(Secrets):
    """Masks e-mail addresses and telephone numbers too: for a text that leaves this machine."""

    def masked(self, text: str) -> str:
        """The text with a mask in the place of each of them."""
        return _PERSONAL.sub(MASK, super().masked(text))


def secrets_of(settings: BaseSettings) -> list[str]:
    """The values of the settings that are secrets, those in lists too, and of Opik's own variable."""
    found = [secret for _, value in settings for secret in _secrets(value)]
    return [*found, *filter(None, [opik_key()])]


def _secrets(value: Any) -> Iterator[str]:
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, SecretStr):
            yield one.get_secret_value()
