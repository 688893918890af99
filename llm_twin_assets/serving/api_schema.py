"""The responses as the OpenAPI page describes them."""

from typing import Any, Final, Literal

from pydantic import BaseModel


class Error(BaseModel):
    """What went wrong; the response's x-request-id names it in the server's log."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """An error as OpenAI's clients read it."""

    error: Error


class ModelInfo(BaseModel):
    """A twin, or twin@release for a release that serves a share of the conversations."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    notice: str
    release_id: str
    index_id: str | None


class ModelList(BaseModel):
    """The twins that can be asked."""

    object: Literal["list"]
    data: list[ModelInfo]


class CitationInfo(BaseModel):
    """A quotation's place: `quote` is the document's text from `start` to `end`, in characters."""

    uri: str
    title: str
    document_id: str
    chunk_id: str
    start: int
    end: int
    quote: str


class TwinInfo(BaseModel):
    """Who answers: a language model, and not the author."""

    name: str
    author: str
    notice: str


class About(BaseModel):
    """What every answer carries beside its text."""

    citations: list[CitationInfo]
    twin: TwinInfo
    release_id: str
    index_id: str
    trace_id: str
    declined: bool
    standalone: str


class RagAnswer(About):
    """An answer, each quotation in it followed by its mark [n]."""

    answer: str


class UrlCitation(BaseModel):
    """Where a quotation stands in the answer, and the page that shows it in its document."""

    start_index: int
    end_index: int
    title: str
    url: str


class Annotation(BaseModel):
    """OpenAI's form of a citation."""

    type: Literal["url_citation"]
    url_citation: UrlCitation


class AnswerMessage(BaseModel):
    """The answer."""

    role: Literal["assistant"]
    content: str
    refusal: None
    annotations: list[Annotation]


class Choice(BaseModel):
    """The one answer; `length` where the limit of tokens ended it."""

    index: int
    message: AnswerMessage
    logprobs: None
    finish_reason: Literal["stop", "length"]


class TokenUsage(BaseModel):
    """Tokens that the model read and wrote."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(About):
    """A chat completion."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: TokenUsage


_MEANT: Final = {
    400: "something is asked for that no twin can do",
    401: "the key is missing or not known",
    403: "the key may not ask this twin",
    404: "there is no such thing",
    413: "the body is too long",
    422: "the request is malformed; `param` names the field",
    429: "too many requests; Retry-After says when to come again",
    503: "the twin is being loaded, or what generates is down",
    504: "the answer took too long",
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """How these errors look, for a route's `responses`."""
    return {status: {"model": ErrorBody, "description": _MEANT[status]} for status in statuses}
