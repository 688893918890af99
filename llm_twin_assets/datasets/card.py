"""A dataset's card: what is in it, for whoever trains on it."""

import pandas as pd

from llm_twin_assets.contracts import SPLITS


def card(rows: pd.DataFrame, author: str) -> str:
    """Markdown: counts by intent and split, and where instructions and answers come from."""
    counts = pd.crosstab(rows["intent"], rows["split"]).reindex(columns=list(SPLITS), fill_value=0)
    lines = [f"| {intent} | " + " | ".join(map(str, row)) + " |" for intent, *row in counts.itertuples()]
    head = ["| intent | " + " | ".join(SPLITS) + " |", "| --- |" + " --- |" * len(SPLITS)]
    made = ", ".join(sorted(set(rows["generator"]))) or "nobody"
    about = (
        f"{len(rows)} rows from {rows['document_id'].nunique()} documents by {author}. Every answer is the "
        f"author's own text at its offsets; the instructions are made by {made}."
    )
    return "\n".join([about, "", *head, *lines])
