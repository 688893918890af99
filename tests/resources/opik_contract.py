"""Whether Opik takes a body: by the SDK's own types, and by the specification where it is at hand."""

import functools
import json
import types
import typing
import uuid
from pathlib import Path

import pydantic

SPECIFICATION = Path("shared") / "contracts" / "opik-openapi.json"
# For each operation: the types of the fields of its body, as the SDK declares them, and which must be there.
# A name in a list is an SDK type of which the field is a list.
BODIES = {
    ("POST", "/v1/private/traces/batch"): ({"traces": ["TraceWrite"]}, {"traces"}),
    ("POST", "/v1/private/spans/batch"): ({"spans": ["SpanWrite"]}, {"spans"}),
    ("PUT", "/v1/private/traces/feedback-scores"): ({"scores": ["FeedbackScoreBatchItem"]}, {"scores"}),
    ("POST", "/v1/private/traces/{id}/feedback-scores/delete"): (
        {"name": str, "author": str, "source_queue_id": str},
        {"name"},
    ),
    ("POST", "/v1/private/traces/search"): (
        {
            "project_name": str,
            "project_id": str,
            "filters": ["TraceFilterPublic"],
            "last_retrieved_id": str,
            "limit": int,
            "truncate": bool,
            "strip_attachments": bool,
            "exclude": list,
            "from_time": str,
            "to_time": str,
        },
        set(),
    ),
    ("POST", "/v1/private/spans/search"): (
        {
            "trace_id": str,
            "project_name": str,
            "project_id": str,
            "type": str,
            "filters": ["SpanFilterPublic"],
            "limit": int,
            "last_retrieved_id": str,
            "truncate": bool,
            "exclude": list,
            "from_time": str,
            "to_time": str,
        },
        set(),
    ),
    ("POST", "/v1/private/projects/retrieve"): ({"name": str, "includeStats": bool}, {"name"}),
    ("POST", "/v1/private/datasets"): (
        dict.fromkeys(("id", "name", "project_id", "project_name", "type", "visibility", "description"), str)
        | {"tags": list},
        {"name"},
    ),
    ("POST", "/v1/private/datasets/retrieve"): ({"dataset_name": str, "project_name": str}, {"dataset_name"}),
    ("PUT", "/v1/private/datasets/items"): (
        {
            "items": ["DatasetItemWrite"],
            "dataset_name": str,
            "dataset_id": str,
            "project_name": str,
            "project_id": str,
            "batch_group_id": str,
        },
        {"items"},
    ),
    ("POST", "/v1/private/prompts/versions"): (
        {
            "name": str,
            "version": "PromptVersionDetail",
            "template_structure": str,
            "project_id": str,
            "project_name": str,
        },
        {"name", "version"},
    ),
    ("POST", "/v1/private/prompts/versions/retrieve"): (
        {"name": str, "commit": str, "environment": str, "version_number": str, "project_name": str},
        {"name"},
    ),
    ("POST", "/v1/private/experiments"): (
        {
            "id": str,
            "dataset_name": str,
            "project_name": str,
            "name": str,
            "metadata": dict,
            "tags": list,
            "type": str,
            "evaluation_method": str,
            "status": str,
            "experiment_scores": ["ExperimentScoreWrite"],
            "prompt_versions": list,
        },
        {"dataset_name"},
    ),
    ("POST", "/v1/private/experiments/items"): (
        {"experiment_items": ["ExperimentItem"]},
        {"experiment_items"},
    ),
    ("POST", "/v1/private/experiments/finish"): ({"ids": list}, {"ids"}),
}
# What the SDK's own client sends although its types do not name it.
SENT_BESIDES = {"TraceFilterPublic": {"type"}, "SpanFilterPublic": {"type"}}


def without_nulls(value):
    """The same without what is null: the server's parser takes null for absent, and the SDK sends it."""
    if isinstance(value, dict):
        return {name: without_nulls(one) for name, one in value.items() if one is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


def faults(method, path, body):
    """What is wrong with the body of a request to a path of the specification; none where all is well."""
    if (method, path) not in BODIES:
        return []
    if not isinstance(body, dict):
        return ["the body is no JSON object"]
    fields, needed = BODIES[method, path]
    wrong = [f"{name} is missing" for name in needed if name not in body]
    wrong += [f"{name} is not known" for name in body if name not in fields]
    for name in fields.keys() & body.keys():
        wrong += [f"{name}: {fault}" for fault in _value_faults(fields[name], body[name])]
    return wrong + list(_specified(method, path, body))


def _value_faults(wanted, value):
    if isinstance(wanted, list):
        if not isinstance(value, list):
            return ["is no list"]
        return [f"{n}: {fault}" for n, one in enumerate(value) for fault in _sdk_faults(wanted[0], one)]
    if isinstance(wanted, str):
        return _sdk_faults(wanted, value)
    right = isinstance(value, wanted) and not (wanted is int and isinstance(value, bool))
    return [] if right else [f"is no {wanted.__name__}"]


def _sdk_faults(name, value):
    """What the SDK's own type says, taken strictly: no unknown field, and no value outside its choices."""
    from opik.rest_api import types as sdk

    kind = getattr(sdk, name)
    try:
        kind.model_validate(value)
    except pydantic.ValidationError as error:
        return [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
    known = kind.model_fields.keys() | SENT_BESIDES.get(name, set())
    wrong = [f"{field} is not known" for field in value if field not in known]
    for field, told in kind.model_fields.items():
        choices = _choices(told.annotation)
        if choices and field in value and value[field] not in choices:
            wrong.append(f"{field}: {value[field]!r} is none of {sorted(choices)}")
    return wrong


def _choices(annotation):
    """The values that an annotation names, at any depth of its unions."""
    if typing.get_origin(annotation) is typing.Literal:
        return set(typing.get_args(annotation))
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return set().union(*(_choices(part) for part in typing.get_args(annotation)))
    return set()


def is_uuid7(text):
    try:
        return uuid.UUID(text).version == 7
    except (ValueError, TypeError, AttributeError):
        return False


@functools.cache
def specification():
    """Opik's OpenAPI description, where it lies in a folder above; None elsewhere."""
    for folder in Path(__file__).resolve().parents:
        if (folder / SPECIFICATION).is_file():
            return json.loads((folder / SPECIFICATION).read_text())
    return None


@functools.cache
def _validator(method, path):
    import jsonschema_rs

    described = specification()
    operation = described["paths"][path][method.lower()]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    whole = {**schema, "components": described["components"]}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def _specified(method, path, body):
    if specification() is None:
        return []
    return [
        f"{'.'.join(map(str, error.instance_path))}: {error.message[:200]} (specification)"
        for error in _validator(method, path).iter_errors(body)
    ]
