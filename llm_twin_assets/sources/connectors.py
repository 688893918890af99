"""Every document of every declared source, in one shape; only what changed is fetched and parsed."""

from functools import partial

import pandas as pd

from llm_twin_assets.contracts import RAW_DOCUMENTS, rejected, shaped
from llm_twin_assets.sources.archives import MAX_ARCHIVE_BYTES
from llm_twin_assets.sources.connector import Connector
from llm_twin_assets.sources.feed import FeedConnector
from llm_twin_assets.sources.files import FilesConnector, Parse
from llm_twin_assets.sources.folder import folder_entries
from llm_twin_assets.sources.git import GitConnector
from llm_twin_assets.sources.handbook import handbook_entries
from llm_twin_assets.sources.jsonl import jsonl_entries
from llm_twin_assets.sources.linkedin import linkedin_entries
from llm_twin_assets.sources.listing import Listed, Listing, listed
from llm_twin_assets.sources.medium import medium_entries
from llm_twin_assets.sources.pages import told_as_refused
from llm_twin_assets.sources.preview import preview
from llm_twin_assets.sources.reading import MAX_BYTES
from llm_twin_assets.sources.rows import Rows, records
from llm_twin_assets.sources.web import WebConnector
from resources.catalog import Catalog
from resources.store import Table
from resources.twins import FeedSource, FileSource, GitSource, Source, WebSource

MAX_LINES_BYTES = 500_000_000
PARSERS: dict[str, tuple[Parse, int]] = {
    "folder": (folder_entries, MAX_BYTES),
    "handbook_export": (handbook_entries, MAX_LINES_BYTES),
    "jsonl": (jsonl_entries, MAX_LINES_BYTES),
    "linkedin_export": (linkedin_entries, MAX_ARCHIVE_BYTES),
    "medium_export": (medium_entries, MAX_ARCHIVE_BYTES),
}


def connector(source: Source, catalog: Catalog) -> Connector:
    """The connector that reads a declared source."""
    match source:
        case FileSource():
            parse, most = PARSERS[source.kind]
            files = [file for file in catalog.files(source) if file.is_document]
            return FilesConnector(files, parse, most)
        case FeedSource():
            return FeedConnector(catalog.fetcher, source.url, source.author)
        case WebSource():
            pages = (source.urls, source.sitemap, source.include, source.limit)
            return WebConnector(catalog.fetcher, *pages, source.author)
        case GitSource():
            wanted = (source.author, source.include, source.ref)
            return GitConnector(source.url, catalog.mirrors, *wanted, partial(_resolved, catalog))


def look(catalog: Catalog) -> Listing:
    """What every source holds now, in the order of the sources' names."""
    sources = sorted(catalog.twins.sources, key=catalog.name)
    return Listing(
        [listed(catalog.name(each), catalog.declaration(each), connector(each, catalog)) for each in sources]
    )


def raw_documents(catalog: Catalog, listing: Listing, previous: pd.DataFrame) -> Table:
    """All documents of the listed sources, in the order of their ids.

    `previous` holds the rows of the last time. An item whose mark is as it was keeps its rows and is
    not fetched; a document whose bytes are as they were keeps its row and is not parsed. What cannot
    become a document is one row of the rejected table; what cannot be had just now stays as it was.
    """
    rows = Rows(records(previous), catalog.twins.trusted, catalog.forgotten.uris())
    for source in listing.sources:
        _read(source, rows)
    for uri in catalog.forgotten.uris():
        catalog.fetcher.forget(uri)
    made = rows.finished()
    table = pd.DataFrame([made[key] for key in sorted(made)], columns=list(RAW_DOCUMENTS.columns))
    shown = preview(table, ["title", "author", "published_at", "uri"])
    counts = {"items": listing.count, "fetched": rows.fetched, "other_files": _other_files(catalog)}
    metadata = counts | rows.changes() | {"preview": shown}
    return Table(shaped(table, RAW_DOCUMENTS), rejected(rows.left, "raw_documents"), metadata)


def unchanged(count: int) -> dict[str, int]:
    """The numbers of a run that found every source as it was."""
    return {"added": 0, "changed": 0, "removed": 0, "unchanged": count, "fetched": 0}


def _read(source: Listed, rows: Rows) -> None:
    if source.failure:
        rows.keep_source(source.name, source.failure)
        return
    for item in source.items:
        rows.add_item(source, item)
    if source.connector.keeps_vanished:
        rows.keep_source(source.name)


def _resolved(catalog: Catalog, url: str) -> str:
    with told_as_refused():
        return catalog.fetcher.resolved(url)


def _other_files(catalog: Catalog) -> int:
    """How many files of local sources are neither documents nor meant to be any."""
    local = (source for source in catalog.twins.sources if isinstance(source, FileSource))
    return sum(not file.is_document for source in local for file in catalog.files(source))
