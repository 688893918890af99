"""The twins file: which sources there are, and who was made into a twin by being written there."""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]

MENDS = {
    "missing": "add this field",
    "extra_forbidden": "remove it, or correct its spelling",
    "literal_error": "use one of the values named",
    "string_pattern_mismatch": "use lower-case letters, digits, - and _",
    "string_type": "write text here, in quotes if it looks like a number",
    "list_type": "write a list: one line for each item, beginning with '- '",
    "model_type": "write fields here, each as 'name: value'",
    "too_short": "write at least one item",
}


class TwinsFileError(ValueError):
    """A mistake in the twins file: one message with file, line and mend."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Strict):
    """Where documents come from; `path` is absolute once loaded."""

    kind: Literal["folder", "handbook_export"]
    path: Path
    author: Words | None = None


class Thresholds(_Strict):
    """When new documents are enough for another training of a twin."""

    min_new_words: int = Field(500, ge=0)
    cooldown_minutes: int = Field(60, ge=0)


class Twin(_Strict):
    """An author who is made into a twin, under a name that is its partition key."""

    name: Name
    author: Words
    thresholds: Thresholds = Thresholds()


class Twins(_Strict):
    """The whole file; `root` is the folder it lies in."""

    root: Path
    sources: list[Source] = Field(min_length=1)
    twins: list[Twin] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_once(self) -> "Twins":
        names = [twin.name for twin in self.twins]
        for position, name in enumerate(names):
            if name in names[:position]:
                raise _Duplicate(position, name)
        return self

    @property
    def names(self) -> list[str]:
        """The twins' names, in the file's order."""
        return [twin.name for twin in self.twins]

    def twin(self, name: str) -> Twin:
        """The twin of that name; raises TwinsFileError with the names there are."""
        for twin in self.twins:
            if twin.name == name:
                return twin
        raise TwinsFileError(f"no twin is named {name!r}; the twins file has: {', '.join(self.names)}")


class _Duplicate(Exception):
    def __init__(self, position: int, name: str) -> None:
        super().__init__(f"the name {name!r} is used twice: give each twin a name of its own")
        self.position = position


def load_twins(path: Path) -> Twins:
    """Read and check the twins file; raises TwinsFileError naming file, line and mend."""
    node, data = _parse(path)
    if not isinstance(data, dict):
        raise TwinsFileError(f"{path}:1: the file must have the fields 'sources' and 'twins'")
    try:
        twins = Twins(root=path.parent, **{key: value for key, value in data.items() if key != "root"})
    except ValidationError as error:
        raise TwinsFileError(_explain(path, node, error)) from None
    except _Duplicate as error:
        line = _line(node, ("twins", error.position, "name"))
        raise TwinsFileError(f"{path}:{line}: twins[{error.position}].name: {error}") from None
    return twins.model_copy(update={"sources": _located(path, node, twins)})


def _parse(path: Path) -> tuple[yaml.Node | None, Any]:
    try:
        text = path.read_text()
        return yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text)
    except FileNotFoundError:
        raise TwinsFileError(f"{path}: there is no such file; name one with LLM_TWIN_CONFIG") from None
    except (OSError, UnicodeDecodeError) as error:
        raise TwinsFileError(f"{path}: cannot be read ({error})") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or "unreadable"
        raise TwinsFileError(f"{path}:{line}: not valid YAML ({problem}): correct the line") from None


def _located(path: Path, node: yaml.Node | None, twins: Twins) -> list[Source]:
    located = []
    for position, source in enumerate(twins.sources):
        absolute = (twins.root / source.path).resolve()
        if not absolute.exists():
            line = _line(node, ("sources", position, "path"))
            raise TwinsFileError(
                f"{path}:{line}: sources[{position}].path: {source.path} does not exist: "
                "write a path relative to this file"
            )
        located.append(source.model_copy(update={"path": absolute}))
    return located


def _explain(path: Path, node: yaml.Node | None, error: ValidationError) -> str:
    first = error.errors()[0]
    place: tuple[int | str, ...] = first["loc"]
    name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
    mend = MENDS.get(first["type"], "correct the value")
    return f"{path}:{_line(node, place)}: {name}: {first['msg']}: {mend}"


def _line(node: yaml.Node | None, place: tuple[int | str, ...]) -> int:
    """The line (from 1) of the deepest node on the way to a place."""
    line = node.start_mark.line if node else 0
    for part in place:
        found = _child(node, part)
        if found is None:
            break
        line, node = found
    return line + 1


def _child(node: yaml.Node | None, part: int | str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line, node.value[part]
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark.line, value
    return None
