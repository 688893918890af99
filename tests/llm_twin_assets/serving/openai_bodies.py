"""What OpenAI's API takes as a chat completion request (platform.openai.com/docs/api-reference/chat)."""

import re

ROLES = ("system", "user", "assistant")
OPTIONS = {
    *("model", "messages", "temperature", "top_p", "max_tokens", "seed", "stop"),
    *("stream", "stream_options", "response_format"),
}
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def fault(body, with_model=True):
    """What is wrong with a chat completion request, None where a real server would take it."""
    if not isinstance(body, dict) or set(body) - OPTIONS:
        return f"unknown options: {sorted(set(body) - OPTIONS)}"
    if with_model and not (isinstance(body.get("model"), str) and body["model"]):
        return "model must be a string"
    checks = (_messages, _numbers, _stream, _stop, _form)
    return next((wrong for check in checks if (wrong := check(body))), None)


def _messages(body):
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        return "messages must be a list"
    for message in messages:
        if set(message) != {"role", "content"} or message["role"] not in ROLES or not message["content"]:
            return "a message has a role and content"
    return None if messages[-1]["role"] == "user" else "the last message must be the user's"


def _number(value, least, most, kind=(int, float)):
    return isinstance(value, kind) and not isinstance(value, bool) and least <= value <= most


def _numbers(body):
    for name, least, most, kind in (
        ("temperature", 0, 2, (int, float)),
        ("top_p", 1e-9, 1, (int, float)),
        ("max_tokens", 1, 4096, int),
        ("seed", -(2**63), 2**63 - 1, int),
    ):
        if name in body and not _number(body[name], least, most, kind):
            return f"{name} is out of range"
    return None


def _stream(body):
    if not isinstance(body.get("stream", False), bool):
        return "stream must be true or false"
    options = body.get("stream_options")
    if options is not None and not body.get("stream"):
        return "stream_options needs stream"
    if options is not None and options not in ({"include_usage": True}, {"include_usage": False}):
        return "stream_options is malformed"
    return None


def _stop(body):
    stop = body.get("stop", ["x"])
    good = isinstance(stop, list) and 1 <= len(stop) <= 4 and all(isinstance(s, str) and s for s in stop)
    return None if good else "stop has one to four strings"


def _form(body):
    form = body.get("response_format")
    if form is None:
        return None
    if (
        not isinstance(form, dict)
        or form.get("type") != "json_schema"
        or set(form) != {"type", "json_schema"}
    ):
        return "response_format is malformed"
    named = form["json_schema"]
    if set(named) != {"name", "schema", "strict"} or not NAME.fullmatch(named["name"]):
        return "json_schema needs a name, a schema and strict"
    schema = named["schema"]
    whole = schema.get("type") == "object" and schema.get("additionalProperties") is False
    if not whole or set(schema.get("required", ())) != set(schema.get("properties", {})):
        return "a strict schema requires all of its properties and no other"
    return None
