"""What a change costs in retrieval: all embedded, nothing changed, one document changed, one deleted.

python -m tests.bench_reindex [TWINS_FILE]
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from llm_twin_assets.contracts import chunk_id, content_hash
from llm_twin_assets.retrieval.embedding import build_index
from llm_twin_assets.retrieval.search import Searcher
from resources.edge_store import EdgeStore
from resources.embedder import build_embedder
from resources.settings import Settings
from resources.twins import load_twins
from tests.bench_retrieval import chunks_of


def main(config: str = "twins.yaml") -> None:
    """Print seconds, and shares of the first build."""
    embedder = build_embedder(Settings())
    with tempfile.TemporaryDirectory() as folder:
        chunks = chunks_of(load_twins(Path(config).resolve()), Path(folder), embedder)
        vectors = EdgeStore(Path(folder))
        embedder.encode(["warm"])

        def built(name: str, rows: pd.DataFrame, first: float | None = None) -> float:
            seconds, (content, numbers) = _timed(
                lambda: build_index(rows, embedder, vectors, lambda said: None)
            )
            vectors.publish(content["index_id"])
            share = f", {seconds / first:.3f} of the first" if first else ""
            print(f"{name}: {seconds:.2f} s{share}, {numbers}", flush=True)
            return seconds

        documents = chunks["document_id"].nunique()
        print(f"{documents} documents, {len(chunks)} chunks, {chunks['n_tokens'].sum():,} tokens")
        first = built("all", chunks)
        built("nothing changed", chunks, first)
        changed, document = _changed(chunks)
        built("one document changed", changed, first)
        left = changed[changed["document_id"] != document]
        built("that document deleted", left, first)
        found = Searcher(embedder, vectors).search(str(changed["title"].iloc[0]), 100).hits
        there = sum(hit.payload["document_id"] == document for hit in found)
        print(f"hits in the deleted document: {there}; indexes that hold it: {vectors.holding(document)}")


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def _changed(chunks: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The chunks with every chunk of a document of middling length written anew."""
    sizes = chunks.groupby("document_id").size().sort_values()
    document = str(sizes.index[len(sizes) // 2])
    rows = chunks.copy()
    own = rows["document_id"] == document
    rows.loc[own, "text"] = rows.loc[own, "text"] + " And more."
    rows.loc[own, "chunk_id"] = [chunk_id(document, text, 0) for text in rows.loc[own, "text"]]
    rows.loc[own, "content_hash"] = content_hash("changed")
    return rows, document


if __name__ == "__main__":
    main(*sys.argv[1:])
