"""A larger language model that may be asked, behind any OpenAI-compatible server; off unless it is set.

Whoever asks it has rules to fall back on: a TeacherError costs quality, never an answer.
"""

import json
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from pydantic import SecretStr

from resources.answer_schema import faults
from resources.openai_server import excerpt, headers, host, versioned
from resources.settings import Settings

if TYPE_CHECKING:
    import httpx

TIMEOUT_SECONDS: Final = 60.0
MOST_TRIES: Final = 4
FIRST_PAUSE_SECONDS: Final = 0.5
MOST_BYTES: Final = 4_000_000
_FENCE: Final = re.compile(r"\s*```(?:json)?\s*(.*?)\s*```\s*", re.DOTALL)

Message = dict[str, str]


class TeacherError(RuntimeError):
    """The teacher gave no usable answer; the message says what to mend, and never holds the key."""


class UnusableAnswer(TeacherError):
    """The teacher answered, and was paid, but twice not in the form asked for."""


class _Turned400(TeacherError):
    """The server refused the request's form."""


@dataclass(frozen=True)
class Usage:
    """Tokens that a teacher read and wrote, as its server counts them."""

    read: int = 0
    written: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(self.read + other.read, self.written + other.written)

    def __sub__(self, other: "Usage") -> "Usage":
        return Usage(self.read - other.read, self.written - other.written)


class Teacher(Protocol):
    """A language model that answers with a JSON object."""

    @property
    def model(self) -> str:
        """The model's name at its server."""

    @property
    def usage(self) -> Usage:
        """The tokens of every request so far; a server that does not count adds nothing."""

    def ask(self, system: str, user: str, schema: dict[str, Any]) -> dict[str, Any]:
        """One chat completion whose answer conforms to a schema (of type object).

        An answer that does not goes back once, with what is wrong; then UnusableAnswer, a TeacherError.
        """


class OpenAITeacher:
    """A model behind a server that speaks OpenAI's chat completions (vLLM, Ollama, llama.cpp, OpenAI)."""

    def __init__(self, url: str, model: str, api_key: SecretStr | None, timeout_seconds: float) -> None:
        self.model = model
        self.usage = Usage()
        self._url = f"{versioned(url)}/chat/completions"
        self._key = api_key.get_secret_value().strip() if api_key else ""
        self._timeout = timeout_seconds
        self._takes_schemas = True

    def ask(self, system: str, user: str, schema: dict[str, Any]) -> dict[str, Any]:
        """As `Teacher.ask`; each request takes at most timeout_seconds, and so does each pause between."""
        messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        answer, wrong = self._turn(messages, schema)
        if wrong:
            answer, wrong = self._turn([*messages, *_repair(answer, wrong)], schema)
        if wrong:
            raise UnusableAnswer(
                f"{self._named()} twice gave no answer of the form asked for "
                f"({excerpt('; '.join(wrong), self._key)}): "
                "set LLM_TWIN_TEACHER_MODEL to a model that can follow a JSON schema"
            )
        found: dict[str, Any] = _parsed(answer)
        return found

    def _turn(self, messages: list[Message], schema: dict[str, Any]) -> tuple[str, list[str]]:
        """The answer's text, and what is wrong with it."""
        text = self._completion(messages, schema)
        try:
            return text, faults(_parsed(text), schema)
        except (json.JSONDecodeError, RecursionError):
            return text, ["it is not JSON"]

    def _completion(self, messages: list[Message], schema: dict[str, Any]) -> str:
        """The text of one completion, asked for by schema, or in words where the server takes none."""
        if self._takes_schemas:
            form = {"name": "answer", "schema": schema, "strict": True}
            try:
                return self._send(messages, {"type": "json_schema", "json_schema": form})
            except _Turned400:
                pass
        told = f"\nAnswer with one JSON object that conforms to this JSON schema:\n{json.dumps(schema)}"
        first, *others = messages
        text = self._send([first | {"content": first["content"] + told}, *others], {"type": "json_object"})
        # Only now is it known that it was the schema that the server did not take.
        self._takes_schemas = False
        return text

    def _send(self, messages: list[Message], form: dict[str, Any]) -> str:
        body = {"model": self.model, "messages": messages, "temperature": 0, "response_format": form}
        status, content, headers = self._post(body)
        for attempt in range(MOST_TRIES - 1):
            if status != 429 and status < 500:
                break
            time.sleep(min(_pause(headers.get("retry-after", ""), attempt), self._timeout))
            status, content, headers = self._post(body)
        if status != 200:
            raise self._refusal(status, content)
        self.usage += _usage(content)
        return self._text(content)

    def _post(self, body: dict[str, Any]) -> "tuple[int, bytes, httpx.Headers]":
        """Status, body and headers of one request, within the time and size allowed."""
        import httpx

        deadline = time.monotonic() + self._timeout
        try:
            with (
                httpx.Client(timeout=self._timeout, headers=self._headers()) as client,
                client.stream("POST", self._url, content=json.dumps(body)) as response,
            ):
                content = b""
                for piece in response.iter_bytes():
                    content += piece
                    if len(content) > MOST_BYTES or time.monotonic() > deadline:
                        raise httpx.ReadTimeout("too long an answer")
                return response.status_code, content, response.headers
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            kind = type(error).__name__
        raise TeacherError(
            f"{self._named()} cannot be reached ({kind}): start it, or mend LLM_TWIN_TEACHER_URL"
        )

    def _headers(self) -> dict[str, str]:
        try:
            return headers(self._key, "LLM_TWIN_TEACHER_API_KEY")
        except ValueError as error:
            raise TeacherError(str(error)) from None

    def _refusal(self, status: int, content: bytes) -> TeacherError:
        said = excerpt(content.decode(errors="replace"), self._key)
        told = f"{self._named()} answers {status} ({said})"
        if status in (400, 422):
            return _Turned400(f"{told}: is LLM_TWIN_TEACHER_MODEL a chat model of that server?")
        if status in (401, 403):
            return TeacherError(f"{told}: mend LLM_TWIN_TEACHER_API_KEY")
        if status == 404:
            return TeacherError(f"{told}: mend LLM_TWIN_TEACHER_MODEL or LLM_TWIN_TEACHER_URL")
        if status == 429 or status >= 500:
            return TeacherError(f"{told} after {MOST_TRIES} tries: try again later")
        return TeacherError(f"{told}: mend LLM_TWIN_TEACHER_URL")

    def _text(self, content: bytes) -> str:
        """The first choice's text, "" where the model refused to write any."""
        try:
            written = json.loads(content)["choices"][0]["message"]["content"]
        except (ValueError, LookupError, TypeError, RecursionError):
            said = excerpt(content.decode(errors="replace"), self._key)
            raise TeacherError(
                f"{self._named()} answers what is no chat completion ({said}): mend LLM_TWIN_TEACHER_URL"
            ) from None
        return written if isinstance(written, str) else ""

    def _named(self) -> str:
        return f"the teacher {self.model} at {host(self._url)}"


def build_teacher(settings: Settings, timeout_seconds: float = TIMEOUT_SECONDS) -> Teacher | None:
    """The teacher that the settings name, None where LLM_TWIN_TEACHER_URL is not set.

    `timeout_seconds` bounds a request.
    """
    if not settings.teacher_url or not settings.teacher_model:
        return None
    return OpenAITeacher(
        settings.teacher_url, settings.teacher_model, settings.teacher_api_key, timeout_seconds
    )


def _usage(content: bytes) -> Usage:
    """The tokens that a completion says it took; none where it does not say."""
    try:
        counted = json.loads(content)["usage"]
        return Usage(max(0, int(counted["prompt_tokens"])), max(0, int(counted["completion_tokens"])))
    except (ValueError, LookupError, TypeError, RecursionError, OverflowError):
        return Usage()


def _repair(answer: str, wrong: list[str]) -> list[Message]:
    """The turn in which an invalid answer goes back."""
    told = f"That is not the answer asked for: {'; '.join(wrong)}. Answer again, with the JSON object only."
    # Servers refuse a message without words.
    return [{"role": "assistant", "content": answer or "(nothing)"}, {"role": "user", "content": told}]


def _parsed(text: str) -> Any:
    fenced = _FENCE.fullmatch(text)
    return json.loads(fenced[1] if fenced else text)


def _pause(retry_after: str, attempt: int) -> float:
    """Seconds to wait before the next try: as the server asks, else twice as long each time."""
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        asked = (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return FIRST_PAUSE_SECONDS * 2.0**attempt
    return max(0.0, asked)
