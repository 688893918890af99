"""A folder of texts, declared as a source, that a test fills and reads."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from llm_twin_assets.contracts import RAW_DOCUMENTS, empty
from llm_twin_assets.sources.connectors import look, raw_documents
from resources.catalog import Catalog
from resources.twins import FileSource, Source, Twin, Twins


@pytest.fixture
def write(tmp_path) -> Callable[..., Path]:
    """Write a file of the source: text as UTF-8, or bytes as they are."""

    def _write(name: str, content: str | bytes = "Some words.") -> Path:
        path = tmp_path / "texts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return _write


@pytest.fixture
def catalog(tmp_path) -> Callable[..., Catalog]:
    """A catalog of the folder `texts`, or of other sources."""

    def _catalog(*sources: Source, author: str | None = "Ada Example") -> Catalog:
        (tmp_path / "texts").mkdir(exist_ok=True)
        given = list(sources) or [FileSource(kind="folder", path=tmp_path / "texts", author=author)]
        return Catalog(
            Twins(root=tmp_path, sources=given, twins=[Twin(name="ada", author="Ada Example")]),
            tmp_path / "home",
        )

    return _catalog


@pytest.fixture
def read(catalog):
    """Read all sources; `rows` by name, `reasons` and `details` by item, and the whole `table`."""

    def _read(*sources: Source, previous=None, author: str | None = "Ada Example"):
        before = empty(RAW_DOCUMENTS) if previous is None else previous
        found = catalog(*sources, author=author)
        table = raw_documents(found, look(found), before)
        left = table.rejected
        return SimpleNamespace(
            table=table,
            rows={row.uri.split("/")[-1]: row for row in table.rows.itertuples()},
            reasons={
                item.split("/")[-1]: why for item, why in zip(left["item_id"], left["reason"], strict=True)
            },
            details={
                item.split("/")[-1]: why for item, why in zip(left["item_id"], left["detail"], strict=True)
            },
        )

    return _read
