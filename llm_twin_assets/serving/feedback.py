"""POST /feedback: what people say of an answer, kept beside its trace."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, model_validator
from starlette.responses import JSONResponse

from llm_twin_assets.serving.api_schema import errors
from llm_twin_assets.serving.limits import refusal
from resources.api_keys import ApiKey
from resources.traces import Feedback, TraceStore, UnknownTrace


def _no_truth(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("give 1, -1 or 0")
    return value


Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
# To Python true is 1; to a schema it is not.
Value = Annotated[Literal[-1, 0, 1] | None, BeforeValidator(_no_truth)]
Comment = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Correction = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8000)]


class FeedbackRequest(BaseModel):
    """A thumb (1 up, -1 down, 0 taken back), a comment, the answer as it should be: at least one of them."""

    model_config = ConfigDict(extra="forbid")
    trace_id: Id
    value: Value = None
    comment: Comment | None = None
    correction: Correction | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "FeedbackRequest":
        if self.value is None and self.comment is None and self.correction is None:
            raise ValueError("nothing is said: give a value (1, -1 or 0), a comment or a correction")
        return self


class FeedbackRecorded(BaseModel):
    """What was said of this trace stands in the store."""

    trace_id: str
    recorded: Literal[True] = True


def add_feedback(
    app: FastAPI,
    traces: TraceStore,
    flush: Callable[[], object] = lambda: None,
    tell: Callable[[str, int | None], object] = lambda twin, value: None,
) -> None:
    """Add POST /feedback. A trace of a twin that the key may not ask is as unknown as any other.

    flush: writes the traces that still wait, so that an answer may be judged the moment it ends.
    tell: is given the twin and the value of what was recorded.
    """

    @app.post(
        "/feedback",
        status_code=201,
        response_model=FeedbackRecorded,
        responses=errors(401, 404, 413, 422, 429),
    )
    def feedback(said: FeedbackRequest, request: Request) -> FeedbackRecorded | JSONResponse:
        """Say whether an answer was good, what was wrong with it, or what it should have been."""
        key: ApiKey | None = getattr(request.state, "key", None)
        try:
            twin = _twin(traces, flush, said.trace_id, key)
            traces.give_feedback(_given(said, key))
        except UnknownTrace as error:
            return refusal(404, str(error), "invalid_request_error", "trace_not_found")
        tell(twin, said.value)
        return FeedbackRecorded(trace_id=said.trace_id)


def _twin(traces: TraceStore, flush: Callable[[], object], trace_id: str, key: ApiKey | None) -> str:
    """The twin that was asked; raises UnknownTrace also where it is another's than the key's."""
    trace = traces.trace(trace_id)
    if trace is None:
        flush()
        trace = traces.trace(trace_id)
    if trace is None or (key is not None and not key.may(trace["twin"])):
        raise UnknownTrace(f"there is no trace {trace_id!r}")
    return str(trace["twin"])


def _given(said: FeedbackRequest, key: ApiKey | None) -> Feedback:
    return Feedback(
        trace_id=said.trace_id,
        created_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        value=said.value,
        comment=said.comment,
        correction=said.correction,
        key_id=key.key_id if key else None,
    )
