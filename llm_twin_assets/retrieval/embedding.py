"""From chunks to a candidate index: which text of a chunk is embedded, and how far it is."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from llm_twin_assets.sources.rows import records
from resources.embedder import Embedder
from resources.store import Store
from resources.vector_store import Chunk, UnknownIndex, VectorStore

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Names how a chunk becomes the text that is embedded; a new rule is a new name, and new vectors.
RECIPE: Final = "heading-1"
PROGRESS_STEPS: Final = 10
SMALLEST_STEP: Final = 64


def space(embedder: Embedder) -> str:
    """The id of the vector space that an index lies in: the embedder's weights and our recipe."""
    return f"{embedder.model_id}+{RECIPE}"


def embedded_text(chunk: Chunk, tokenizer: "Tokenizer", window: int) -> str:
    """Title, heading path and text of a chunk, cut to a window of tokens.

    The headings give way first: they repeat in the chunk's neighbours, its own words do not.
    """
    room = window - int(tokenizer.num_special_tokens_to_add(False))
    text, taken = _first_tokens(tokenizer, chunk["text"], room)
    head, _ = _first_tokens(tokenizer, _head(chunk), room - taken)
    return f"{head}\n{text}" if head else text


def embed_chunks(
    embedder: Embedder, chunks: Sequence[Chunk], tell: Callable[[str], object]
) -> NDArray[np.float32]:
    """Vectors of chunks, shape (len(chunks), dimension); tells every tenth of the way."""
    if not chunks:
        return embedder.encode([])
    tokenizer = embedder.tokenizer()
    texts = [embedded_text(chunk, tokenizer, embedder.window) for chunk in chunks]
    step = max(SMALLEST_STEP, -(-len(texts) // PROGRESS_STEPS))
    parts = []
    for start in range(0, len(texts), step):
        parts.append(embedder.encode(texts[start : start + step]))
        tell(f"embedded {min(start + step, len(texts)):,} of {len(texts):,} chunks")
    return np.concatenate(parts)


def build_index(
    chunks: pd.DataFrame, embedder: Embedder, vectors: VectorStore, tell: Callable[[str], object]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Let the vector store make an index of the chunks; returns a report and numbers about it."""
    info = vectors.sync(records(chunks), space(embedder), lambda fresh: embed_chunks(embedder, fresh, tell))
    content = {"index_id": info.index_id, "model_id": info.model_id, "count": info.count}
    numbers = {"dagster/row_count": info.count, "embedded": info.embedded, "deleted": info.deleted}
    return content, numbers


def holds_chunks(store: Store, vectors: VectorStore) -> bool:
    """Whether the index that was built last is still there and holds exactly the chunks."""
    try:
        found = vectors.ids(store.report("chunk_embeddings")["index_id"])
    except UnknownIndex:
        return False
    return found == set(store.read("cleaned_chunks")["chunk_id"])


def _head(chunk: Chunk) -> str:
    title, path = chunk["title"], chunk["heading_path"]
    # A document's first heading is mostly its title.
    repeated = path == title or path.startswith(f"{title} > ")
    return path if repeated else "\n".join(part for part in (title, path) if part)


def _first_tokens(tokenizer: "Tokenizer", text: str, most: int) -> tuple[str, int]:
    """As much of a text as takes at most so many tokens, and how many those are."""
    ends = [end for _, end in tokenizer.encode(text, add_special_tokens=False).offsets]
    if len(ends) <= most:
        return text, len(ends)
    return (text[: ends[most - 1]], most) if most > 0 else ("", 0)
