"""What is wrong with an answer that was to conform to a JSON schema.

Checks the part of JSON Schema (2020-12) that the platform writes itself, by pydantic models made of it.
"""

import re
from datetime import date
from typing import Annotated, Any, Final, Literal, Union

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
    create_model,
)

_BOUNDS: Final = {
    "minLength": "min_length",
    "maxLength": "max_length",
    "pattern": "pattern",
    "minItems": "min_length",
    "maxItems": "max_length",
    "minimum": "ge",
    "maximum": "le",
}
_NOTES: Final = {"title", "description", "default", "examples"}
_CHECKED: Final = {
    *_BOUNDS,
    *_NOTES,
    *("type", "enum", "anyOf", "format", "properties", "required", "additionalProperties", "items"),
}
_SIMPLE: Final[dict[str, Any]] = {
    "string": StrictStr,
    "integer": StrictInt,
    "number": StrictInt | StrictFloat,
    "boolean": StrictBool,
    "null": None,
}
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOST_FAULTS: Final = 5


def faults(answer: Any, schema: dict[str, Any]) -> list[str]:
    """What is wrong, one line a fault ("since: Input should be ..."), at most five; empty where it conforms.

    Raises ValueError for a schema that uses something which is not checked here.
    """
    model = create_model("Answer", value=(_type(schema), ...))
    try:
        model.model_validate({"value": answer})
    except ValidationError as error:
        return [_line(fault) for fault in error.errors(include_url=False)[:_MOST_FAULTS]]
    return []


def _line(fault: Any) -> str:
    place = ".".join(str(part) for part in fault["loc"][1:])
    return f"{place or 'the answer'}: {fault['msg']}"


def _type(schema: dict[str, Any]) -> Any:
    """The Python type whose values are those that a schema allows."""
    unknown = set(schema) - _CHECKED
    if unknown:
        raise ValueError(f"an answer's schema uses what is not checked: {', '.join(sorted(unknown))}")
    if "enum" in schema:
        return Literal[tuple(schema["enum"])]
    if "anyOf" in schema:
        return _any_of(schema["anyOf"])
    if isinstance(schema.get("type"), list):
        return _any_of([schema | {"type": each} for each in schema["type"]])
    return _of_one_type(schema)


def _any_of(schemas: list[dict[str, Any]]) -> Any:
    types = tuple(_type(each) for each in schemas)
    return Union[types]  # noqa: UP007 (None | None is no type)


def _of_one_type(schema: dict[str, Any]) -> Any:
    named = schema.get("type")
    if named == "object":
        return _object(schema)
    if named == "array":
        return _bounded(list[_type(schema.get("items", {}))], schema, ("minItems", "maxItems"))  # type: ignore[misc]
    if named == "string" and schema.get("format") == "date":
        return Annotated[StrictStr, AfterValidator(_a_day)]
    if named == "string":
        return _bounded(StrictStr, schema, ("minLength", "maxLength", "pattern"))
    if named in ("integer", "number"):
        return _bounded(_SIMPLE[named], schema, ("minimum", "maximum"))
    return _SIMPLE[named] if named else Any


def _bounded(kind: Any, schema: dict[str, Any], bounds: tuple[str, ...]) -> Any:
    given = {_BOUNDS[bound]: schema[bound] for bound in bounds if bound in schema}
    return Annotated[kind, Field(**given)] if given else kind


def _object(schema: dict[str, Any]) -> type[BaseModel]:
    required = schema.get("required", ())
    fields: dict[str, Any] = {}
    # A property may have a name that no Python attribute can have, so all stand behind an alias.
    for number, (name, each) in enumerate(schema.get("properties", {}).items()):
        default = ... if name in required else None
        fields[f"field_{number}"] = (_type(each), Field(default, alias=name))
    extra: Literal["allow", "forbid"] = "allow" if schema.get("additionalProperties", True) else "forbid"
    made: type[BaseModel] = create_model("Object", __config__=ConfigDict(extra=extra), **fields)
    return made


def _a_day(written: str) -> str:
    if not _DAY.fullmatch(written):
        raise ValueError("should be a day like 2024-03-27")
    date.fromisoformat(written)
    return written
