"""How fast a corpus is embedded, how exactly, and whether all of it is.

python -m tests.bench_embedding [twins file] [--every N] [--rounds N]

The chunks of a twins file's documents (or every n-th) are embedded in rounds, each way once a round, so
that what else the machine does falls on all alike; medians over the rounds. Each number stands twice:
by wall time, and by CPU time of the process, which other processes disturb less. Compared with
sentence-transformers in float32 on all cores: `encode` of everything (sorted by length, batches of 32),
and `encode` of 10 chunks at a time in the corpus' order. Targets: 1.9 and 2.5 times as many tokens a
second, a cosine of at least 0.999, 65 % of the machine's peak, all of the corpus.

Share of the peak: 2 x the parameters in matrix products x the tokens, over the seconds and the peak.
Attention's own products (a twelfth of the work at 190 tokens) are not counted. The peak is the faster of
two square products, in bfloat16 if the machine multiplies it natively, measured beside every round.
"""

import argparse
import os
import statistics
import tempfile
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from resources.embedder import SentenceEmbedder

ROOT = Path(__file__).parents[1]
QUERY = "what do the authors say about building small houses?"
PEAK_SIZES = (1024, 2048)
PORTION = 10
QUERIES = 100


@dataclass(frozen=True)
class Seconds:
    """Wall and CPU seconds of something."""

    wall: float
    cpu: float


def main(config: str = "twins.yaml", every: int = 1, rounds: int = 3) -> None:
    """Print every figure for a twins file, whose path is relative to the repository."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as build_resources does
    from llm_twin_assets.retrieval.embedding import embedded_text
    from llm_twin_assets.sources.rows import records
    from resources.embedder import build_embedder
    from resources.settings import Settings

    embedder: Any = build_embedder(Settings())
    documents, chunks = corpus(config, embedder)
    tokenizer = embedder.tokenizer()
    texts = [embedded_text(chunk, tokenizer, embedder.window) for chunk in records(chunks)]
    covered(documents, chunks, texts, embedder)
    speed(embedder, texts[::every], rounds)


def corpus(config: str, embedder: "SentenceEmbedder") -> tuple[pd.DataFrame, pd.DataFrame]:
    """The cleaned documents of a twins file and their chunks."""
    from llm_twin_assets.contracts import CHUNKS, CLEANED_DOCUMENTS, COPIES, RAW_DOCUMENTS, empty
    from llm_twin_assets.documents.chunking import chunk_documents
    from llm_twin_assets.documents.preparing import clean_documents
    from llm_twin_assets.documents.rules import Rules
    from llm_twin_assets.sources.connectors import look, raw_documents
    from resources.catalog import Catalog
    from resources.twins import load_twins

    with tempfile.TemporaryDirectory() as home:
        catalog = Catalog(load_twins((ROOT / config).resolve()), Path(home))
        raw = raw_documents(catalog, look(catalog), empty(RAW_DOCUMENTS)).rows
    cleaned = clean_documents(raw, empty(CLEANED_DOCUMENTS), Rules(), empty(COPIES)).rows
    return cleaned, chunk_documents(cleaned, empty(CHUNKS), embedder.tokenizer()).rows


def covered(
    documents: pd.DataFrame, chunks: pd.DataFrame, texts: list[str], embedder: "SentenceEmbedder"
) -> None:
    """Print which share of the documents stands in embedded chunks, and what of the chunks is cut."""
    total = inside = 0
    for row in documents.itertuples():
        own = chunks[chunks["document_id"] == row.document_id]
        held = np.zeros(len(row.text), dtype=bool)
        for start, end in zip(own["start"], own["end"], strict=True):
            held[start:end] = True
        words = ~np.array([sign.isspace() for sign in row.text])
        total, inside = total + int(words.sum()), inside + int((words & held).sum())
    lengths = [embedder.count_tokens(text) for text in texts]
    cut = sum(not text.endswith(own) for text, own in zip(texts, chunks["text"], strict=True))
    above = sum(length > embedder.window for length in lengths)
    print(f"{len(documents)} documents, {len(texts):,} chunks, {sum(lengths):,} tokens")
    print(f"corpus inside embedded chunks: {inside / total:.4%} of characters, white space aside")
    print(f"chunks above the window of {embedder.window} tokens: {above}; whose own text is cut: {cut}")


def speed(embedder: "SentenceEmbedder", texts: list[str], rounds: int) -> None:
    """Print the ratios, the cosine, the share of the peak and the time of one question."""
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(embedder._location, device="cpu")
    tokens = sum(min(embedder.count_tokens(text), embedder.window) for text in texts)
    work = 2 * multiplied(theirs) * tokens
    # In the form in which the embedder reads them; what it takes to compute them is the same.
    plain = [unicodedata.normalize("NFKC", text) for text in texts]
    exact = theirs.encode(plain, normalize_embeddings=True, show_progress_bar=False)
    print(f"cosine to float32: {(embedder.encode(texts) * exact).sum(axis=1).min():.5f} at least (0.999)")
    ways: dict[str, Callable[[], object]] = {
        "ours": lambda: embedder.encode(texts),
        "sorted": lambda: theirs.encode(plain, show_progress_bar=False),
        "portions": lambda: [
            theirs.encode(plain[at : at + PORTION], show_progress_bar=False)
            for at in range(0, len(texts), PORTION)
        ],
    }
    measured: dict[str, list[Seconds]] = {name: [] for name in (*ways, "peak")}
    for _ in range(rounds):
        before = peak()
        for name, way in ways.items():
            measured[name].append(seconds(way))
            # The peak is taken on both sides of what it is compared with.
            if name == "ours":
                after = peak()
        measured["peak"].append(Seconds((before.wall + after.wall) / 2, (before.cpu + after.cpu) / 2))
    report(measured, tokens, work)
    ask(embedder, theirs)


def report(measured: dict[str, list[Seconds]], tokens: int, work: float) -> None:
    """Print medians of what was measured, by wall and by CPU time."""
    for clock in ("wall", "cpu"):
        taken = {name: np.array([getattr(one, clock) for one in row]) for name, row in measured.items()}
        rate, ours = tokens / taken["ours"], taken["ours"]
        share = work / ours * taken["peak"]
        print(
            f"by {clock:4} time: {np.median(rate):,.0f} tokens/s; "
            f"{np.median(taken['sorted'] / ours):.2f} x sorted (1.90), "
            f"{np.median(taken['portions'] / ours):.2f} x {PORTION} at a time (2.50), "
            f"{np.median(share):.1%} of a peak of {np.median(1e-9 / taken['peak']):.0f} GFLOP/s (65 %)"
        )


def ask(embedder: "SentenceEmbedder", theirs: Any) -> None:
    """Print how long one question takes, in turns with sentence-transformers."""
    pairs = []
    for _ in range(QUERIES):
        ours = seconds(lambda: embedder.encode([QUERY])).wall
        pairs.append((ours, seconds(lambda: theirs.encode([QUERY], show_progress_bar=False)).wall))
    ours, other = (1000 * statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"one question, median: {ours:.1f} ms; sentence-transformers {other:.1f} ms")


def seconds(way: Callable[[], object]) -> Seconds:
    wall, cpu = time.perf_counter(), time.process_time()
    way()
    return Seconds(time.perf_counter() - wall, time.process_time() - cpu)


def peak() -> Seconds:
    """Seconds that one floating-point operation of a large matrix product takes on all cores."""
    import torch

    from resources.processor import fast_bfloat16

    dtype = torch.bfloat16 if fast_bfloat16("cpu") else torch.float32
    found = []
    for size in PEAK_SIZES:
        one, other = torch.rand(size, size).to(dtype), torch.rand(size, size).to(dtype)
        torch.mm(one, other)
        times = max(1, int(1e11 / size**3))
        taken = seconds(lambda: [torch.mm(one, other) for _ in range(times)])  # noqa: B023
        work = 2 * size**3 * times
        found.append(Seconds(taken.wall / work, taken.cpu / work))
    return Seconds(min(one.wall for one in found), min(one.cpu for one in found))


def multiplied(model: Any) -> int:
    """The parameters of a sentence-transformers model that stand in matrix products."""
    import torch

    layers = model[0].auto_model.encoder.modules()
    return sum(layer.weight.numel() for layer in layers if isinstance(layer, torch.nn.Linear))


if __name__ == "__main__":
    asked = argparse.ArgumentParser()
    asked.add_argument("config", nargs="?", default="twins.yaml")
    asked.add_argument("--every", type=int, default=1)
    asked.add_argument("--rounds", type=int, default=3)
    main(**vars(asked.parse_args()))
