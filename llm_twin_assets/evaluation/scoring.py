"""Bits per byte of every test document under several models, with what was measured before kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

# model version -> document id -> {"bits", "bytes", "content_hash"}
Scores = dict[str, dict[str, dict[str, Any]]]


@dataclass(frozen=True)
class Candidate:
    """A model to measure: a base (location and hub revision), with the folder of an adapter on it or None.

    `version` is the adapter's, or the base's where there is no adapter.
    """

    version: str
    base: str
    revision: str
    adapter: str | None


def score(candidates: list[Candidate], documents: pd.DataFrame, known: Scores, threads: int) -> Scores:
    """Every candidate's score on every document; a model is loaded only where `known` lacks a score."""
    return {candidate.version: _scores(candidate, documents, known, threads) for candidate in candidates}


def known_scores(versions: list[str], documents: pd.DataFrame, known: Scores) -> Scores:
    """What is known of these models on these documents as they are now."""
    return {version: dict(_kept(known.get(version, {}), documents)) for version in versions}


def per_byte(scores: Scores, version: str, documents: pd.DataFrame) -> list[float]:
    """Bits per byte of each document under a model, in the documents' order."""
    found = (scores[version][name] for name in documents["document_id"])
    return [score["bits"] / score["bytes"] for score in found]


def _scores(
    candidate: Candidate, documents: pd.DataFrame, known: Scores, threads: int
) -> dict[str, dict[str, Any]]:
    kept = dict(_kept(known.get(candidate.version, {}), documents))
    missing = documents[~documents["document_id"].isin(list(kept))]
    return kept | dict(_measured(candidate, missing, threads)) if len(missing) else kept


def _kept(scores: dict[str, dict[str, Any]], documents: pd.DataFrame) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, content in zip(documents["document_id"], documents["content_hash"], strict=True):
        if name in scores and scores[name]["content_hash"] == content:
            yield name, scores[name]


def _measured(
    candidate: Candidate, documents: pd.DataFrame, threads: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    import torch

    from llm_twin_assets.evaluation.bits_per_byte import bits, window_of
    from llm_twin_assets.training.loading import load_adapted, load_base

    torch.set_num_threads(threads)
    model, tokenizer = load_base(candidate.base, candidate.revision)
    if candidate.adapter:
        model = load_adapted(model, candidate.adapter)
    for document in documents.to_dict("records"):
        text = document["text"]
        yield (
            document["document_id"],
            {
                "bits": bits(model, tokenizer, text, window_of(model)),
                "bytes": len(text.encode()),
                "content_hash": document["content_hash"],
            },
        )
