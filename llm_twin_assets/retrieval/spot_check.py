"""Whether stored vectors are what the model makes of their chunks, asked of a few."""

from typing import Final

import pandas as pd

from llm_twin_assets.contracts import digest
from llm_twin_assets.retrieval.embedding import embedded_text
from llm_twin_assets.sources.rows import records
from resources.embedder import Embedder
from resources.vector_store import VectorStore

LOOKED_AT: Final = 8
# Batches of other lengths round otherwise; another text or model is far below.
LEAST_COSINE: Final = 0.999


def again(chunks: pd.DataFrame, embedder: Embedder, vectors: VectorStore, index_id: str) -> dict[str, float]:
    """For some chunks, embedded once more, the cosine with the stored vector; 0 where none is stored.

    Which they are hangs on the index and the chunks' ids: others for every index.
    """
    chosen = sorted(records(chunks), key=lambda chunk: digest(index_id, chunk["chunk_id"]))[:LOOKED_AT]
    stored = vectors.vectors(index_id, [chunk["chunk_id"] for chunk in chosen])
    tokenizer = embedder.tokenizer()
    made = embedder.encode([embedded_text(chunk, tokenizer, embedder.window) for chunk in chosen])
    pairs = ((chunk["chunk_id"], vector) for chunk, vector in zip(chosen, made, strict=True))
    return {chunk: float(stored[chunk] @ vector) if chunk in stored else 0.0 for chunk, vector in pairs}
