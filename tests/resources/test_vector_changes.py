"""What has to be done to an index, and how an index is named; whatever the store."""

from hypothesis import given, settings
from hypothesis import strategies as st

from resources.vector_store import Mark, changes, index_id, mark
from tests.resources.vector_corpus import MODEL, chunk

chunk_lists = st.lists(
    st.builds(
        chunk,
        st.sampled_from("abc"),
        document=st.sampled_from(["d1", "d2"]),
        title=st.sampled_from(["T", "U"]),
        ordinal=st.integers(0, 2),
    ),
    max_size=6,
    unique_by=lambda one: one["chunk_id"],
)


@settings(deadline=None)
@given(chunk_lists, chunk_lists)
def test_changes_lead_from_what_is_stored_to_what_should_be(stored, wanted):
    have = {one["chunk_id"]: mark(one) for one in stored}
    todo = changes(wanted, have)
    after = {key: kept for key, kept in have.items() if key not in todo.touched}
    after |= {one["chunk_id"]: mark(one) for one in (*todo.moved, *todo.fresh)}
    assert after == {one["chunk_id"]: mark(one) for one in wanted}
    assert all(have[one["chunk_id"]].words == mark(one).words for one in todo.moved)
    assert all(have.get(one["chunk_id"], Mark("", "")).words != mark(one).words for one in todo.fresh)


@settings(deadline=None)
@given(chunk_lists, chunk_lists)
def test_an_index_id_tells_contents_apart_and_nothing_else(one, other):
    same = sorted(map(mark_key, one)) == sorted(map(mark_key, other))
    assert (index_id(MODEL, one) == index_id(MODEL, other)) == same
    assert index_id(MODEL, one) == index_id(MODEL, one[::-1])
    assert index_id(MODEL, one) != index_id("other", one)


def mark_key(one):
    return one["chunk_id"], one["title"], one["ordinal"]
