"""How fast and how right the embedded store searches, next to the client's local mode and an exact scan.

    python -m tests.bench_search [SIZE ...] [--local MOST]

Generates SIZE chunks (vectors of 384 numbers in a thousand clusters, whose spectrum falls off as that of
sentence embeddings does; texts of 100 words from a Zipf vocabulary), indexes them and asks 200 questions:
by vector, by vector for one author of ten, and by vector and terms. Sizes and engines run in processes of
their own. The client's local mode is asked up to MOST chunks. Prints a Markdown table for each.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from resources.qdrant_points import sparse
from resources.qdrant_query import condition
from resources.terms import document_terms, query_terms
from resources.vector_store import DENSE, DEPTH, RANK_CONSTANT, SPARSE, Entries, Filters, Wording

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from resources.vector_store import Chunk

    Ask = Callable[[Wording, Filters, str], list[str]]

SIZES = (1_000, 10_000, 100_000)
LOCAL_MOST = 100_000
DIMENSION, CLUSTERS, AUTHORS, QUESTIONS, K = 384, 1_000, 10, 200, 10
# Questions of one kind are asked no longer than this.
SECONDS = 30
VOCABULARY, WORDS, ASKED = 20_000, 100, 6
CHUNKS_A_DOCUMENT = 30
ASKS = {"dense": Filters(), "filtered": Filters(author="author 3"), "hybrid": Filters()}


def main(*arguments: str) -> None:
    """Measure every size with every engine and print the tables."""
    sizes, most = _read(arguments)
    for size in sizes:
        engines = ["edge", "exact", *(["local"] if size <= most else [])]
        made = {name: _apart(name, size) for name in engines}
        print(f"\n{size:,} chunks\n\n{_table(made)}", flush=True)
        if "local" in made:
            times = made["local"]["hybrid"][0] / made["edge"]["hybrid"][0]
            print(f"\nhybrid: {times:.0f} times as fast as local mode (at least 20)", flush=True)


def _read(arguments: tuple[str, ...]) -> tuple[tuple[int, ...], int]:
    words = list(arguments)
    most = LOCAL_MOST
    if "--local" in words:
        place = words.index("--local")
        most = int(words[place + 1])
        del words[place : place + 2]
    return tuple(int(word) for word in words if word.isdigit()) or SIZES, most


def _apart(engine: str, size: int) -> dict[str, Any]:
    """What an engine did in a process of its own."""
    command = [sys.executable, "-m", "tests.bench_search", "--one", engine, str(size)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def _table(made: dict[str, dict[str, Any]]) -> str:
    """A row for each engine."""
    head = ["engine", "build s", "chunks/s", "disk MiB", "memory MiB", "recall@10"]
    head += [f"{name} p50 / p99 ms" for name in ASKS]
    rows = [" | ".join(head), " | ".join("---" for _ in head)]
    for engine, one in made.items():
        cells = [engine, f"{one['build']:.1f}", f"{one['rate']:,.0f}", f"{one['disk']:,.0f}"]
        cells += [f"{one['memory']:,.0f}", f"{one['recall']:.3f}"]
        cells += [f"{one[name][0]:.2f} / {one[name][1]:.2f}" if name in one else "" for name in ASKS]
        rows.append(" | ".join(cells))
    return "\n".join(f"| {row} |" for row in rows)


def one(engine: str, size: int) -> dict[str, Any]:
    """Build an index of so many chunks with an engine, and ask it every question."""
    vectors, chunks = embeddings(size), texts(size)
    asked = questions(chunks)
    terms = [document_terms(chunk["text"]) for chunk in chunks] if engine == "local" else []
    with tempfile.TemporaryDirectory() as folder:
        before, started = _memory(), time.monotonic()
        ask = ENGINES[engine](Path(folder), chunks, vectors, terms)
        build = time.monotonic() - started
        blocks = sum(path.stat().st_blocks for path in Path(folder).rglob("*") if path.is_file())
        found = {"build": build, "rate": size / build, "disk": blocks / 2048}
        for name, filters in ASKS.items():
            if name != "hybrid" or engine != "exact":
                found[name] = _percentiles(ask, asked, filters, "hybrid" if name == "hybrid" else "dense")
        found["recall"] = _recall(ask, asked, vectors, chunks)
        return found | {"memory": _memory() - before}


def _percentiles(ask: "Ask", asked: list[Wording], filters: Filters, retriever: str) -> tuple[float, float]:
    """Milliseconds of the middle question and of the slowest in a hundred, of all that time allows."""
    for wording in asked[:3]:
        ask(wording, filters, retriever)
    spent: list[float] = []
    while len(spent) < len(asked) and sum(spent) < 1000 * SECONDS:
        started = time.perf_counter()
        ask(asked[len(spent)], filters, retriever)
        spent.append(1000 * (time.perf_counter() - started))
    return float(np.percentile(spent, 50)), float(np.percentile(spent, 99))


def _recall(ask: "Ask", asked: list[Wording], vectors: "NDArray[np.float32]", chunks: "list[Chunk]") -> float:
    """Which part of the ten chunks that are really nearest is among the ten that were found."""
    ids = [chunk["chunk_id"] for chunk in chunks]
    shares = []
    for wording in asked:
        nearest = {ids[row] for row in _best(vectors @ wording.vector, K)}
        shares.append(len(nearest.intersection(ask(wording, Filters(), "dense"))) / K)
    return float(np.mean(shares))


def _best(scores: "NDArray[np.float32]", k: int) -> "NDArray[np.intp]":
    rows = np.argpartition(-scores, min(k, len(scores) - 1))[:k]
    return rows[np.argsort(-scores[rows])]


def embeddings(size: int, seed: int = 1) -> "NDArray[np.float32]":
    """Vectors of length one in clusters; another seed draws others from the same clusters."""
    shape, chance = np.random.default_rng(0), np.random.default_rng(seed)
    spectrum = (np.arange(DIMENSION) + 1.0) ** -0.5
    spectrum /= np.linalg.norm(spectrum)
    turned = np.linalg.qr(shape.normal(size=(DIMENSION, DIMENSION)))[0].astype(np.float32)
    centres = (shape.normal(size=(CLUSTERS, DIMENSION)) * spectrum).astype(np.float32)
    made = np.empty((size, DIMENSION), dtype=np.float32)
    for start in range(0, size, 10_000):
        rows = made[start : start + 10_000]
        noise = chance.normal(size=rows.shape) * spectrum
        rows[:] = (centres[chance.integers(CLUSTERS, size=len(rows))] + 0.8 * noise) @ turned
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return made


def texts(size: int) -> "list[Chunk]":
    """Chunks as the documents' stages make them."""
    chance, vocabulary = np.random.default_rng(2), np.array(_vocabulary())
    odds = 1.0 / (np.arange(VOCABULARY) + 2.7)
    odds = np.cumsum(odds / odds.sum())
    made = []
    for number in range(size):
        words = vocabulary[np.searchsorted(odds, chance.random(WORDS))]
        made.append(_chunk(number, " ".join(words)))
    return made


@cache
def _vocabulary() -> list[str]:
    """Words of two to four syllables, no two alike."""
    syllables = [first + second for first in "bdfgklmnprstv" for second in "aeiou"]
    chance, words = np.random.default_rng(3), dict.fromkeys(["".join(syllables[:2])])
    while len(words) < VOCABULARY:
        words["".join(chance.choice(syllables, size=chance.integers(2, 5)))] = None
    return list(words)


def _chunk(number: int, text: str) -> "Chunk":
    document = number // CHUNKS_A_DOCUMENT
    return {
        "chunk_id": str(uuid.UUID(int=number + 1)),
        "document_id": str(uuid.UUID(int=2**64 + document)),
        "ordinal": number % CHUNKS_A_DOCUMENT,
        "start": 0,
        "end": len(text),
        "heading_path": f"Page {document} > Part {number % CHUNKS_A_DOCUMENT}",
        "text": text,
        "title": f"Page {document}",
        "author": f"author {document % AUTHORS}",
        "platform": ("folder", "git", "web")[document % 3],
        "kind": ("article", "post", "code")[document % 7 % 3],
        "published_at": f"20{document % 27:02d}-{document % 12 + 1:02d}-{document % 28 + 1:02d}",
    }


def questions(chunks: "list[Chunk]") -> list[Wording]:
    """Vectors from the same clusters, and some words of a chunk each."""
    chance, made = np.random.default_rng(4), []
    for vector in embeddings(QUESTIONS, seed=5):
        words = chunks[chance.integers(len(chunks))]["text"].split()
        made.append(Wording(vector, query_terms(" ".join(chance.choice(words, size=ASKED)))))
    return made


def _edge(folder: Path, chunks: "list[Chunk]", vectors: "NDArray[np.float32]", _terms: Any) -> "Ask":
    from resources.edge_store import EdgeStore

    def embed(some: "list[Chunk]") -> Entries:
        rows = [uuid.UUID(chunk["chunk_id"]).int - 1 for chunk in some]
        return Entries(vectors[rows], [document_terms(chunk["text"]) for chunk in some])

    store = EdgeStore(folder)
    made = store.sync(chunks, "bench@1", embed).index_id

    def ask(wording: Wording, filters: Filters, retriever: str) -> list[str]:
        return [hit.chunk_id for hit in store.search(made, [wording], K, filters, retriever)]

    return ask


def _exact(_folder: Path, chunks: "list[Chunk]", vectors: "NDArray[np.float32]", _terms: Any) -> "Ask":
    authors = np.array([chunk["author"] for chunk in chunks])

    def ask(wording: Wording, filters: Filters, _retriever: str) -> list[str]:
        scores = vectors @ wording.vector
        if filters.author is not None:
            scores = np.where(authors == filters.author, scores, -np.inf)
        return [chunks[row]["chunk_id"] for row in _best(scores, K)]

    return ask


def _local(_folder: Path, chunks: "list[Chunk]", vectors: "NDArray[np.float32]", terms: list[Any]) -> "Ask":
    import warnings

    from qdrant_client import QdrantClient

    warnings.simplefilter("ignore")
    client = QdrantClient(":memory:")
    _fill(client, chunks, vectors, terms)
    return partial(_asked, client)


def _fill(client: Any, chunks: "list[Chunk]", vectors: "NDArray[np.float32]", terms: list[Any]) -> None:
    from qdrant_client import models

    client.create_collection(
        "bench",
        {DENSE: models.VectorParams(size=DIMENSION, distance=models.Distance.COSINE)},
        {SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)},
    )
    points = (
        models.PointStruct(
            id=chunk["chunk_id"], vector={DENSE: vector.tolist(), SPARSE: sparse(own)}, payload=chunk
        )
        for chunk, vector, own in zip(chunks, vectors, terms, strict=True)
    )
    while some := list(islice(points, 1000)):
        client.upsert("bench", some)


def _asked(client: Any, wording: Wording, filters: Filters, retriever: str) -> list[str]:
    from qdrant_client import models

    near, by = wording.vector.tolist(), condition(filters)
    if retriever == "dense":
        found = client.query_points("bench", query=near, using=DENSE, query_filter=by, limit=K)
    else:
        prefetch = [
            models.Prefetch(query=near, using=DENSE, limit=DEPTH),
            models.Prefetch(query=sparse(wording.terms), using=SPARSE, limit=DEPTH),
        ]
        fusion = models.RrfQuery(rrf=models.Rrf(k=RANK_CONSTANT + 1))
        found = client.query_points("bench", prefetch=prefetch, query=fusion, limit=K)
    return [str(point.id) for point in found.points]


ENGINES: dict[str, Any] = {"edge": _edge, "exact": _exact, "local": _local}


def _memory() -> float:
    """MiB that this process has in memory now, pages of open files included."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(one(sys.argv[2], int(sys.argv[3]))))
    else:
        main(*sys.argv[1:])
