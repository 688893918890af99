"""When the bundled base model must be trained again.

Every adapter and every release hangs on the base, so it stays as it is until there is a reason.
"""

from typing import Any, Final

import pandas as pd

from llm_twin_assets.documents.splits import learnable

# The share of the training text, by characters, that may change before the base is trained again.
TOLERATED: Final = 0.2

# What one document gave a model: (document_id, content_hash, characters).
Text = tuple[str, str, int]


def why_retrain(before: dict[str, Any] | None, recipe: dict[str, Any], now: list[Text]) -> str | None:
    """The reason to train again, in words, or None to stay with the base there is.

    `before` is the metadata of the base there is, with its `recipe` and the texts it was `trained_on`;
    `now` lists today's training texts.
    """
    if before is None:
        return "there is no base model yet"
    if before.get("recipe") != recipe:
        return "its recipe changed"
    known = {name: (content, size) for name, content, size in before["trained_on"]}
    gone = len(known.keys() - {name for name, _, _ in now})
    if gone:
        return f"{gone} of its documents left the training text"
    changed = sum(size for name, content, size in now if known.get(name, ("", 0))[0] != content)
    share = changed / max(1, sum(size for _, size in known.values()))
    return f"{share:.0%} of its training text changed" if share > TOLERATED else None


def training_texts(documents: pd.DataFrame) -> list[Text]:
    """The texts of the train split, in order of their ids."""
    train = learnable(documents, "train").sort_values("document_id")
    columns = zip(train["document_id"], train["content_hash"], train["text"].str.len(), strict=True)
    return [(str(name), str(content), int(size)) for name, content, size in columns]
