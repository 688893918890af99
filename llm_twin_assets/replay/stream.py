"""What a replay plays: JSON lines, each one event.

    {"scene": "a shift of topic"}                                a heading of the timeline
    {"ask": "Why?", "thread": "t1"}                              a question; the thread may be left out
    {"feedback": {"value": 1, "comment": "", "correction": ""}}  on the answer before it; at least one of them
    {"document": {"title": "T", "text": "..."}}                  a new document; or {"path": "file.md"}
    {"hour": 1}                                                  so many hours pass, and all is looked at

Questions that follow one another are asked together.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class StreamError(ValueError):
    """A mistake in a stream: one message with file, line and mend."""


class _Event(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Scene(_Event):
    """What comes next, in words."""

    scene: Words


class Ask(_Event):
    """A question; without a thread it is a conversation of its own."""

    ask: Annotated[Words, Field(max_length=4000)]
    thread: Annotated[Words, Field(max_length=64)] | None = None


class Said(_Event):
    """What a reader says of an answer, as `POST /feedback` takes it."""

    value: Literal[-1, 0, 1] | None = None
    comment: Words | None = None
    correction: Words | None = None

    @model_validator(mode="after")
    def _something(self) -> "Said":
        if self == Said.model_construct():
            raise ValueError("nothing is said: give a value (1, -1 or 0), a comment or a correction")
        return self


class Feedback(_Event):
    """Said of the last answer before it."""

    feedback: Said


class NewDocument(_Event):
    """A file beside the stream, or a title and a text in Markdown."""

    path: Path | None = None
    title: Words | None = None
    text: Words | None = None

    @model_validator(mode="after")
    def _whole(self) -> "NewDocument":
        if (self.path is None) == (self.title is None) or (self.title is None) != (self.text is None):
            raise ValueError("give a path, or a title and a text")
        return self


class Add(_Event):
    """The author has written something."""

    document: NewDocument


class Hours(_Event):
    """So many hours pass; then monitoring is due."""

    hour: Annotated[int, Field(ge=1, le=1000)]


Event = Scene | Ask | Feedback | Add | Hours
KINDS: Final[dict[str, type[Event]]] = {
    "scene": Scene,
    "ask": Ask,
    "feedback": Feedback,
    "document": Add,
    "hour": Hours,
}


def read_stream(path: Path) -> list[Event]:
    """The events of a file, paths made absolute; raises StreamError naming file, line and mend."""
    try:
        # Not splitlines: a question may hold other signs that end a line.
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise StreamError(f"{path}: cannot be read ({error})") from None
    return list(_in_order(path, lines))


def written(events: Iterable[Event]) -> str:
    """Events as the lines that `read_stream` reads."""
    kept = (event.model_dump(mode="json", exclude_none=True) for event in events)
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in kept)


def _in_order(path: Path, lines: list[str]) -> Iterator[Event]:
    answered = False
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        event = _event(f"{path}:{number}", line, path.parent)
        if isinstance(event, Feedback) and not answered:
            raise StreamError(f"{path}:{number}: feedback: nothing was answered yet: ask something before it")
        answered = answered or isinstance(event, Ask)
        yield event


def _event(place: str, line: str, folder: Path) -> Event:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise StreamError(f"{place}: not valid JSON ({error}): write one object on a line") from None
    kind = _kind(place, found)
    try:
        event = KINDS[kind](**found)
    except ValidationError as error:
        raise StreamError(f"{place}: {_explained(error)}") from None
    return _located(place, event, folder)


def _kind(place: str, found: Any) -> str:
    kinds = [name for name in KINDS if isinstance(found, dict) and name in found]
    if len(kinds) != 1:
        raise StreamError(f"{place}: write an object with one of the fields {', '.join(KINDS)}")
    return kinds[0]


def _explained(error: ValidationError) -> str:
    first = error.errors()[0]
    field = ".".join(map(str, first["loc"]))
    mend = "remove it, or correct its spelling" if first["type"] == "extra_forbidden" else "correct the value"
    return f"{field}: {first['msg'].removeprefix('Value error, ')}: {mend}"


def _located(place: str, event: Event, folder: Path) -> Event:
    if not isinstance(event, Add) or event.document.path is None:
        return event
    path = folder.absolute() / event.document.path
    if not path.is_file():
        raise StreamError(
            f"{place}: document.path: {event.document.path} does not exist: "
            "write a path relative to the stream's file"
        )
    return Add(document=NewDocument(path=path))
