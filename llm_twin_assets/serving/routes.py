"""The routes that answer, and those that say who can."""

import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse

from llm_twin_assets.serving import chat_api
from llm_twin_assets.serving.admission import TooSlow
from llm_twin_assets.serving.api_schema import Completion, ModelInfo, ModelList, RagAnswer, errors
from llm_twin_assets.serving.chat_api import Look, Sign
from llm_twin_assets.serving.chat_request import ChatRequest, Narrowing, RagRequest, Refused
from llm_twin_assets.serving.protection import check_twin
from llm_twin_assets.serving.running import Answers, Failed, while_there
from llm_twin_assets.serving.served import NotServed
from llm_twin_assets.serving.service import Question, Reply, Service
from llm_twin_assets.serving.state import Serving
from resources.api_keys import ApiKey

# Of a release's id so many characters are enough, where no other loaded release begins with them.
LEAST_OF_RELEASE: Final = 8
ANSWER_ERRORS: Final = errors(400, 401, 403, 404, 413, 422, 429, 503, 504)
COMPLETION: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": Completion, "content": {"text/event-stream": {}}},
    **ANSWER_ERRORS,
}
UNSTORED: Final = {"Cache-Control": "no-store"}


def add_state_routes(app: FastAPI, serving: Serving) -> None:
    """Whether the server lives, whether everything desired serves, and who can be asked."""

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Whether the server lives."""
        return {"status": "ok"}

    @app.get("/readyz", responses={503: {"description": "not everything that should serve does"}})
    async def readyz() -> JSONResponse:
        """Whether all desired releases serve, and how each twin stands."""
        state = serving.ready()
        return JSONResponse(state, status_code=200 if state["ready"] else 503)

    @app.get("/v1/models", responses={200: {"model": ModelList}, **errors(401)})
    async def models(request: Request) -> dict[str, Any]:
        """The twins that can be asked with this key."""
        return chat_api.model_list(_models(serving, _key(request)))

    @app.get("/v1/models/{model}", responses={200: {"model": ModelInfo}, **errors(401, 403, 404)})
    async def one_model(model: str, request: Request) -> dict[str, Any]:
        """A twin, or twin@release."""
        twin, release_id = _resolved(serving, model, _key(request))
        loaded = serving.twins().get(twin)
        if loaded is None:
            raise NotServed(twin, known=False)
        release = release_id or loaded.manifest.release_id
        return chat_api.model(model, loaded.manifest.author, release, serving.index_id)


def add_answer_routes(app: FastAPI, service: Service, answers: Answers, sign: Sign | None) -> None:
    """Questions to twins."""
    serving = service.serving

    @app.post("/rag", responses={200: {"model": RagAnswer}, **ANSWER_ERRORS})
    async def rag(body: RagRequest, request: Request) -> dict[str, Any]:
        """An answer with its citations."""
        question = _question(serving, request, body.twin, body.query.strip(), body)
        reply = await while_there(request, answers.whole(question))
        return {"answer": reply.answer.text, **reply.about()}

    @app.post("/v1/chat/completions", response_model=None, responses=COMPLETION)
    async def chat_completions(body: ChatRequest, request: Request) -> dict[str, Any] | StreamingResponse:
        """OpenAI's chat completions, with citations as annotations."""
        body.check_supported()
        more = {"thread_id": body.thread_id, "history": body.history, "asked": body.asked}
        question = _question(serving, request, body.model, body.question, body.narrowing, **more)
        look = Look(str(request.base_url).rstrip("/"), sign, body.wants_usage)
        if not body.stream:
            return chat_api.completion(await while_there(request, answers.whole(question)), look)
        pieces = answers.pieces(question)
        # What goes wrong before there is anything to say is an error, not the beginning of a stream.
        first = await while_there(request, anext(pieces))
        stream = _stream(question, first, pieces, look)
        return StreamingResponse(stream, media_type="text/event-stream", headers=UNSTORED)


async def _stream(
    question: Question, first: str | Reply, pieces: AsyncGenerator[str | Reply, None], look: Look
) -> AsyncIterator[str]:
    yield _event(chat_api.opening(question.trace_id, question.twin))
    event = first
    try:
        async with contextlib.aclosing(pieces):
            while isinstance(event, str):
                yield _event(chat_api.piece(question.trace_id, question.twin, event))
                event = await anext(pieces)
        for chunk in chat_api.closing(event, look):
            yield _event(chunk)
    except (NotServed, Failed, TooSlow) as error:
        code = "timeout" if isinstance(error, TooSlow) else None
        yield _event(chat_api.failure(str(error), "server_error", code))
    yield "data: [DONE]\n\n"


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"


def _question(
    serving: Serving, request: Request, model: str, text: str, narrowing: Narrowing, **more: Any
) -> Question:
    """The question of a request; raises Refused and Forbidden where it may not be asked."""
    key = _key(request)
    twin, release_id = _resolved(serving, model, key)
    if loaded := serving.twins().get(twin):
        narrowing.check_author(loaded.manifest.author)
    return Question(
        twin=twin,
        text=text,
        release_id=release_id,
        filters=narrowing.filters,
        key_id=key.key_id if key else None,
        trace_id=request.state.request_id,
        **more,
    )


def _key(request: Request) -> ApiKey | None:
    return getattr(request.state, "key", None)


def _resolved(serving: Serving, model: str, key: ApiKey | None) -> tuple[str, str | None]:
    """The twin that a model names, and its release where it names one; raises Refused and Forbidden."""
    twin, named, wanted = model.partition("@")
    check_twin(key, twin)
    if not named:
        return twin, None
    if len(wanted) < LEAST_OF_RELEASE:
        said = f"name at least the first {LEAST_OF_RELEASE} characters of the release, as twin@release"
        raise Refused(404, said, "model", "model_not_found")
    found = sorted({one for one in _loaded(serving, twin) if one.startswith(wanted)})
    if len(found) != 1:
        said = (
            f"{'no release' if not found else 'more than one release'} of {twin!r} that serves is {wanted!r}"
        )
        raise Refused(404, said, "model", "model_not_found")
    return twin, found[0]


def _loaded(serving: Serving, twin: str) -> list[str]:
    """The releases of a twin that can be asked: the one that serves, and its canary."""
    served = serving.twins().get(twin)
    found = [served.manifest.release_id] if served else []
    return found + [release_id for name, release_id in canaries(serving) if name == twin]


def canaries(serving: Serving) -> list[tuple[str, str]]:
    """Each twin whose canary is loaded, with the canary's release."""
    twins = serving.ready()["twins"].items()
    canaries = [(name, state.get("canary")) for name, state in twins]
    return [(name, one["release_id"]) for name, one in canaries if one and one["serving"]]


def _models(serving: Serving, key: ApiKey | None) -> Iterator[dict[str, Any]]:
    """The twins that a key may ask, and their canaries."""
    twins = {name: one.manifest for name, one in sorted(serving.twins().items()) if not key or key.may(name)}
    for name, manifest in twins.items():
        yield chat_api.model(name, manifest.author, manifest.release_id, serving.index_id)
    for name, release_id in canaries(serving):
        if name in twins:
            author = twins[name].author
            yield chat_api.model(f"{name}@{release_id}", author, release_id, serving.index_id)
