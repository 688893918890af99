from hypothesis import given, settings
from hypothesis import strategies as st

from llm_twin_assets.contracts import content_hash
from llm_twin_assets.retrieval.qrels import heading_queries
from tests.llm_twin_assets.retrieval.words import chunk_row, chunk_table


def asked(*rows, most=300):
    return {query.text: query.relevant for query in heading_queries(chunk_table(*rows), most)}


def ids(*rows):
    return {row["chunk_id"] for row in rows}


def test_a_heading_asks_for_every_chunk_below_it():
    one = chunk_row("a", 0, "A page of glue > How glue dries slowly", "one")
    two = chunk_row("a", 1, "A page of glue > How glue dries slowly > In the winter months", "two")
    three = chunk_row("a", 2, "A page of glue > Short", "three")
    assert asked(one, two, three) == {
        "a page of glue": ids(one, two, three),
        "how glue dries slowly": ids(one, two),
        "in the winter months": ids(two),
    }


def test_a_title_asks_where_no_heading_of_its_document_does():
    rows = [
        chunk_row("A page about glue", 0, "A page about glue", "one"),
        chunk_row("A page about glue", 1, "A page about glue > Short", "two"),
        chunk_row("A page about bread", 0, "A page about bread > How bread rises slowly", "three"),
    ]
    assert asked(*rows) == {"a page about glue": ids(*rows[:2]), "how bread rises slowly": ids(rows[2])}


def test_a_title_that_stands_elsewhere_too_asks_nothing():
    rows = [
        chunk_row("A page about glue", 0, "", "one"),
        chunk_row("Other", 0, "Contents > A page about glue", "two"),
        chunk_row("Same title here", 0, "", "three"),
        chunk_row("same TITLE here", 0, "", "four"),
    ]
    assert asked(*rows) == {}


def test_a_chunk_of_headings_only_answers_nothing():
    path = "How glue dries slowly"
    rows = [
        chunk_row("a", 0, path, "## How glue dries slowly"),
        chunk_row("a", 1, path, "It takes a day."),
        chunk_row("b", 0, "An empty section here", "# An empty section here\n"),
    ]
    assert asked(*rows) == {"how glue dries slowly": ids(rows[1])}


def test_marks_make_no_other_heading():
    rows = [
        chunk_row("a", 0, "What `make` does here", "one"),
        chunk_row("b", 0, "What *make* does here", "two"),
    ]
    assert asked(*rows) == {}


def test_a_heading_that_stands_twice_asks_nothing():
    rows = [
        chunk_row("a", 0, "One > What to do next", "one"),
        chunk_row("a", 1, "Two > What to do next", "two"),
        chunk_row("b", 0, "What  to do NEXT", "three"),
        chunk_row("b", 1, "Only here and now", "four"),
    ]
    assert set(asked(*rows)) == {"only here and now"}


def test_fewer_than_three_words_ask_nothing():
    rows = [
        chunk_row("a", 0, "Two words", "one"),
        chunk_row("b", 0, "4 + 4 = 8", "two"),
        chunk_row("c", 0, "", "three"),
        chunk_row("d", 0, "Three whole words", "four"),
    ]
    assert set(asked(*rows)) == {"three whole words"}


def test_no_chunk_asks_nothing():
    assert asked() == {}


words = st.lists(st.sampled_from(["how", "glue", "bread", "dries", "slowly"]), min_size=3, max_size=5)
tables = st.lists(words, max_size=30).map(
    lambda found: [chunk_row(f"d{n}", 0, " ".join(path), f"text {n}") for n, path in enumerate(found)]
)


@settings(deadline=None)
@given(tables, st.integers(1, 10))
def test_the_sample_is_the_same_each_time_and_keeps_what_it_had(rows, most):
    full, sample = asked(*rows), asked(*rows, most=most)
    assert sample == asked(*rows[::-1], most=most)
    assert len(sample) == min(most, len(full))
    assert sample.items() <= full.items()
    left_out = set(full) - set(sample)
    assert all(content_hash(kept) < content_hash(left) for kept in sample for left in left_out)
