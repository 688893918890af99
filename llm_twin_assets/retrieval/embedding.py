"""From chunks to a candidate index: which text of a chunk is indexed, and how far it is."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from llm_twin_assets.contracts import digest
from llm_twin_assets.sources.rows import records
from resources.embedder import Embedder
from resources.store import Store
from resources.terms import TERMS, Terms, document_terms, query_terms
from resources.vector_store import Chunk, Entries, UnknownIndex, VectorStore, Wording

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# The texts before and after each chunk, by its id.
Around = Mapping[str, tuple[str, str]]

# Names how a chunk becomes the text that is embedded; a new rule is a new name, and new vectors.
RECIPE: Final = f"heading-2+{TERMS}"
# How much a chunk's own words count in its terms, against those of the chunk before and the one after.
OWN_WEIGHT: Final = 3
PROGRESS_STEPS: Final = 10


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


def surroundings(chunks: Iterable[Chunk]) -> dict[str, tuple[str, str]]:
    """The texts of the chunks before and after each one in its document; empty where there is none."""
    texts = {(chunk["document_id"], chunk["ordinal"]): str(chunk["text"]) for chunk in chunks}

    def beside(chunk: Chunk, step: int) -> str:
        return texts.get((chunk["document_id"], chunk["ordinal"] + step), "")

    return {chunk["chunk_id"]: (beside(chunk, -1), beside(chunk, 1)) for chunk in chunks}


def placed(chunks: Iterable[Chunk], around: Around) -> list[Chunk]:
    """The chunks, each with a hash of what stands around it: its entry hangs on that too."""
    return [chunk | {"around": digest(around[chunk["chunk_id"]])[:16]} for chunk in chunks]


def entries(
    embedder: Embedder, chunks: Sequence[Chunk], around: Around, tell: Callable[[str], object]
) -> Entries:
    """What is indexed of chunks: vectors of their embedded texts, and their terms.

    Tells every tenth of the way.
    """
    tokenizer = embedder.tokenizer()
    texts = [embedded_text(chunk, tokenizer, embedder.window) for chunk in chunks]
    vectors = embedder.encode(texts, _tenths(len(texts), tell))
    return Entries(vectors, [chunk_terms(chunk, around) for chunk in chunks])


def chunk_terms(chunk: Chunk, around: Around) -> Terms:
    """The terms of a chunk, its own OWN_WEIGHT times as much as those of its neighbours.

    Text that is repeated counts as a weighted field does in Robertson, Zaragoza and Taylor, "Simple
    BM25 extension to multiple weighted fields" (2004).
    """
    return document_terms("\n".join([*[indexed_text(chunk)] * OWN_WEIGHT, *around[chunk["chunk_id"]]]))


def indexed_text(chunk: Chunk) -> str:
    """Title, heading path and text of a chunk, uncut: terms know no window."""
    head = _head(chunk)
    return f"{head}\n{chunk['text']}" if head else str(chunk["text"])


def wording(text: str, vector: NDArray[np.float32]) -> Wording:
    """A wording of a question, whose vector the embedder made."""
    return Wording(vector, query_terms(text))


def build_index(
    chunks: pd.DataFrame, embedder: Embedder, vectors: VectorStore, tell: Callable[[str], object]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Let the vector store make an index of the chunks; returns a report and numbers about it."""
    rows = records(chunks)
    around = surroundings(rows)
    info = vectors.sync(
        placed(rows, around), space(embedder), lambda fresh: entries(embedder, fresh, around, tell)
    )
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


def _tenths(total: int, tell: Callable[[str], object]) -> Callable[[int], None]:
    """Tells of progress, but only when another tenth of the texts is done."""
    told = 0

    def progress(done: int) -> None:
        nonlocal told
        if total and done * PROGRESS_STEPS // total > told:
            told = done * PROGRESS_STEPS // total
            tell(f"embedded {done:,} of {total:,} chunks")

    return progress


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
