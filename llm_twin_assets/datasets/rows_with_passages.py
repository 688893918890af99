"""Training rows whose prompt carries passages, as the prompt of a served twin does.

A twin that only ever saw bare questions has no manner for a prompt full of its own writings. So a share of
the training rows has a second row: the same question and answer, beside other passages of the author that a
search for the question finds (compare RAFT, Zhang et al., arXiv 2403.10131). None is of the answer's document
or its cluster, and none shares a 13-gram with the answer: there would be something to copy.
"""

import json
import math
from collections.abc import Hashable, Iterator
from typing import Any, Final

import numpy as np
import pandas as pd

from llm_twin_assets.contracts import INSTRUCT_ROWS, digest, row_id, shaped
from llm_twin_assets.datasets.leaks import grams
from llm_twin_assets.datasets.units import word_count
from llm_twin_assets.documents.splits import learnable
from resources.terms import document_terms, query_terms

# One in so many training rows has a second one.
ONE_IN: Final = 4
PASSAGES: Final = 3
# A chunk below so many words answers nothing.
FEWEST_WORDS: Final = 20
_CANDIDATES: Final = 20

_Row = dict[Hashable, Any]


def passage_rows(
    rows: pd.DataFrame, documents: pd.DataFrame, chunks: pd.DataFrame, author: str
) -> pd.DataFrame:
    """The second rows for a quarter of the training rows; `passages` is a JSON list of chunk ids, best first.

    `rows` are one author's; `documents` and `chunks` the cleaned ones of all. Passages come from the author's
    training documents. A row that nothing is found for has no second one.
    """
    pool = _Pool(_own(documents, author), chunks)
    made = []
    for row in rows[rows["split"] == "train"].to_dict("records"):
        found = pool.found(row["instruction"], row["document_id"], row["answer"]) if _is_chosen(row) else []
        if found:
            made.append(_second(row, found))
    return shaped(pd.DataFrame(made, columns=list(INSTRUCT_ROWS.columns)), INSTRUCT_ROWS)


def passages_version(documents: pd.DataFrame, chunks: pd.DataFrame, author: str) -> str:
    """A hash of what an author's passages are taken from: equal exactly where they would be the same."""
    clusters = _own(documents, author)
    found = chunks[chunks["document_id"].isin(clusters.keys())]
    return digest(
        sorted(
            (chunk, clusters[name])
            for chunk, name in zip(found["chunk_id"], found["document_id"], strict=True)
        )
    )


def _own(documents: pd.DataFrame, author: str) -> dict[str, str]:
    """The cluster of each of the author's training documents, by document id."""
    own = learnable(documents, "train")
    rows = own[own["author"] == author]
    return dict(zip(map(str, rows["document_id"]), map(str, rows["cluster_id"]), strict=True))


def _is_chosen(row: _Row) -> bool:
    return int(digest(row["row_id"], "passages")[:8], 16) % ONE_IN == 0


def _second(row: _Row, found: list[str]) -> _Row:
    name = row_id(row["twin"], row["document_id"], row["start"], row["end"], f"{row['intent']}/passages")
    return row | {"row_id": name, "passages": json.dumps(found)}


class _Pool:
    """One author's training chunks, searched by BM25 (weights by resources.terms, idf over the pool)."""

    def __init__(self, clusters: dict[str, str], chunks: pd.DataFrame) -> None:
        own = chunks[chunks["document_id"].isin(clusters.keys())]
        rows = own[own["text"].map(word_count) >= FEWEST_WORDS].sort_values("chunk_id")
        self._ids = list(rows["chunk_id"])
        self._texts = list(rows["text"])
        self._clusters = clusters
        self._of = rows["document_id"].map(clusters).to_numpy()
        self._postings: dict[int, list[tuple[int, float]]] = {}
        for place, text in enumerate(self._texts):
            terms = document_terms(text)
            for term, weight in zip(terms.indices, terms.weights, strict=True):
                self._postings.setdefault(term, []).append((place, weight))

    def found(self, question: str, document: str, answer: str) -> list[str]:
        """The ids of the best chunks for a question that give nothing of its answer away, best first."""
        scores = self._scores(question)
        scores[self._of == self._clusters[document]] = 0.0
        order = np.argsort(-scores, kind="stable")[:_CANDIDATES]
        near = [int(place) for place in order if scores[place] > 0]
        return list(self._without(near, answer))[:PASSAGES]

    def _without(self, places: list[int], answer: str) -> Iterator[str]:
        given = grams(answer)
        for place in places:
            if not given & grams(self._texts[place]):
                yield self._ids[place]

    def _scores(self, question: str) -> "np.ndarray[Any, np.dtype[np.float64]]":
        scores = np.zeros(len(self._ids))
        for term in query_terms(question).indices:
            postings = self._postings.get(term, [])
            idf = math.log(1 + (len(self._ids) - len(postings) + 0.5) / (len(postings) + 0.5))
            for place, weight in postings:
                scores[place] += idf * weight
        return scores
