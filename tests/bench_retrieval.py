"""How well each retriever finds the sections of a corpus by their headings; all of them, not a sample.

    python -m tests.bench_retrieval [twins.yaml] [--sources KIND ...]

Reads, cleans, cuts and embeds the sources (of some kinds, where any is named), takes the headings out
of what is indexed, and prints hit, recall, MRR and nDCG at 10 with 95 % intervals: for all authors
together and for each apart, in the same index. With hand-written questions, for these too.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from llm_twin_assets.contracts import CHUNKS, CLEANED_DOCUMENTS, RAW_DOCUMENTS, empty
from llm_twin_assets.documents.chunking import MAX_TOKENS, SPECIAL_TOKENS, chunk_documents
from llm_twin_assets.documents.preparing import clean_documents
from llm_twin_assets.documents.rules import Rules
from llm_twin_assets.retrieval.embedding import build_index, space
from llm_twin_assets.retrieval.evaluating import Candidate, unheaded_index
from llm_twin_assets.retrieval.measuring import FEWEST_QUERIES, READ_PATH, Score
from llm_twin_assets.retrieval.qrels import Query, heading_queries
from llm_twin_assets.retrieval.query_vectors import QueryVectors
from llm_twin_assets.retrieval.questions import hand_written
from llm_twin_assets.retrieval.reporting import metrics, table
from llm_twin_assets.sources.connectors import look, raw_documents
from llm_twin_assets.sources.rows import records
from resources.catalog import Catalog
from resources.edge_store import EdgeStore
from resources.embedder import Embedder, build_embedder
from resources.reranker import build_reranker
from resources.settings import Settings
from resources.twins import Twins, load_twins

if TYPE_CHECKING:
    Scores = dict[str, list[Score]]

ALL = 10**9


def main(config: str = "twins.yaml", *arguments: str) -> None:
    """Print the tables of a twins file's sources."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sources", nargs="*", default=[])
    kinds = parser.parse_args(arguments).sources
    twins, settings = load_twins(Path(config).resolve()), Settings()
    embedder = build_embedder(settings)
    with tempfile.TemporaryDirectory() as home:
        chunks = chunks_of(_narrowed(twins, kinds), Path(home), embedder)
        vectors = EdgeStore(Path(home))
        built, _ = build_index(chunks, embedder, vectors, print)
        memory = QueryVectors(Path(home) / "none", embedder, space(embedder))
        candidate = Candidate(
            vectors,
            built["index_id"],
            embedder,
            memory,
            build_reranker(settings),
            most_wordings=settings.wordings,
        )
        _headings(candidate, chunks)
        _questions(candidate, chunks, twins.questions)


def _narrowed(twins: Twins, kinds: Sequence[str]) -> Twins:
    kept = [source for source in twins.sources if source.kind in kinds or not kinds]
    return twins.model_copy(update={"sources": kept})


def chunks_of(twins: Twins, home: Path, embedder: Embedder) -> pd.DataFrame:
    """The chunks of a twins file's sources, without Dagster."""
    catalog = Catalog(twins, home)
    raw = raw_documents(catalog, look(catalog), empty(RAW_DOCUMENTS)).rows
    cleaned = clean_documents(raw, empty(CLEANED_DOCUMENTS), Rules()).rows
    limit = min(MAX_TOKENS, embedder.window - SPECIAL_TOKENS)
    return chunk_documents(cleaned, empty(CHUNKS), embedder.tokenizer(), limit).rows


def _headings(candidate: Candidate, chunks: pd.DataFrame) -> None:
    queries = heading_queries(chunks, ALL)
    with unheaded_index(candidate, records(chunks), queries) as unheaded:
        scores = candidate.measured(unheaded).scores(queries, candidate.wordings(queries))
    _print("headings", scores)
    for author, positions in _by_author(queries, chunks).items():
        _print(author, {name: [found[at] for at in positions] for name, found in scores.items()})


def _questions(candidate: Candidate, chunks: pd.DataFrame, path: Path | None) -> None:
    asked = hand_written(path, chunks)
    whole = candidate.measured(candidate.index_id)
    _print("questions", whole.scores(asked.queries, candidate.wordings(asked.queries)))
    print("\n".join(f"lost: {one}" for one in asked.lost))


def _by_author(queries: Sequence[Query], chunks: pd.DataFrame) -> dict[str, list[int]]:
    authors = dict(zip(chunks["chunk_id"], chunks["author"], strict=True))
    found: dict[str, list[int]] = {}
    for position, query in enumerate(queries):
        found.setdefault(authors[min(query.relevant)], []).append(position)
    return found


def _print(name: str, scores: "Scores") -> None:
    count = len(scores[READ_PATH])
    if count >= FEWEST_QUERIES:
        print(f"\n{name}: {count} queries\n{table({'metrics': {name: metrics(scores)}})}", flush=True)


if __name__ == "__main__":
    import sys

    main(*sys.argv[1:])
