"""What happened in a replay, one entry an event, as a line for people and as JSON for programs."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

Kind = Literal[
    "scene", "asked", "document", "feedback", "drift", "sensors", "asks_for", "run", "release", "alert"
]
# What is shown of a longer text.
LONGEST: Final = 160


@dataclass(frozen=True)
class Entry:
    """One event: the hour of the replay at which it happened, what it is, and its numbers.

    numbers: what the picture and programs use; plain values.
    """

    hour: int
    kind: Kind
    text: str
    numbers: dict[str, Any] = field(default_factory=dict)

    def as_line(self) -> str:
        """For the terminal."""
        if self.kind == "scene":
            return f"\n== {self.text}"
        return f"hour {self.hour:>3}  {self.kind:<9} {self.text}"

    def as_json(self) -> str:
        """One JSON object on one line."""
        return json.dumps(asdict(self), ensure_ascii=False)


def shortened(text: str) -> str:
    """A text on one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"
