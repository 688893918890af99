"""Cleaned documents of two authors, as the datasets stage finds them."""

import pandas as pd
import pytest

from llm_twin_assets.contracts import CLEANED_DOCUMENTS, conform, content_hash, document_id
from tests.rows import MADE

WORDS = [
    "hedge",
    "kettle",
    "lantern",
    "orchard",
    "pebble",
    "quarry",
    "ribbon",
    "saddle",
    "timber",
    "umbrella",
    "vessel",
    "walnut",
    "meadow",
    "anchor",
    "barrel",
    "candle",
    "dagger",
    "engine",
    "feather",
    "garden",
    "hammer",
    "island",
    "jacket",
    "ladder",
    "mirror",
    "needle",
    "oyster",
    "pillar",
]


def passage(number: int, words: int = 90) -> str:
    """A paragraph of sentences of ten words, different for each number."""
    picked = [WORDS[(number * 7 + at * (number + 3)) % len(WORDS)] for at in range(words)]
    sentences = [picked[at : at + 10] for at in range(0, words, 10)]
    return " ".join(" ".join(sentence).capitalize() + "." for sentence in sentences)


@pytest.fixture
def documents():
    """Makes cleaned documents of (author, split, text) triples."""

    def make(*triples: tuple[str, str, str]) -> pd.DataFrame:
        rows = [_row(number, *triple) for number, triple in enumerate(triples)]
        return conform(pd.DataFrame(rows), CLEANED_DOCUMENTS)

    return make


def _row(number, author, split, text):
    name = document_id(f"test:{number}")
    return {
        "document_id": name,
        "uri": f"test:{number}",
        "title": f"Title {number}",
        "author": author,
        "kind": "article",
        "platform": "test",
        "published_at": None,
        "language": None,
        "text": text,
        "content_hash": content_hash(text),
        **MADE,
        "cluster_id": name,
        "split": split,
    }
