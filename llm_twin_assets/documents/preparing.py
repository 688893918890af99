"""All raw documents cleaned together: furniture, copies, languages and splits need every one of them."""

from collections import defaultdict
from typing import Final

import pandas as pd

from llm_twin_assets.contracts import CLEANED_DOCUMENTS, COPIES, rejected, shaped
from llm_twin_assets.documents.counting import numbers
from llm_twin_assets.documents.drafts import Draft, draft, finish
from llm_twin_assets.documents.duplicates import deduplicated
from llm_twin_assets.documents.furniture import repeated
from llm_twin_assets.documents.language import author_language, count_words
from llm_twin_assets.documents.rules import Row, Rules
from llm_twin_assets.documents.splits import assign_splits
from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.reading import Refused
from llm_twin_assets.sources.rows import records
from resources.store import Table

_MADE: Final = list(COPIES.columns)


def clean_documents(
    raw: pd.DataFrame, previous: pd.DataFrame, rules: Rules, copies: pd.DataFrame | None = None
) -> Table:
    """Raw documents cleaned, each with its cluster and its split, in the order of their ids.

    `previous` holds the rows of the last time, `copies` what was kept aside then: a document keeps its
    cleaned row while its raw row, the rules and its furniture are as they were, and it keeps the split
    it once had. Copies of another
    document, what is no document, and what no model may learn from are in the rejected table.
    """
    known = records(previous) + (records(copies) if copies is not None else [])
    before = {row["document_id"]: row for row in known}
    drafts = [draft(row, before.get(row["document_id"]), rules) for row in records(raw)]
    made, left = _finished(drafts, rules)
    reused = sum(before.get(row["document_id"]) is row for row in made)
    every = pd.DataFrame(made, columns=_MADE)
    distinct = deduplicated(every, previous)
    table = assign_splits(_with_languages(distinct.kept), distinct.decided)
    table = shaped(table, CLEANED_DOCUMENTS)
    left += [*distinct.dropped, *_held_back(table)]
    metadata = {"reused_documents": reused, "computed_documents": len(raw) - reused}
    aside = shaped(every[~every["document_id"].isin(table["document_id"])], COPIES)
    return Table(table, rejected(left, "cleaned_documents"), metadata | numbers(raw, table, left), aside)


def _finished(drafts: list[Draft], rules: Rules) -> tuple[list[Row], list[tuple[str, Reason, str]]]:
    """The rows of the documents that are any, and what is left out; empties the list of drafts."""
    lines: defaultdict[str, list[bytes]] = defaultdict(list)
    for made in drafts:
        lines[made.raw["author"]].append(made.lines)
    furniture = {author: repeated(hashes) for author, hashes in lines.items()}
    rows, left = [], []
    # Each is let go as it is finished: texts are most of the memory that this stage takes.
    while drafts:
        made = drafts.pop()
        try:
            rows.append(finish(made, furniture[made.raw["author"]], rules))
        except Refused as refused:
            left.append((made.raw["document_id"], refused.reason, refused.detail))
    return rows[::-1], left[::-1]


def _held_back(table: pd.DataFrame) -> list[tuple[str, Reason, str]]:
    """What no model learns from, as rows of the rejected table: nothing is left out in silence."""
    rows = records(table[["document_id", "withheld", "uri", "author"]])
    return [
        (
            row["document_id"],
            Reason(row["withheld"]),
            f"{row['uri']}: by {row['author']}, kept for retrieval only",
        )
        for row in rows
        if row["withheld"]
    ]


def _with_languages(documents: pd.DataFrame) -> pd.DataFrame:
    """The documents; what is not in the language that its author mostly writes is withheld too."""
    mostly = _languages(documents)
    rows = records(documents[["author", "language", "withheld"]])
    withheld = [_withheld(row, mostly.get(row["author"])) for row in rows]
    return documents.assign(withheld=pd.Series(withheld, index=documents.index, dtype="string"))


def _languages(documents: pd.DataFrame) -> dict[str, str | None]:
    spoken: defaultdict[str, list[tuple[str | None, int]]] = defaultdict(list)
    learned = documents[documents["withheld"].isna() | (documents["withheld"] == Reason.OTHER_LANGUAGE)]
    for row in records(learned[["author", "language", "text"]]):
        spoken[row["author"]].append((row["language"], count_words(row["text"])))
    return {author: author_language(found) for author, found in spoken.items()}


def _withheld(row: Row, main: str | None) -> str | None:
    """Why a document is withheld; another language is no reason of the document alone."""
    why: str | None = row["withheld"]
    if why not in (None, Reason.OTHER_LANGUAGE):
        return why
    is_foreign = main and row["language"] and row["language"] != main
    return Reason.OTHER_LANGUAGE.value if is_foreign else None
