"""The YAML block that may open a document."""

from typing import Any

import yaml

from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.reading import Refused

KEYS = ("title", "author", "date", "platform", "kind", "url", "language")
_ABSENT = ("", "null", "Null", "NULL", "~")


def split_front_matter(text: str) -> tuple[dict[str, str], str]:
    """The known keys that stand in the front matter, and the text after it; raises Refused.

    Values are taken as they are written (`title: 1984` is a title), other keys are left alone.
    """
    first, _, rest = text.partition("\n")
    if first.rstrip() != "---":
        return {}, text
    head, body = _cut(rest)
    loaded = _load(head)
    return {key: value for key in KEYS if (value := _value(key, loaded.get(key)))}, body


def _cut(rest: str) -> tuple[str, str]:
    start = 0
    for line in rest.split("\n"):
        if line.rstrip() in ("---", "..."):
            return rest[:start], rest[start + len(line) + 1 :]
        start += len(line) + 1
    raise _broken("the block opened by --- on line 1 is never closed: add a line --- after it")


def _load(head: str) -> dict[Any, Any]:
    try:
        # The base loader makes no dates, numbers or booleans of what an author wrote.
        loaded = yaml.load(head, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 2}: " if mark else ""
        raise _broken(f"{line}{getattr(error, 'problem', None) or 'not YAML'}: correct the line") from None
    if loaded and not isinstance(loaded, dict):
        raise _broken("write fields, each as 'name: value', or put an empty line before the first ---")
    return loaded or {}


def _value(key: str, value: object) -> str:
    if value is None or value in _ABSENT:
        return ""
    if not isinstance(value, str):
        raise _broken(f"{key}: write one text here, not a list or fields")
    return value.strip()


def _broken(detail: str) -> Refused:
    return Refused(Reason.BROKEN_FRONT_MATTER, detail)
