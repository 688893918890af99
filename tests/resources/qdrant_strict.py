"""What a Qdrant server refuses: a body of another shape, and what strict mode forbids, in its own words."""

from pydantic import BaseModel, TypeAdapter, ValidationError
from qdrant_client import models


class Refusal(Exception):
    """An answer that is not 200."""

    def __init__(self, status, words):
        super().__init__(words)
        self.status = status


def bad(words):
    return Refusal(400, f"Bad request: {words}")


def unindexed(key, kind):
    return bad(
        f'Index required but not found for "{key}" of one of the following types: [{kind}]. '
        "Help: Create an index for this key or use a different filter."
    )


def too_much(value, most, name):
    return bad(
        f'Limit exceeded {value} > {most} for "{name}". '
        f'Help: Reduce the "{name}" parameter to or below {most}.'
    )


def parsed(model, body):
    try:
        return TypeAdapter(model).validate_python(body)
    except ValidationError as error:
        raise bad(f"Format error in JSON body: {error}") from error


def conditions(found):
    """Every condition on a payload key, wherever in a body it stands."""
    if isinstance(found, models.FieldCondition):
        yield found
    elif isinstance(found, BaseModel):
        for name in type(found).model_fields:
            yield from conditions(getattr(found, name))
    elif isinstance(found, list):
        for one in found:
            yield from conditions(one)


def enforce(kept, wanted, limits, rule="unindexed_filtering_retrieve"):
    """Refuse what the strict mode of a collection forbids."""
    if kept.strict is None or not kept.strict.enabled:
        return
    if getattr(kept.strict, rule) is False:
        for condition in conditions(wanted):
            kind = "datetime" if condition.range is not None else "keyword"
            if condition.key not in kept.indexes or kept.indexes[condition.key].type.value != kind:
                raise unindexed(condition.key, kind)
    for value, most, name in _bounded(wanted, limits, kept.strict):
        if value is not None and most is not None and value > most:
            raise too_much(value, most, name)


def _bounded(wanted, limits, strict):
    yield limits.get("timeout"), strict.max_timeout, "timeout"
    if isinstance(wanted, list):
        for one in wanted:
            yield from _bounded(one, {}, strict)
    elif isinstance(wanted, BaseModel):
        if hasattr(wanted, "limit"):
            yield wanted.limit, strict.max_query_limit, "limit"
        if isinstance(wanted, models.QuantizationSearchParams):
            yield wanted.oversampling, strict.search_max_oversampling, "oversampling"
        for name in type(wanted).model_fields:
            yield from _bounded(getattr(wanted, name), {}, strict)
