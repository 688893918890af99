"""What can be told of a request when it is stored, without a language model but for one: one number a score.

style: the probability that the answer's words are the author's. grounded: the share of its quotations that
stand verbatim in the cleaned documents. cited: the share of the chunks it quotes that there still are. stale:
1 where one of these was cut from a document that has changed since, or is gone, else 0. refused: 1 where the
twin declined, else 0. repeated: the share of 4-grams that stood earlier in the answer. length: its words.
language: 1 where it is in the author's language, else 0; nothing is said of fewer than twenty words. nearest:
the cosine of the nearest passage with the question. total_ms: how long it took. judged: how well it answers
the question in a teacher's eyes, 0 to 1; of a sample, where a teacher is configured (opinions.py).

They are told once, against the documents of that hour: an answer that was right does not become wrong because
its document is changed a month later.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pandas as pd

from llm_twin_assets.contracts import ONLINE_SCORES
from llm_twin_assets.documents.language import author_language, language_of
from llm_twin_assets.documents.splits import learnable
from llm_twin_assets.evaluation.overlap import repeated_share
from llm_twin_assets.evaluation.words import tokens
from llm_twin_assets.monitoring.drift_signals import stale
from llm_twin_assets.serving.canary_scores import Scorer, scorer
from llm_twin_assets.sources.preview import table
from resources.store import Store

NOTHING: Final = dict.fromkeys(ONLINE_SCORES, float("nan"))

Row = Mapping[str, Any]
Scores = dict[str, float]


def scoring(
    store: Store, author: str, opinions: Callable[[Sequence[Row]], Sequence[float]] | None = None
) -> Callable[[Sequence[Row]], list[Scores]]:
    """Scores a batch of an author's requests by the documents in the store, which are read at the first.

    opinions: gives each request's `judged`, NaN where it has none.
    """

    def of_batch(rows: Sequence[Row]) -> list[Scores]:
        if not rows:
            return []
        documents, chunks = store.read_or_empty("cleaned_documents"), store.read_or_empty("cleaned_chunks")
        held, live = scorer(documents, chunks, author), frozenset(chunks["content_hash"])
        found = scored(rows, held, live, spoken(documents, author))
        judged = opinions(rows) if opinions else [NOTHING["judged"]] * len(rows)
        return [one | {"judged": opinion} for one, opinion in zip(found, judged, strict=True)]

    return of_batch


def spoken(documents: pd.DataFrame, author: str) -> str | None:
    """The language of most of an author's own words, as cleaning found it; None where it is not known."""
    own = learnable(documents, "train")
    texts = own[own["author"] == author]
    known = texts[["language", "text"]].itertuples(index=False, name=None)
    return author_language([(None if pd.isna(one) else one, len(text.split())) for one, text in known])


def scored(
    rows: Sequence[Row], held: Scorer, live: frozenset[str], language: str | None = None
) -> list[Scores]:
    """The scores of each request, NaN where one cannot be told: of failures only the time can.

    rows: as TraceStore gives them. live: the content hashes of the documents as they are now; where there is
    none, nothing can be said of citations. language: the author's, where it is known.
    """
    outdated = (
        stale([_quoted(row) for row in rows], live).tolist() if live else [NOTHING["stale"]] * len(rows)
    )
    return [_scores(row, held, language) | {"stale": one} for row, one in zip(rows, outdated, strict=True)]


def means_table(rows: pd.DataFrame) -> str:
    """Each score's mean over the requests that have it, and how many these are, in Markdown."""
    cells = [
        [name, f"{values.mean():.4g}" if len(values) else "–", len(values)]
        for name in ONLINE_SCORES
        for values in [rows[name].dropna()]
    ]
    return table(["score", "mean", "requests"], cells)


def _scores(row: Row, held: Scorer, language: str | None) -> Scores:
    found = NOTHING | _timed(row)
    if row["error"] is not None:
        return found
    found |= {"refused": float(row["declined"])} | _nearest(row)
    return found if row["declined"] else found | _said(row, held) | _spoken(row, language)


def _timed(row: Row) -> Scores:
    total = json.loads(row["timings_ms"]).get("total")
    return {} if total is None else {"total_ms": float(total)}


def _nearest(row: Row) -> Scores:
    looked_at = (one.get("scores", {}).get("dense") for one in json.loads(row["retrieved"]))
    cosines = [float(one) for one in looked_at if one is not None]
    return {"nearest": max(cosines)} if cosines else {}


def _said(row: Row, held: Scorer) -> Scores:
    """What only an answer has."""
    words = tokens(row["answer"])
    found = {"repeated": repeated_share(words), "length": float(len(words))} | _cited(row, held)
    parts = held.score(row).parts
    names = {"style": "style", "grounded": "verbatim"}
    return found | {name: float(parts[part]) for name, part in names.items() if part in parts}


def _spoken(row: Row, language: str | None) -> Scores:
    found = language_of(row["answer"]) if language else None
    return {"language": float(found == language)} if found else {}


def _cited(row: Row, held: Scorer) -> Scores:
    chunks = [one["chunk_id"] for one in json.loads(row["citations"])]
    if not chunks or not held.passages:
        return {}
    return {"cited": sum(chunk in held.passages for chunk in chunks) / len(chunks)}


def _quoted(row: Row) -> set[str]:
    """The content hashes of the documents that an answer quotes, as they were when it was given."""
    hashes = {one["chunk_id"]: one["content_hash"] for one in json.loads(row["retrieved"])}
    cited = (one["chunk_id"] for one in json.loads(row["citations"]))
    return {hashes[chunk] for chunk in cited if chunk in hashes}
