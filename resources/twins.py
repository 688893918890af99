"""The twins file: which sources there are, and who was made into a twin by being written there."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


def _is_address(written: str) -> str:
    if not re.match(r"https?://[^\s/]", written):
        raise ValueError(f"{written!r} is no address: it begins with https:// or http://")
    return written


Address = Annotated[Words, AfterValidator(_is_address)]

MENDS = {
    "missing": "add this field",
    "extra_forbidden": "remove it, or correct its spelling",
    "literal_error": "use one of the values named",
    "string_pattern_mismatch": "use lower-case letters, digits, - and _",
    "string_type": "write text here, in quotes if it looks like a number",
    "list_type": "write a list: one line for each item, beginning with '- '",
    "model_type": "write fields here, each as 'name: value'",
    "too_short": "write at least one item",
    "union_tag_invalid": "use one of the values named",
    "union_tag_not_found": "add the field kind",
}


class TwinsFileError(ValueError):
    """A mistake in the twins file: one message with file, line and mend."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Source(_Strict):
    # Who wrote what names no author itself.
    author: Words | None = None


class FileSource(_Source):
    """Files of this machine; `path` is absolute once loaded."""

    kind: Literal["folder", "handbook_export", "jsonl", "linkedin_export", "medium_export"]
    path: Path


class FeedSource(_Source):
    """An RSS or Atom feed."""

    kind: Literal["feed"]
    url: Address


class WebSource(_Source):
    """Pages of websites: the addresses written here, and those of a sitemap that begin with `include`."""

    kind: Literal["web"]
    urls: list[Address] = []
    sitemap: Address | None = None
    include: Address | None = None
    limit: int = Field(1000, ge=1)

    @model_validator(mode="after")
    def _has_pages(self) -> "WebSource":
        if not self.urls and not self.sitemap:
            raise ValueError("no page is named by urls: or sitemap:")
        return self


class GitSource(_Source):
    """A git repository, by its https address or its folder; `include` are globs of paths that narrow it."""

    kind: Literal["git"]
    url: Words
    ref: Words = "HEAD"
    include: list[Words] = []

    @property
    def is_local(self) -> bool:
        """Whether it lies in a folder of this machine."""
        return "://" not in self.url


Source = Annotated[FileSource | FeedSource | WebSource | GitSource, Field(discriminator="kind")]


class Thresholds(_Strict):
    """When new documents, or rows of readers' feedback, are enough for another training of a twin."""

    min_new_words: int = Field(500, ge=0)
    min_feedback: int = Field(20, ge=1)
    cooldown_minutes: int = Field(60, ge=0)


class Twin(_Strict):
    """An author who is made into a twin, under a name that is its partition key.

    `public` are the author's own addresses and numbers that are not redacted from their texts;
    `licence` and `consent` go into the dataset card: under what the texts are used, and who agreed.
    """

    name: Name
    author: Words
    public: list[Words] = []
    licence: Words | None = None
    consent: Words | None = None
    thresholds: Thresholds = Thresholds()


class Twins(_Strict):
    """The whole file; `root` is the folder it lies in.

    `trusted` are the addresses of documents that somebody read and found to hold no injected instruction.
    `questions` is a file of hand-written questions that retrieval is measured by; absolute once loaded.
    """

    root: Path
    questions: Path | None = None
    trusted: list[Words] = []
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
    found = {"sources": _located(path, node, twins), "questions": _questions(path, node, twins)}
    return twins.model_copy(update=found)


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


def _questions(path: Path, node: yaml.Node | None, twins: Twins) -> Path | None:
    if twins.questions is None:
        return None
    absolute = (twins.root / twins.questions).resolve()
    if not absolute.is_file():
        line = _line(node, ("questions",))
        raise TwinsFileError(
            f"{path}:{line}: questions: {twins.questions} does not exist: write a path relative to this file"
        )
    return absolute


def _located(path: Path, node: yaml.Node | None, twins: Twins) -> list[Source]:
    return [_absolute(path, node, twins, position) for position in range(len(twins.sources))]


def _absolute(path: Path, node: yaml.Node | None, twins: Twins, position: int) -> Source:
    """A source whose path, where it has one, starts at the twins file's folder."""
    source = twins.sources[position]
    if isinstance(source, FileSource):
        field, written = "path", str(source.path)
    elif isinstance(source, GitSource) and source.is_local:
        field, written = "url", source.url
    else:
        return source
    absolute = (twins.root / written).resolve()
    if not absolute.exists():
        line = _line(node, ("sources", position, field))
        raise TwinsFileError(
            f"{path}:{line}: sources[{position}].{field}: {written} does not exist: "
            "write a path relative to this file"
        )
    return source.model_copy(update={field: type(getattr(source, field))(absolute)})


def _explain(path: Path, node: yaml.Node | None, error: ValidationError) -> str:
    first = error.errors()[0]
    place = _written(first["loc"])
    if first["type"].startswith("union_tag"):
        place = (*place, "kind")
    name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
    mend = MENDS.get(first["type"], "correct the value")
    return f"{path}:{_line(node, place)}: {name}: {first['msg'].removeprefix('Value error, ')}: {mend}"


def _written(place: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """A place as it stands in the file: without the kind that pydantic puts behind a source's number."""
    return place[:2] + place[3:] if place[:1] == ("sources",) and len(place) > 2 else place


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
