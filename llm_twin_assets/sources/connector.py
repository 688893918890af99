"""What every source is to the platform: it lists its items, fetches one's bytes, and parses them.

Listing is cheap: a mark (a file's size and time, an ETag, a blob's id) tells what changed without
reading it. Only what changed is fetched, and only bytes that changed are parsed.
"""

from dataclasses import dataclass
from typing import Protocol

from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.reading import Entry, Refused


class Unreachable(Refused):
    """A source or an item cannot be had just now; what is known of it stays as it was."""

    def __init__(self, detail: str) -> None:
        super().__init__(Reason.UNREACHABLE, detail)


@dataclass(frozen=True)
class Item:
    """One thing that a source holds, not read yet: a file, a page, a blob of a repository.

    `name` is unique among a source's items and the same on every machine. Equal marks promise equal
    bytes; None where nothing is known without reading.
    """

    name: str
    mark: str | None


class Connector(Protocol):
    """One source. Every method raises Refused for what cannot be had, and Unreachable for now."""

    # Whether a document stays although its source no longer lists it, as feeds forget old entries.
    keeps_vanished: bool

    def items(self) -> list[Item]:
        """What the source holds now, in a repeatable order."""

    def fetch(self, item: Item) -> bytes:
        """The bytes of an item."""

    def parse(self, item: Item, data: bytes) -> list[Entry]:
        """The documents in an item's bytes, not parsed themselves yet."""
