"""What is understood of a request: OpenAI's chat completions schema, and the body of /rag."""

from datetime import date
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from llm_twin_assets.retrieval.conversation import Turn
from llm_twin_assets.serving.answering import Asked
from resources.vector_store import Filters

LONGEST_QUESTION: Final = 4000
# Older turns are not read: what a question leans on stands in the last ones.
TURNS: Final = 6
THREAD_CHARACTERS: Final = 64
MOST_SEED: Final = 2**63 - 1
# What would change the answer's form: refused rather than silently ignored.
REFUSED: Final = ("tools", "functions", "logprobs", "audio")


class Refused(Exception):
    """A request that is understood and not served: status, message, and OpenAI's code and param."""

    def __init__(self, status: int, message: str, param: str, code: str) -> None:
        super().__init__(message)
        self.status, self.param, self.code = status, param, code


def _day(written: object) -> date:
    """A day as 2024-01-31; pydantic would also read seconds since 1970."""
    if isinstance(written, date):
        return written
    try:
        return date.fromisoformat(str(written))
    except ValueError:
        raise ValueError("write the day as 2024-01-31") from None


def _writable(text: str) -> str:
    """JSON can write half a surrogate pair, which is no character, and which nothing behind us can store."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half a character (a lone surrogate)") from None
    return text


Day = Annotated[date, BeforeValidator(_day)]
Text = Annotated[str, AfterValidator(_writable)]
Name = Annotated[Text, Field(min_length=1, max_length=200)]


class Narrowing(BaseModel):
    """Which of the author's writings may be answered from; both days are included."""

    model_config = ConfigDict(extra="ignore")
    platform: Name | None = None
    kind: Name | None = None
    since: Day | None = None
    until: Day | None = None
    author: Name | None = Field(None, description="no other than the twin's own")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.since and self.until and self.since > self.until:
            raise ValueError("since is later than until")
        return self

    def check_author(self, own: str) -> None:
        """Raise Refused where another author is asked for than the twin's own."""
        if self.author is not None and self.author != own:
            said = f"author: this twin answers from the writings of {own} only: leave the author out"
            raise Refused(400, said, "author", "author_not_allowed")

    @property
    def filters(self) -> Filters:
        """The same as filters of a search, without the author, who is always the twin's."""
        return Filters(
            platform=self.platform,
            kind=self.kind,
            since=self.since.isoformat() if self.since else None,
            until=self.until.isoformat() if self.until else None,
        )


class Metadata(Narrowing):
    """What `metadata` may say; other keys are ignored. Of a thread_id the first 64 characters count."""

    thread_id: Text | None = None


class Part(BaseModel):
    """A part of a message; only text can be answered."""

    model_config = ConfigDict(extra="ignore")
    type: str
    text: Text = ""


class Message(BaseModel):
    """A message of the conversation; those of a system or developer have no effect on a twin."""

    model_config = ConfigDict(extra="ignore")
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Text | list[Part] | None = None

    @property
    def text(self) -> str:
        """Its words."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content).strip()
        return (self.content or "").strip()


class StreamOptions(BaseModel):
    """How to stream."""

    model_config = ConfigDict(extra="ignore")
    include_usage: bool = False


class ChatRequest(BaseModel):
    """A chat completion request; `model` is a twin, or twin@release. The last user message is the question.

    Earlier messages of user and assistant are the conversation, of which the last six turns are read.
    Whose voice it is, no message changes: those of a system or developer have no effect. Sampling
    (temperature, top_p, seed, stop) has an effect on releases that generate freely, max_tokens on all.
    """

    model_config = ConfigDict(extra="ignore")
    model: Name
    messages: Annotated[list[Message], Field(min_length=1)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    metadata: Metadata | None = None
    user: str | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=-MOST_SEED, le=MOST_SEED)] | None = None
    stop: Text | Annotated[list[Text], Field(max_length=4)] | None = None
    n: Annotated[int, Field(ge=1)] | None = Field(None, description="1, or nothing")
    response_format: dict[str, Any] | None = Field(None, description="of type text, or nothing")
    tools: Any = Field(None, description="not supported")
    functions: Any = Field(None, description="not supported")
    logprobs: Any = Field(None, description="not supported")
    audio: Any = Field(None, description="not supported")

    @model_validator(mode="after")
    def _has_a_question(self) -> Self:
        _check_question(self.question)
        return self

    def check_supported(self) -> None:
        """Raise Refused where something is asked for that no twin can do."""
        asked = [name for name in REFUSED if getattr(self, name)]
        if (self.n or 1) != 1:
            asked.append("n")
        if (self.response_format or {}).get("type", "text") != "text":
            asked.append("response_format")
        if asked:
            raise Refused(400, f"not supported: {', '.join(asked)}", asked[0], "unsupported_parameter")
        kinds = {part.type for one in self.messages if isinstance(one.content, list) for part in one.content}
        if kinds - {"text"}:
            raise Refused(400, "not supported: parts other than text", "messages", "unsupported_value")

    @property
    def question(self) -> str:
        """The words of the last message of the user."""
        said = [message.text for message in self.messages if message.role == "user"]
        return said[-1] if said else ""

    @property
    def history(self) -> tuple[Turn, ...]:
        """The last turns before the question, oldest first; what came before any question is left out."""
        last = max(at for at, one in enumerate(self.messages) if one.role == "user")
        turns: list[Turn] = []
        for message in self.messages[:last]:
            if message.role == "user":
                turns.append(Turn(message.text, ""))
            elif message.role == "assistant" and turns:
                asked = turns.pop()
                turns.append(Turn(asked.question, f"{asked.answer}\n{message.text}".strip()))
        return tuple(turns[-TURNS:])

    @property
    def narrowing(self) -> Narrowing:
        """Which writings may be answered from."""
        return self.metadata or Narrowing()

    @property
    def wants_usage(self) -> bool:
        """Whether a stream is to end with its usage."""
        return self.stream_options is not None and self.stream_options.include_usage

    @property
    def thread_id(self) -> str | None:
        """The conversation of the question, where `metadata` names one."""
        thread_id = self.metadata.thread_id if self.metadata else None
        return thread_id[:THREAD_CHARACTERS] if thread_id else None

    @property
    def asked(self) -> Asked:
        """What it wants of sampling."""
        stop = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return Asked(
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_completion_tokens or self.max_tokens,
            seed=self.seed,
            stop=tuple(filter(None, stop)),
        )


class RagRequest(Narrowing):
    """A question to a twin, or to twin@release."""

    model_config = ConfigDict(extra="forbid")
    query: Annotated[Text, Field(min_length=1, max_length=LONGEST_QUESTION)]
    twin: Name

    @model_validator(mode="after")
    def _has_a_question(self) -> Self:
        _check_question(self.query.strip())
        return self


def _check_question(question: str) -> None:
    if not question:
        raise ValueError("there is no question: write one as the last user message")
    if len(question) > LONGEST_QUESTION:
        raise ValueError(f"the question has {len(question)} characters, at most {LONGEST_QUESTION} are read")
