"""What can be wrong with preference pairs, looked for in the stored table itself."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from llm_twin_assets.datasets.contrasts import is_like_long
from llm_twin_assets.datasets.preferences import LARGEST_SHARE
from llm_twin_assets.datasets.units import word_count


def faults(pairs: pd.DataFrame, documents: pd.DataFrame) -> list[str]:
    """Each fault in words: a chosen text that is not the author's span, sides of two splits, a wrong length
    or a kind that leads."""
    known = documents.set_index("document_id")
    found = [fault for row in pairs.to_dict("records") for fault in _of_pair(row, known)]
    return found + _of_shares(pairs)


def _of_pair(row: Mapping[Hashable, Any], known: pd.DataFrame) -> list[str]:
    name, found = row["row_id"], []
    chosen, other = row["document_id"], row["rejected_document_id"]
    text = str(known["text"].get(chosen, ""))
    if text[row["start"] : row["end"]] != row["chosen"]:
        found.append(f"{name}: the chosen text does not stand in its document")
    sides = [document for document in (chosen, other) if not pd.isna(document)]
    if {known["split"].get(document) for document in sides} != {row["split"]}:
        found.append(f"{name}: its texts are not both of the {row['split']} split")
    if not is_like_long(word_count(row["rejected"]), word_count(row["chosen"])):
        found.append(f"{name}: the rejected text gives itself away by its length")
    return found


def _of_shares(pairs: pd.DataFrame) -> list[str]:
    found = []
    for split, rows in pairs.groupby("split"):
        shares = rows["kind"].value_counts(normalize=True)
        if len(shares) and shares.iloc[0] > LARGEST_SHARE:
            found.append(f"{split}: {shares.iloc[0]:.0%} of the pairs are of the kind {shares.index[0]}")
    return found
