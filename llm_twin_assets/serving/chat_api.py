"""The chat completions schema of the OpenAI API: what is understood of a request, and the responses."""

import time
from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from llm_twin_assets.serving.engine import LoadedTwin
from llm_twin_assets.serving.quoting import Citation
from llm_twin_assets.serving.service import Reply

LONGEST_QUESTION: Final = 4000
# What would change the answer's form: refused rather than silently ignored. Settings of sampling
# (temperature, max_tokens, seed ...) are accepted and have no effect: the release decides how it decodes.
REFUSED: Final = ("tools", "functions", "logprobs", "audio")


class Part(BaseModel):
    """A part of a message; only text can be answered."""

    model_config = ConfigDict(extra="ignore")
    type: Literal["text"]
    text: str


class Message(BaseModel):
    """A message of the conversation."""

    model_config = ConfigDict(extra="ignore")
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        """Its words."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(BaseModel):
    """How to stream."""

    model_config = ConfigDict(extra="ignore")
    include_usage: bool = False


class ChatRequest(BaseModel):
    """A chat completion request; `model` is the twin's name. The last user message is the question."""

    model_config = ConfigDict(extra="allow")
    model: str
    messages: list[Message] = Field(min_length=1)
    stream: bool = False
    stream_options: StreamOptions | None = None
    metadata: dict[str, str] | None = None
    n: int | None = None

    @model_validator(mode="after")
    def _can_be_answered(self) -> "ChatRequest":
        asked = [name for name in REFUSED if (self.model_extra or {}).get(name)]
        if (self.n or 1) != 1:
            asked.append("n")
        if ((self.model_extra or {}).get("response_format") or {"type": "text"}).get("type") != "text":
            asked.append("response_format")
        if asked:
            raise ValueError(f"not supported: {', '.join(asked)}")
        _check_question(self.question)
        return self

    @property
    def question(self) -> str:
        """The words of the last message of the user."""
        said = [message.text.strip() for message in self.messages if message.role == "user"]
        return said[-1] if said else ""

    @property
    def thread_id(self) -> str | None:
        """The conversation of the question, where `metadata` names one; its first 64 characters."""
        thread_id = (self.metadata or {}).get("thread_id")
        return thread_id[:64] if thread_id else None


class RagRequest(BaseModel):
    """A question to a twin."""

    model_config = ConfigDict(extra="forbid")
    query: str
    twin: str

    @model_validator(mode="after")
    def _can_be_answered(self) -> "RagRequest":
        _check_question(self.query.strip())
        return self


def _check_question(question: str) -> None:
    if not question:
        raise ValueError("there is no question: write one as the last user message")
    if len(question) > LONGEST_QUESTION:
        raise ValueError(f"the question has {len(question)} characters, at most {LONGEST_QUESTION} are read")


def models(twins: Mapping[str, LoadedTwin], index_id: str | None) -> dict[str, Any]:
    """The list of models: the twins that can be asked, with our own fields beside OpenAI's."""
    listed = [
        {
            "id": name,
            "object": "model",
            "created": 0,
            "owned_by": loaded.manifest.author,
            "release_id": loaded.manifest.release_id,
            "index_id": index_id,
        }
        for name, loaded in sorted(twins.items())
    ]
    return {"object": "list", "data": listed}


def completion(reply: Reply, origin: str) -> dict[str, Any]:
    """A whole chat completion, with our own fields beside OpenAI's."""
    message = {
        "role": "assistant",
        "content": reply.answer.text,
        "refusal": None,
        "annotations": annotations(reply, origin),
    }
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    head = _head(reply.trace_id, reply.twin, "chat.completion")
    return {**head, "choices": [choice], "usage": usage(reply), **reply.about()}


def opening(trace_id: str, twin: str) -> dict[str, Any]:
    """The first chunk of a stream, before anything is known."""
    return _chunk(trace_id, twin, {"role": "assistant", "content": ""})


def piece(trace_id: str, twin: str, text: str) -> dict[str, Any]:
    """A chunk with the next piece of the text."""
    return _chunk(trace_id, twin, {"content": text})


def closing(reply: Reply, origin: str, include_usage: bool) -> list[dict[str, Any]]:
    """The last chunks of a stream: citations and ids, then the usage where it was asked for."""
    last = _chunk(reply.trace_id, reply.twin, {"annotations": annotations(reply, origin)}, "stop")
    chunks = [last | reply.about()]
    if include_usage:
        head = _head(reply.trace_id, reply.twin, "chat.completion.chunk")
        chunks.append({**head, "choices": [], "usage": usage(reply)})
    return chunks


def usage(reply: Reply) -> dict[str, int]:
    """Tokens that the model read and wrote."""
    read, wrote = reply.answer.prompt_tokens, reply.answer.completion_tokens
    return {"prompt_tokens": read, "completion_tokens": wrote, "total_tokens": read + wrote}


def annotations(reply: Reply, origin: str) -> list[dict[str, Any]]:
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
            "url": origin + source_path(citation),
        }
        found.append({"type": "url_citation", "url_citation": place})
    return found


def source_path(citation: Citation) -> str:
    """The address, on this server, of the page that shows a quotation in its document."""
    from llm_twin_assets.contracts import content_hash

    proof = content_hash(citation.quote)[:12]
    return f"/sources/{citation.document_id}?start={citation.start}&end={citation.end}&proof={proof}#quote"


def failure(message: str, kind: str, code: str | None) -> dict[str, Any]:
    """An error body as OpenAI's clients read it."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _chunk(trace_id: str, twin: str, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {**_head(trace_id, twin, "chat.completion.chunk"), "choices": [choice]}


def _head(trace_id: str, twin: str, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{trace_id}", "object": kind, "created": int(time.time()), "model": twin}
