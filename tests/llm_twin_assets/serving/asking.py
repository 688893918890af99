"""A listening server of a small world whose engine is an echo, and clients of it."""

from contextlib import contextmanager

import httpx
import openai

from llm_twin_assets.serving.answering import Answerer
from llm_twin_assets.serving.app import AppParts, admission_of, create_app
from llm_twin_assets.serving.pages import Sources
from llm_twin_assets.serving.service import Service
from llm_twin_assets.serving.state import Serving
from resources.settings import Settings
from tests.llm_twin_assets.serving.engines import EchoEngine
from tests.llm_twin_assets.serving.small import DOCUMENTS, following, listening
from tests.waiting import wait_until

QUESTION = "Why does the hive hum in winter?"
TEXTS = {one["document_id"]: one["text"] for one in DOCUMENTS}


class Asking:
    """Clients of a server; `engine` is what answers behind it, None where models do."""

    def __init__(self, small, url, engine=None, key="none", admission=None):
        self.admission = admission
        self.small = small
        self.url = url
        self.engine = engine
        shown = {"Authorization": f"Bearer {key}"}
        self.http = httpx.Client(base_url=url, timeout=60, trust_env=False, headers=shown)
        self.openai = openai.OpenAI(
            base_url=f"{url}/v1", api_key=key, max_retries=0, http_client=httpx.Client(trust_env=False)
        )

    def ask(self, **fields):
        return self.openai.chat.completions.create(**chat(**fields))

    def post(self, **fields):
        return self.http.post("/v1/chat/completions", json=chat(**fields))

    def rag(self, query=QUESTION, twin="ada", **fields):
        return self.http.post("/rag", json={"query": query, "twin": twin, **fields})

    def streamed(self, **fields):
        """An answer that is being streamed, for `with`."""
        return self.http.stream("POST", "/v1/chat/completions", json=chat(stream=True, **fields))

    def wait_ready(self, seconds=30):
        wait_until(lambda: self.http.get("/readyz").status_code == 200, seconds)

    def traces(self, twin="ada"):
        return self.small.traces.since(twin)

    def last_trace(self, trace_id=None):
        """The newest trace, or the one with this id, once it is there."""
        return wait_until(lambda: self.small.traces.trace(trace_id) if trace_id else self.traces()[-1])


def chat(**fields):
    """The body of a chat completion."""
    return {"model": "ada", "messages": [{"role": "user", "content": QUESTION}], **fields}


def conversation(*said):
    """Messages in turns, the user first."""
    roles = ("user", "assistant")
    return [{"role": roles[at % 2], "content": text} for at, text in enumerate(said)]


def echoing(small, engine, teacher=None):
    """State and service of a small world in which an echo answers; nothing is followed yet."""
    serving = Serving(small.releases, small.models, small.searcher, open_engine=engine.opened)
    return serving, Service(serving, Answerer(small.searcher, teacher), small.traces)


def two_twins(small, **decoding):
    """Ada and Ben in service; returns the small world."""
    small.write_documents()
    small.publish_index()
    small.release("first", "ada", **decoding)
    small.release("second", "ben", "Ben Ferro", **decoding)
    return small


@contextmanager
def asked(small, engine=None, key="none", teacher=None, signer=None, **limits):
    """A server that is ready, and its clients; `limits` are settings."""
    engine = engine or EchoEngine()
    serving, service = echoing(small, engine, teacher)
    settings = Settings(home=small.home, **limits)
    admission = admission_of(settings)
    parts = AppParts(settings, signer=signer, admission=admission)
    app = create_app(service, Sources(small.store), parts)
    with following(serving), listening(app) as url:
        made = Asking(small, url, engine, key, admission)
        try:
            made.wait_ready()
            yield made
        finally:
            engine.go_on.set()
