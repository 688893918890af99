"""What is measured of each model: bits of the test documents, and answers; what is known is kept."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from llm_twin_assets.evaluation.answers import Answer, Asked

# model version -> document id -> {"bits", "bytes", "content_hash"}
Scores = dict[str, dict[str, dict[str, Any]]]
# model version -> the prompt's key -> an answer's fields
Answers = dict[str, dict[str, dict[str, Any]]]


@dataclass(frozen=True)
class Candidate:
    """A model to measure: a base (location and hub revision), with the folder of an adapter on it or None.

    `version` is the adapter's, or the base's where there is no adapter.
    """

    version: str
    base: str
    revision: str
    adapter: str | None


@dataclass(frozen=True)
class Material:
    """What models are measured on: test documents, prompts, and the texts that they learned from."""

    documents: pd.DataFrame
    asked: Sequence[Asked] = ()
    learned: Sequence[str] = ()


@dataclass(frozen=True)
class Measurements:
    """What is known of models, by their versions."""

    scores: Scores = field(default_factory=dict)
    answers: Answers = field(default_factory=dict)

    def answer(self, version: str, asked: Asked) -> Answer | None:
        """What a model answered, None where it was not asked."""
        found = self.answers.get(version, {}).get(asked.key)
        return Answer(**found) if found else None


def measured(
    candidates: Sequence[Candidate], material: Material, known: Measurements, threads: int
) -> Measurements:
    """Every candidate's bits and answers; a model is loaded only where `known` lacks something."""
    scores, answers = {}, {}
    for one in candidates:
        bits, said = _kept(one.version, material, known)
        rows = material.documents
        documents = rows[~rows["document_id"].isin(list(bits))]
        asked = _unanswered(material.asked, said)
        if len(documents) or asked:
            model, tokenizer = _loaded(one, threads)
            bits |= dict(_bits(model, tokenizer, documents))
            said |= _said(model, tokenizer, asked, material.learned)
        scores[one.version], answers[one.version] = bits, said
    return Measurements(scores, answers)


def known_measurements(
    candidates: Sequence[Candidate], material: Material, known: Measurements
) -> Measurements:
    """What is known of these models on this material as it is now; no model is run."""
    found = {one.version: _kept(one.version, material, known) for one in candidates}
    return Measurements(
        {v: bits for v, (bits, _) in found.items()}, {v: said for v, (_, said) in found.items()}
    )


def per_byte(scores: Scores, version: str, documents: pd.DataFrame) -> list[float]:
    """Bits per byte of each document under a model, in the documents' order."""
    found = (scores[version][name] for name in documents["document_id"])
    return [score["bits"] / score["bytes"] for score in found]


def _kept(
    version: str, material: Material, known: Measurements
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """A model's known scores of these documents as they are now, and its known answers to these prompts."""
    before, answered = known.scores.get(version, {}), known.answers.get(version, {})
    columns = (material.documents[name] for name in ("document_id", "content_hash"))
    now = dict(zip(*columns, strict=True))
    bits = {name: one for name, one in before.items() if now.get(name) == one["content_hash"]}
    keys = {asked.key for asked in material.asked}
    return bits, {key: one for key, one in answered.items() if key in keys}


def _unanswered(asked: Sequence[Asked], said: Mapping[str, Any]) -> list[Asked]:
    """The prompts that lack an answer, each once."""
    return list({one.key: one for one in asked if one.key not in said}.values())


def _loaded(candidate: Candidate, threads: int) -> tuple[Any, Any]:
    import torch

    from llm_twin_assets.training.loading import load_adapted, load_base

    torch.set_num_threads(threads)
    model, tokenizer = load_base(candidate.base, candidate.revision)
    return (load_adapted(model, candidate.adapter) if candidate.adapter else model), tokenizer


def _bits(model: Any, tokenizer: Any, documents: pd.DataFrame) -> Iterator[tuple[str, dict[str, Any]]]:
    from llm_twin_assets.evaluation.bits_per_byte import bits, window_of

    for document in documents.to_dict("records"):
        text = document["text"]
        score = {"bits": bits(model, tokenizer, text, window_of(model)), "bytes": len(text.encode())}
        yield document["document_id"], score | {"content_hash": document["content_hash"]}


def _said(
    model: Any, tokenizer: Any, asked: list[Asked], learned: Sequence[str]
) -> dict[str, dict[str, Any]]:
    from llm_twin_assets.evaluation.answers import answers

    made = answers(model, tokenizer, asked, learned)
    return {one.key: asdict(answer) for one, answer in zip(asked, made, strict=True)}
