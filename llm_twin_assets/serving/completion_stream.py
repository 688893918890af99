"""A streamed chat completion: from its bytes, as server-sent events, to what each chunk says."""

import json
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from llm_twin_assets.serving.engine import Usage

MOST_LINE_BYTES: Final = 1_000_000
DONE: Final = "[DONE]"


class StreamFault(ValueError):
    """The stream is no whole chat completion; the message repeats what the server said."""


@dataclass(frozen=True)
class Chunk:
    """A piece of the answer; `finish` is why it ended and `usage` what it took, each in one chunk."""

    text: str = ""
    finish: str | None = None
    usage: Usage | None = None


# A generator, because closing it is how a request is ended.
Chunks = Generator[Chunk, None, None]


def chunks(pieces: Iterable[bytes]) -> Chunks:
    """The chunks of one completion; raises StreamFault for an error in it, and where it is not whole.

    Form: https://platform.openai.com/docs/api-reference/chat-streaming
    """
    whole = False
    for data in _data(pieces):
        # What follows DONE is read too: only a connection read to its end can be used again.
        if data == DONE:
            whole = True
            continue
        chunk = _chunk(data)
        whole = whole or chunk.finish is not None
        yield chunk
    if not whole:
        raise StreamFault("the stream ended before the answer did")


def _data(pieces: Iterable[bytes]) -> Iterator[str]:
    """What stands after `data:` on each line; a character may be split between two pieces."""
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > MOST_LINE_BYTES:
            raise StreamFault("a line of the stream has no end")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[len(b"data:") :].decode(errors="replace").strip()


def _chunk(data: str) -> Chunk:
    try:
        found = json.loads(data)
        if "error" in found:
            raise StreamFault(json.dumps(found["error"]))
        choices = found.get("choices") or [{}]
        text = (choices[0].get("delta") or {}).get("content") or ""
        return Chunk(str(text), choices[0].get("finish_reason"), _usage(found.get("usage")))
    except StreamFault:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise StreamFault(f"no chunk of a chat completion: {data}") from None


def _usage(counted: Any) -> Usage | None:
    return Usage(int(counted["prompt_tokens"]), int(counted["completion_tokens"])) if counted else None
