"""What the sources hold at one moment, before anything of it is read."""

import uuid
from dataclasses import dataclass, field

from llm_twin_assets.contracts import digest
from llm_twin_assets.sources.connector import Connector, Item
from llm_twin_assets.sources.reading import Refused

# Names how items become documents: a new rule of any connector is a new name, and all are read again.
READER = "1"


@dataclass(frozen=True)
class Listed:
    """One source and its items; `failure` says why they could not be listed.

    `declaration` is all that the twins file says about how its documents are read.
    """

    name: str
    declaration: str
    connector: Connector
    items: list[Item] = field(default_factory=list)
    failure: Refused | None = None

    def stamp(self, item: Item) -> str | None:
        """Equal stamps promise equal rows; None where nothing is known without reading."""
        return None if item.mark is None else digest(READER, self.declaration, item.mark)


@dataclass(frozen=True)
class Listing:
    """Every source as it was found."""

    sources: list[Listed]

    @property
    def count(self) -> int:
        """How many items there are."""
        return sum(len(listed.items) for listed in self.sources)

    def version(self) -> str:
        """Equal exactly where nothing changed; what has no stamp must be read each time."""
        stamps = [
            (listed.name, item.name, listed.stamp(item)) for listed in self.sources for item in listed.items
        ]
        unknown = any(stamp is None for *_, stamp in stamps) or any(each.failure for each in self.sources)
        return digest(stamps, uuid.uuid4().hex if unknown else "")


def listed(name: str, declaration: str, connector: Connector) -> Listed:
    """A source, asked what it holds."""
    try:
        return Listed(name, declaration, connector, connector.items())
    except Refused as failure:
        return Listed(name, declaration, connector, failure=failure)
