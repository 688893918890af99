"""Whether any copy is missed, and whose articles are guests': against a comparison of every pair.

python -m tests.bench_copies [twins.yaml]
"""

import sys
import tempfile
from itertools import combinations
from pathlib import Path

import pandas as pd

from llm_twin_assets.contracts import CLEANED_DOCUMENTS, RAW_DOCUMENTS, empty
from llm_twin_assets.documents.duplicates import NEAR_DUPLICATE_FROM, relations
from llm_twin_assets.documents.preparing import clean_documents
from llm_twin_assets.documents.rules import Rules
from llm_twin_assets.documents.shingles import shingles
from llm_twin_assets.sources.connectors import look, raw_documents
from resources.catalog import Catalog
from resources.twins import load_twins


def main(config: str = "twins.yaml") -> None:
    """Print the pairs from 0.7 on that were missed, what was left out as a copy, and the guests."""
    with tempfile.TemporaryDirectory() as home:
        catalog = Catalog(load_twins(Path(config).resolve()), Path(home))
        raw = raw_documents(catalog, look(catalog), empty(RAW_DOCUMENTS)).rows
    cleaned = clean_documents(raw, empty(CLEANED_DOCUMENTS), Rules())
    columns = ["document_id", "uri", "text", "signature"]
    both = pd.concat([cleaned.rows[columns], cleaned.aside[columns]], ignore_index=True)
    sets = {one.document_id: set(shingles(one.text).tolist()) for one in both.itertuples()}
    high = {pair for pair in combinations(sorted(sets), 2) if _jaccard(sets, *pair) >= NEAR_DUPLICATE_FROM}
    found = {(pair.one, pair.other) for pair in relations(both)}
    left = {pair for pair in high if set(pair) <= set(cleaned.rows["document_id"])}
    print(f"{len(both)} documents, {len(sets) * (len(sets) - 1) // 2:,} pairs compared one by one")
    counts = f"{len(high)} pairs, {len(high - found)} missed, {len(left)} left standing"
    print(f"Jaccard from {NEAR_DUPLICATE_FROM}: {counts}")
    for reason in ("duplicate", "near_duplicate", "guest_byline"):
        told = cleaned.rejected[cleaned.rejected["reason"] == reason]["detail"]
        print("\n".join(f"{reason}: {detail}" for detail in told))


def _jaccard(sets: dict[str, set[int]], one: str, other: str) -> float:
    shared = len(sets[one] & sets[other])
    return shared / (len(sets[one]) + len(sets[other]) - shared)


if __name__ == "__main__":
    main(*sys.argv[1:])
