"""A server that speaks as ours does and does as it is told, so that the pages meet every kind of answer."""

import asyncio
import json
import threading

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse

from llm_twin_assets.serving.pages import chat_page
from llm_twin_assets.serving.releases_page import add_releases

AUTHORS = {"ada": "Ada Moss", "ben": "Ben Ferro"}
SENTENCES = [
    "A hive hums in winter because the bees shiver to keep their queen warm.",
    "They burn *honey* all night to do it.",
]
ANSWER = "".join(f"{' ' if number > 1 else ''}{said} [{number}]" for number, said in enumerate(SENTENCES, 1))
IDS = {"release_id": "0123456789abcdef", "index_id": "fedcba9876543210", "declined": False}


class StandIn:
    """What a test sets, and what the server was sent; each question takes one of the `refusals`, in order."""

    def __init__(self):
        self.key = None
        self.refusals = []
        self.standalone = ""
        self.broken = False
        self.go_on = threading.Event()
        self.go_on.set()
        self.questions = []
        self.feedback = []
        self.feedback_status = 201
        self.report = {"index_id": None, "index_error": None, "dagster": "http://127.0.0.1:1/", "twins": []}

    @property
    def sent(self):
        """The messages of the last question, as (role, content)."""
        return [(message["role"], message["content"]) for message in self.questions[-1]["messages"]]


def application(standin):
    """The server; every route but the pages wants the key, where there is one."""
    app = FastAPI()
    add_authentication(app, standin)
    add_pages(app)
    add_releases(app, lambda: standin.report)
    add_answers(app, standin)
    return app


def add_authentication(app, standin):
    @app.middleware("http")
    async def authenticated(request: Request, call_next):
        public = request.url.path in ("/", "/releases") or request.url.path.startswith("/sources/")
        given = request.headers.get("Authorization", "")
        if standin.key and not public and given != f"Bearer {standin.key}":
            return error(401, "this server wants an API key")
        return await call_next(request)


def add_pages(app):
    chat = chat_page()

    @app.get("/")
    def index():
        return HTMLResponse(chat.html, headers=dict(chat.headers))

    @app.get("/sources/{document_id}")
    def source(document_id: str, sig: str = ""):
        return HTMLResponse(f"<title>{document_id} {sig}</title>")


def add_answers(app, standin):
    @app.get("/v1/models")
    def models():
        ids = {"release_id": IDS["release_id"], "index_id": IDS["index_id"]}
        return {"data": [{"id": name, "owned_by": author, **ids} for name, author in AUTHORS.items()]}

    @app.post("/v1/chat/completions")
    async def chat_completions(request: Request):
        standin.questions.append(await request.json())
        if standin.refusals:
            status, headers = standin.refusals.pop(0)
            return error(status, "the server's own words", headers)
        return StreamingResponse(stream(standin, len(standin.questions)), media_type="text/event-stream")

    @app.post("/feedback")
    async def feedback(request: Request):
        standin.feedback.append(await request.json())
        if standin.feedback_status != 201:
            return error(standin.feedback_status, "no such trace")
        return JSONResponse({}, 201)


async def stream(standin, number):
    """The answer in pieces of two words; `go_on` holds it after the first sentence."""
    trace_id = f"trace-{number}"
    yield event(trace_id, {"role": "assistant", "content": ""})
    words = ANSWER.split(" ")
    for at in range(0, len(words), 2):
        if at >= 14:
            while not standin.go_on.is_set():
                await asyncio.sleep(0.02)
            if standin.broken:
                return
        yield event(trace_id, {"content": ("" if at == 0 else " ") + " ".join(words[at : at + 2])})
    last = {**IDS, "trace_id": trace_id, "standalone": standin.standalone}
    yield event(trace_id, {"annotations": annotations()}, "stop", last)
    yield ": a comment that a proxy may put in\n\ndata: [DONE]\n\n"


def event(trace_id, delta, finish=None, more=None):
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {"id": f"chatcmpl-{trace_id}", "choices": [choice], **(more or {})}
    return f"data: {json.dumps(chunk)}\n\n"


def annotations():
    found, at = [], 0
    for number, sentence in enumerate(SENTENCES, 1):
        start = ANSWER.index(sentence, at)
        at = start + len(sentence)
        # As behind a proxy: under another name than the page was opened by.
        url = f"https://elsewhere.example/sources/bees?start={number}&end=9&proof=ab&sig=s{number}#quote"
        place = {"start_index": start, "end_index": at, "title": "Keeping bees", "url": url}
        found.append({"type": "url_citation", "url_citation": place})
    return found


def error(status, message, headers=None):
    body = {"error": {"message": message, "type": "server_error", "param": None, "code": None}}
    return JSONResponse(body, status, headers=headers)
