"""A request held against botocore's own model of a service: what the API would refuse, in words."""

import re
from functools import cache

import botocore.session
from botocore.validate import ParamValidator

# Python's own classes stand for the Unicode ones of Java's, and its letters for pairs of surrogates.
JAVA = {
    r"\p{Print}": "[ -~]",
    r"\p{L}": r"\w",
    r"\p{Z}": r"\s",
    r"\p{N}": r"\d",
    r"\uD800\uDC00-\uDBFF\uDFFF": r"\U00010000-\U0010FFFF",
}


@cache
def service(name):
    return botocore.session.get_session().get_service_model(name)


@cache
def _pattern(written):
    for java, python in JAVA.items():
        written = written.replace(java, python)
    return re.compile(written)


def faults(name, operation, body):
    """Everything in a body that the model of this operation does not allow."""
    shape = service(name).operation_model(operation).input_shape
    if shape is None:
        return []
    report = ParamValidator().validate(body, shape)
    if report.has_errors():
        return [report.generate_report()]
    return list(_beyond(body, shape, ""))


def _beyond(value, shape, where):
    """What botocore's validator leaves to the service: patterns, enums, lengths and ranges."""
    for one, of, there in _inner(value, shape, where):
        yield from _beyond(one, of, there)
    if shape.type_name in ("list", "map"):
        yield from _size(len(value), shape, where, "entries")
    elif shape.type_name == "string":
        yield from _text(value, shape, where)
    elif shape.type_name in ("integer", "long", "float", "double"):
        yield from _size(value, shape, where, "")


def _inner(value, shape, where):
    """The parts of a value, with their shapes and places."""
    if shape.type_name == "structure":
        return [(one, shape.members[key], f"{where}.{key}") for key, one in value.items()]
    if shape.type_name == "list":
        return [(one, shape.member, f"{where}[{number}]") for number, one in enumerate(value)]
    if shape.type_name == "map":
        keys = [(key, shape.key, f"{where}.{key}") for key in value]
        return keys + [(one, shape.value, f"{where}.{key}") for key, one in value.items()]
    return []


def _text(value, shape, where):
    yield from _size(len(value), shape, where, "characters")
    if shape.enum and value not in shape.enum:
        yield f"{where}: {value!r} is none of its values"
    pattern = shape.metadata.get("pattern")
    if pattern and not _pattern(pattern).fullmatch(value):
        yield f"{where}: {value!r} does not match {pattern}"


def _size(size, shape, where, of):
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield f"{where}: {size} {of} are fewer than {least}"
    if most is not None and size > most:
        yield f"{where}: {size} {of} are more than {most}"
