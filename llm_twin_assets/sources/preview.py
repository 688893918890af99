"""A few rows of a table as Markdown, for the orchestrator's pages."""

import pandas as pd

ROWS = 5
WIDTH = 80


def preview(frame: pd.DataFrame, columns: list[str], rows: int = ROWS) -> str:
    """The first rows of some columns as a Markdown table; long values are cut."""
    head = [f"| {' | '.join(columns)} |", "|" + " --- |" * len(columns)]
    cells = frame[columns].head(rows).astype(object).to_numpy().tolist()
    return "\n".join(head + [f"| {' | '.join(_cell(value) for value in row)} |" for row in cells])


def _cell(value: object) -> str:
    words = "" if pd.isna(value) else " ".join(str(value).split())  # type: ignore[call-overload]
    return words[:WIDTH].replace("\\", "\\\\").replace("|", "\\|")
