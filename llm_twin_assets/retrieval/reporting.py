"""What is kept of a measurement, and how a person reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import pandas as pd

from llm_twin_assets.retrieval.measuring import (
    AS_LIVE,
    FEWEST_QUERIES,
    METRICS,
    READ_PATH,
    RETRIEVERS,
    Score,
    interval,
)
from llm_twin_assets.sources.preview import mean_and_interval, preview
from llm_twin_assets.sources.preview import table as markdown_table

Report = dict[str, Any]
Metrics = dict[str, dict[str, float]]
HARDEST: Final = ["query", "relevant", "reciprocal_rank", "ndcg"]


def metrics(scores: Mapping[str, Sequence[Score]]) -> dict[str, Metrics]:
    """For each retriever each metric's mean with its interval; nothing of too few queries."""
    if len(scores[READ_PATH]) < FEWEST_QUERIES:
        return {}
    return {name: _intervals(scores[name]) for name in RETRIEVERS}


def rows(scores: Mapping[str, Sequence[Score]]) -> list[dict[str, Any]]:
    """One row for each query: what the read path found, and its nDCG@10 as live."""
    pairs = zip(scores[READ_PATH], scores[AS_LIVE], strict=True)
    return [asdict(read) | {"ndcg_as_live": live.ndcg} for read, live in pairs]


def compared_rows(
    scores: Mapping[str, Sequence[Score]], stored: Mapping[str, Sequence[Score]]
) -> list[dict[str, Any]]:
    """Such rows with what the candidate's own vectors found too: two numbers are compared with live."""
    triples = zip(rows(scores), stored["dense"], stored[AS_LIVE], strict=True)
    return [row | {"stored_ndcg": own.ndcg, "stored_ndcg_as_live": live.ndcg} for row, own, live in triples]


def numbers(report: Report) -> dict[str, Any]:
    """What is worth plotting: the read path's metrics on headings and on questions."""
    found: dict[str, Any] = {
        "state": report["state"],
        "queries": len(report["queries"]),
        "questions": len(report["questions"]),
        "lost_questions": report["lost_questions"],
    }
    for before, name in (("", "headings"), ("questions/", "questions")):
        for metric, one in report["metrics"][name].get(READ_PATH, {}).items():
            key = f"{before}{metric}"
            found |= {key: one["mean"], f"{key}/low": one["low"], f"{key}/high": one["high"]}
    return found


def table(report: Report) -> str:
    """A markdown table: retrievers by metrics, with their 95 % intervals, for each set of queries."""
    lines = [
        [name, retriever, *(mean_and_interval(found[metric]) for metric in METRICS)]
        for name, retrievers in report["metrics"].items()
        for retriever, found in retrievers.items()
    ]
    return markdown_table(["queries", "retriever", *METRICS], lines)


def hardest(report: Report) -> str:
    """A markdown table of the headings that found least."""
    return preview(pd.DataFrame(report["queries"], columns=HARDEST).sort_values(["ndcg", "query"]), HARDEST)


def _intervals(scores: Sequence[Score]) -> Metrics:
    return {
        metric: asdict(interval([getattr(one, column) for one in scores]))
        for metric, column in METRICS.items()
    }
