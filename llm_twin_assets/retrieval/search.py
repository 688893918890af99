"""The one way a question finds passages: for the server, the command line and a notebook."""

from llm_twin_assets.retrieval.embedding import space
from resources.embedder import Embedder
from resources.vector_store import Hit, UnknownIndex, VectorStore


class NoIndex(RuntimeError):
    """Nothing has been published that could be searched."""


class AnotherEmbedder(RuntimeError):
    """An index was made with another embedding model, or another text recipe, than is asked with."""


def find(
    embedder: Embedder,
    vectors: VectorStore,
    question: str,
    k: int,
    author: str | None,
    index_id: str | None = None,
) -> list[Hit]:
    """The k chunks nearest to a question, best first, of one author or (None) of all.

    Searches the live index unless one is named. Raises NoIndex, AnotherEmbedder, or, for a named
    index that is no longer there, UnknownIndex.
    """
    vector = embedder.encode([question])[0]
    target = index_id or _live(vectors)
    try:
        _same_space(embedder, vectors, target)
        return vectors.search(target, vector, k, author)
    except UnknownIndex:
        # A run may have replaced the live index, and removed it, since we asked which it is.
        newer = _live(vectors)
        if index_id is not None or newer == target:
            raise
        _same_space(embedder, vectors, newer)
        return vectors.search(newer, vector, k, author)


def _live(vectors: VectorStore) -> str:
    live = vectors.live()
    if live is None:
        raise NoIndex("there is no search index yet: run `llm-twin run`")
    return live


def _same_space(embedder: Embedder, vectors: VectorStore, index_id: str) -> None:
    made, asked = vectors.model(index_id), space(embedder)
    if made != asked:
        raise AnotherEmbedder(
            f"index {index_id} was made with {made}, but the embedder is {asked}: run `llm-twin run`, "
            "or set LLM_TWIN_EMBEDDING_MODEL back"
        )
