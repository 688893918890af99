"""What a search for personal data or secrets reports: a kind, and where it stands."""

from dataclasses import dataclass
from typing import Final

# What our own searches find.
KINDS: Final = ("EMAIL", "PHONE", "IBAN", "CARD", "IP", "KEY")


@dataclass(frozen=True)
class Finding:
    """`text[start:end]` is of this kind, which is also the name of its placeholder: <EMAIL>."""

    kind: str
    start: int
    end: int
