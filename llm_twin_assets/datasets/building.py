"""The whole instruct dataset of a twin: rows by templates or a teacher, with passages, and from feedback."""

from typing import Any

import pandas as pd

from llm_twin_assets.contracts import ACCEPTED_FEEDBACK, INSTRUCT_ROWS, SPLITS, empty, rejected, shaped
from llm_twin_assets.datasets.feedback_rows import is_feedback, joined
from llm_twin_assets.datasets.instruct import instruct_rows
from llm_twin_assets.datasets.leaks import leak_numbers
from llm_twin_assets.datasets.rows_with_passages import passage_rows
from llm_twin_assets.datasets.spending import Purse
from llm_twin_assets.datasets.synthesis import taught
from resources.store import Table


def dataset(
    documents: pd.DataFrame,
    chunks: pd.DataFrame,
    twin: str,
    author: str,
    purse: Purse | None = None,
    accepted: pd.DataFrame | None = None,
) -> Table:
    """A twin's rows from all cleaned documents and chunks; with a purse a teacher writes the instructions.

    accepted: the rows of accepted_feedback, which join at the end; None for none.
    Raises CostCapError where the teacher would cost more than it may.
    """
    made = instruct_rows(documents, twin, author)
    assert made.rejected is not None
    rows, left, numbers = made.rows, [made.rejected], dict(made.metadata)
    if purse is not None:
        written = taught(rows, purse)
        rows, numbers = written.rows, numbers | written.numbers
        left.append(rejected(written.left, "instruct_dataset"))
    rows = shaped(pd.concat([rows, passage_rows(rows, documents, chunks, author)]), INSTRUCT_ROWS)
    told = joined(rows, empty(ACCEPTED_FEEDBACK) if accepted is None else accepted, documents, author)
    left.append(rejected(told.left, "instruct_dataset"))
    rows = told.rows
    return Table(rows, pd.concat(left, ignore_index=True), numbers | _counts(rows) | leak_numbers(rows))


def _counts(rows: pd.DataFrame) -> dict[str, Any]:
    counts = {f"rows/{split}": int((rows["split"] == split).sum()) for split in SPLITS}
    with_passages, feedback = (rows["passages"] != "").sum(), is_feedback(rows).sum()
    return counts | {"rows/with_passages": int(with_passages), "rows/feedback": int(feedback)}
