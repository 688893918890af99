"""The chat completions schema of the OpenAI API: the responses."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from llm_twin_assets.contracts import content_hash
from llm_twin_assets.serving.quoting import Citation
from llm_twin_assets.serving.service import Reply, notice

# Signs the link to text[start:end] of a document: of its id, start, end and proof.
Sign = Callable[[str, int, int, str], str]


@dataclass(frozen=True)
class Look:
    """How a reply looks to who asked: under which origin its links are, whether signed, and with usage."""

    origin: str
    sign: Sign | None = None
    include_usage: bool = False


def model(name: str, author: str, release_id: str, index_id: str | None) -> dict[str, Any]:
    """A twin, or one of its releases, as a model, with our own fields beside OpenAI's."""
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": author,
        "notice": notice(author),
        "release_id": release_id,
        "index_id": index_id,
    }


def model_list(models: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The list of models that can be asked."""
    return {"object": "list", "data": list(models)}


def completion(reply: Reply, look: Look) -> dict[str, Any]:
    """A whole chat completion, with our own fields beside OpenAI's."""
    message = {
        "role": "assistant",
        "content": reply.answer.text,
        "refusal": None,
        "annotations": annotations(reply, look),
    }
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason(reply)}
    head = _head(reply.trace_id, reply.twin, "chat.completion")
    return {**head, "choices": [choice], "usage": usage(reply), **reply.about()}


def opening(trace_id: str, twin: str) -> dict[str, Any]:
    """The first chunk of a stream, before anything is known."""
    return _chunk(trace_id, twin, {"role": "assistant", "content": ""})


def piece(trace_id: str, twin: str, text: str) -> dict[str, Any]:
    """A chunk with the next piece of the text."""
    return _chunk(trace_id, twin, {"content": text})


def closing(reply: Reply, look: Look) -> list[dict[str, Any]]:
    """The last chunks of a stream: citations and ids, then the usage where it was asked for."""
    noted = {"annotations": annotations(reply, look)}
    last = _chunk(reply.trace_id, reply.twin, noted, finish_reason(reply))
    chunks = [last | reply.about()]
    if look.include_usage:
        head = _head(reply.trace_id, reply.twin, "chat.completion.chunk")
        chunks.append({**head, "choices": [], "usage": usage(reply)})
    return chunks


def finish_reason(reply: Reply) -> str:
    """Why the answer ends where it does."""
    return "length" if reply.answer.cut else "stop"


def usage(reply: Reply) -> dict[str, int]:
    """Tokens that the model read and wrote."""
    read, wrote = reply.answer.prompt_tokens, reply.answer.completion_tokens
    return {"prompt_tokens": read, "completion_tokens": wrote, "total_tokens": read + wrote}


def annotations(reply: Reply, look: Look) -> list[dict[str, Any]]:
    """OpenAI's url_citation for each quotation: where it stands in the answer, and a page that shows it.

    Freely generated answers quote nothing, so their sources span the whole answer.
    """
    found, at = [], 0
    for citation in reply.answer.citations:
        start = reply.answer.text.find(citation.quote, at)
        quoted = start >= 0
        at = start + len(citation.quote) if quoted else at
        place = {
            "start_index": start if quoted else 0,
            "end_index": at if quoted else len(reply.answer.text),
            "title": citation.title,
            "url": look.origin + source_path(citation, look.sign),
        }
        found.append({"type": "url_citation", "url_citation": place})
    return found


def source_path(citation: Citation, sign: Sign | None = None) -> str:
    """The address, on this server, of the page that shows a quotation in its document."""
    proof = content_hash(citation.quote)[:12]
    place = f"start={citation.start}&end={citation.end}&proof={proof}"
    if sign is not None:
        place += f"&sig={sign(citation.document_id, citation.start, citation.end, proof)}"
    return f"/sources/{citation.document_id}?{place}#quote"


def failure(message: str, kind: str, code: str | None, param: str | None = None) -> dict[str, Any]:
    """An error body as OpenAI's clients read it."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _chunk(trace_id: str, twin: str, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {**_head(trace_id, twin, "chat.completion.chunk"), "choices": [choice]}


def _head(trace_id: str, twin: str, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{trace_id}", "object": kind, "created": int(time.time()), "model": twin}
