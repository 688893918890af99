"""No vector store ever finds what a filter holds back, or what is no longer there."""

import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.terms import query_terms
from resources.vector_store import Filters, Wording
from tests.resources.vector_corpus import KINDS, MODEL, Embedding, asks, chunk, drop, ids_of, make, vector

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect")
RETRIEVERS = ["dense", "sparse", "hybrid"]


@pytest.fixture(params=KINDS)
def vectors(request, tmp_path):
    made = make(request.param, tmp_path / "home")
    yield made
    drop(made)


def two(question):
    return [*asks(question), Wording(vector("another"), query_terms("fik bok"))]


DAYS = [
    None,
    "2025-12-31",
    "2026-01-01",
    "2026-01-01T23:59:59",
    "2026-01-02T00:00:00Z",
    "2026-01-02",
    "2026-01-02T23:59:59.999999+00:00",
    "2026-01-03",
]
LIMITS = [None, "2025-12-31", "2026-01-01", "2026-01-02", "2026-01-03"]
CHUNKS = st.lists(
    st.builds(
        chunk,
        st.sampled_from([f"{one} bak" for one in "abcdef"]),
        document=st.sampled_from(["d1", "d2", "d3", "d4"]),
        author=st.sampled_from(["Ada", "Bob", "ada", ""]),
        platform=st.sampled_from(["folder", "git"]),
        kind=st.sampled_from(["article", "post"]),
        published_at=st.sampled_from(DAYS),
    ),
    max_size=16,
    unique_by=lambda one: one["chunk_id"],
)
FILTERS = st.builds(
    Filters,
    author=st.sampled_from([None, "Ada", "Bob", "", "Nobody"]),
    platform=st.sampled_from([None, "folder", "git", "nowhere"]),
    kind=st.sampled_from([None, "article", "post"]),
    since=st.sampled_from(LIMITS),
    until=st.sampled_from(LIMITS),
)
AUTHORS = [Filters(author=author) for author in ("Ada", "Bob", "ada", "", "Nobody")]


def passes(one, filters):
    """Whether filters let a chunk through, by looking at it."""
    columns = ("author", "platform", "kind")
    if any(getattr(filters, name) not in (None, one[name]) for name in columns):
        return False
    if filters.since is None and filters.until is None:
        return True
    if one["published_at"] is None:
        return False
    moment = datetime.fromisoformat(one["published_at"]).replace(tzinfo=UTC).date().isoformat()
    return (filters.since or "") <= moment <= (filters.until or "9999")


def leak_nothing(kind, folder, worlds, asked):
    """Follow a history of corpora: what is found is always what is in the last one and passes."""
    store = make(kind, folder)
    for world in worlds:
        store.publish(store.sync(world, MODEL, Embedding()).index_id)
        live = store.live()
        assert store.ids(live) == ids_of(world)
        for filters in [Filters(), *AUTHORS, *asked]:
            allowed = ids_of(one for one in world if passes(one, filters))
            for retriever, ask in itertools.product(RETRIEVERS, (asks, two)):
                hits = store.search(live, ask("a bak"), 50, filters, retriever)
                # Every text has the word that is asked for, so terms find all as well.
                assert sorted(hit.chunk_id for hit in hits) == sorted(allowed), (filters, retriever)
    drop(store)


worlds = st.lists(CHUNKS, min_size=1, max_size=2)


# Edge writes real files and waits for the disk, so it follows fewer histories.
@settings(max_examples=6, deadline=None)
@given(worlds=worlds, asked=st.lists(FILTERS, min_size=20, max_size=20))
def test_no_filter_leaks_and_no_deleted_document_comes_back_in_edge(tmp_path_factory, worlds, asked):
    leak_nothing("edge", tmp_path_factory.mktemp("home"), worlds, asked)


@pytest.mark.parametrize("kind", KINDS[1:])
@settings(max_examples=15, deadline=None)
@given(worlds=worlds, asked=st.lists(FILTERS, min_size=3, max_size=3))
def test_no_filter_leaks_and_no_deleted_document_comes_back(kind, tmp_path_factory, worlds, asked):
    leak_nothing(kind, tmp_path_factory.mktemp("home"), worlds, asked)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filters(since="2026-01-02"), [4, 5, 6, 7]),
        (Filters(until="2026-01-01"), [1, 2, 3]),
        (Filters(since="2026-01-01", until="2026-01-02"), [2, 3, 4, 5, 6]),
        (Filters(since="2026-01-03", until="2026-01-01"), []),
        (Filters(), [0, 1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_both_days_of_a_range_are_in_it_and_a_chunk_without_a_date_is_in_none(vectors, filters, found):
    chunks = [chunk(f"one text {n}", published_at=day) for n, day in enumerate(DAYS)]
    made = vectors.sync(chunks, MODEL, Embedding())
    for retriever in RETRIEVERS:
        hits = vectors.search(made.index_id, asks("text"), 20, filters, retriever)
        assert {hit.chunk_id for hit in hits} == ids_of(chunks[n] for n in found)
