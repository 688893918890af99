"""The embedder of the package, and documents made of a few words."""

from collections.abc import Callable

import pandas as pd
import pytest

from llm_twin_assets.contracts import RAW_DOCUMENTS, conform, content_hash, document_id
from resources.embedder import Embedder, build_embedder
from resources.settings import Settings


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    return build_embedder(Settings())


@pytest.fixture(scope="session")
def tokenizer(embedder):
    return embedder.tokenizer()


@pytest.fixture
def raw() -> Callable[..., pd.DataFrame]:
    """Raw documents: each given as a dictionary of what matters to the test."""

    def _raw(*documents: dict[str, object]) -> pd.DataFrame:
        rows = []
        for number, given in enumerate(documents):
            uri = str(given.get("uri", f"file:{number}.md"))
            text = str(given.get("text", f"Text number {number}."))
            base = {"uri": uri, "title": f"Title {number}", "author": "Ada", "kind": "article", "text": text}
            base |= {"platform": "folder", "published_at": None, "language": None, "source_hash": text}
            base |= {"source": "folder texts", "item": uri, "stamp": "1"}
            ids = {"document_id": document_id(uri), "content_hash": content_hash(text)}
            rows.append(base | given | ids)
        return conform(pd.DataFrame(rows), RAW_DOCUMENTS)

    return _raw
