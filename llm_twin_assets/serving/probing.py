"""Asking a deployed twin for real, and comparing what it quotes with the documents."""

from dataclasses import dataclass, field
from typing import Any, Final

from llm_twin_assets.serving.deploying import misquotations
from resources.endpoint import Endpoint
from resources.store import Store
from resources.vector_store import VectorStore

# How many of the author's titles are asked about until one is answered.
QUESTIONS: Final = 3


@dataclass(frozen=True)
class Probe:
    """What a deployed twin showed: `fault` in words or None; `excused` where the release is not to blame."""

    fault: str | None
    excused: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)


def probed(
    store: Store, vectors: VectorStore, endpoint: Endpoint, twin: str, author: str, release_id: str | None
) -> Probe:
    """Ask for the twin's state, then about its author's documents; raises EndpointError."""
    stands = endpoint.status()["twins"].get(twin, {})
    if stands.get("release_id") != release_id or release_id is None:
        return Probe(f"release {release_id} should be served, the server reports {stands or 'no such twin'}")
    documents = store.read("cleaned_documents")
    # A canary takes a share of what is asked of the twin: the release itself is asked.
    answer = _answered(
        endpoint, f"{twin}@{release_id}", list(documents[documents["author"] == author]["title"])
    )
    shown = {key: answer[key] for key in ("answer", "declined", "trace_id")}
    shown["citations"] = len(answer["citations"])
    if answer["release_id"] != release_id:
        return Probe(f"release {release_id} should answer, {answer['release_id']} did", metadata=shown)
    if answer["declined"]:
        return Probe("the twin declined to speak about its author's titles", True, shown)
    texts = dict(zip(documents["document_id"], documents["text"], strict=True))
    wrong = ", ".join(misquotations(answer["citations"], texts))
    if not wrong:
        return Probe(None, metadata=shown)
    return Probe(f"quoted, but not in the documents: {wrong}", _index_lags(store, vectors), shown)


def _answered(endpoint: Endpoint, twin: str, titles: list[str]) -> dict[str, Any]:
    """The first answer that is not declined, or the last one."""
    answer: dict[str, Any] = {}
    for title in titles[:QUESTIONS]:
        answer = endpoint.ask(twin, f"What do you say about {title}?")
        if not answer["declined"]:
            break
    return answer or endpoint.ask(twin, "What have you written about?")


def _index_lags(store: Store, vectors: VectorStore) -> bool:
    """Whether the live index was built from other chunks than those of today's documents."""
    live = vectors.live()
    return live is None or vectors.ids(live) != set(store.read("cleaned_chunks")["chunk_id"])
