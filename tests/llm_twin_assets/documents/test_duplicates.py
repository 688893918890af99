import random
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_twin_assets.documents.duplicates import Pair, deduplicated, relations
from llm_twin_assets.documents.shingles import candidates, shingles, signature
from llm_twin_assets.documents.splits import assign_splits
from llm_twin_assets.reasons import Reason


def frame(*documents: dict[str, object]) -> pd.DataFrame:
    rows = []
    for n, given_row in enumerate(documents):
        base = {"document_id": f"{n:03d}", "title": f"title {n}", "author": "Ada", "published_at": None}
        row = base | {"withheld": None, "text": f"text {n}"} | given_row
        rows.append({"uri": f"file:{row['document_id']}.md", "signature": signature(row["text"])} | row)
    columns = ["document_id", "uri", "title", "author", "published_at", "text", "signature", "withheld"]
    return pd.DataFrame(rows, columns=columns)


NOTHING = frame().assign(split=[])


def prose(words: int, seed: int) -> list[str]:
    return [f"{seed}x{random.Random(seed * 100_000 + n).randrange(10**6)}" for n in range(words)]


def edited(words: list[str], *places: int) -> list[str]:
    return [f"edit{n}" if n in places else word for n, word in enumerate(words)]


def jaccard(one: str, other: str) -> float:
    first, second = set(shingles(one).tolist()), set(shingles(other).tolist())
    return len(first & second) / len(first | second)


ARTICLE = prose(200, 1)
COPY = edited(ARTICLE, 50, 100)  # 186 of 206 shingles
VERSION = edited(ARTICLE, 20, 50, 80, 110, 140, 170)  # 166 of 226
REMAKE = edited(ARTICLE, *range(10, 190, 20))  # 151 of 241


def text(words: list[str]) -> str:
    return " ".join(words)


def reasons(dropped):
    return {name: reason for name, reason, _ in dropped}


def clusters(found):
    return dict(zip(found.kept["document_id"], found.kept["cluster_id"], strict=True))


@pytest.mark.parametrize(
    ("written", "count"),
    [("one two three four five six", 2), ("One", 1), ("a b a b a b a b", 2), ("***", 1), ("", 1)],
)
def test_shingles_are_five_words_or_what_there_is(written, count):
    assert len(shingles(written)) == count


def test_case_and_marks_are_no_difference():
    assert signature("The same text, “as” it-was.") == signature("the SAME text as it was")
    assert signature("---") != signature("***")


def test_a_signature_is_what_it_was_when_it_was_stored():
    stored = np.frombuffer(signature("we build small tools and write about them")[: 255 * 4], "<u4")
    assert stored[:3].tolist() == [3545666442, 3407595149, 3530857033]


@pytest.mark.parametrize(
    ("one", "other", "shared", "union"),
    [(ARTICLE, REMAKE, 151, 241), (ARTICLE[:97] + prose(103, 2), ARTICLE[:97] + prose(103, 3), 93, 299)],
)
def test_relations_are_measured_exactly(one, other, shared, union):
    found = relations(frame({"text": text(one)}, {"text": text(other)}))
    assert found == [Pair("000", "001", shared / union, shared / 196)]


@pytest.mark.parametrize(("shared", "found"), [(185, 60), (140, 57)])  # similarities of 0.7 and 0.4
def test_bands_alone_find_what_the_docstring_says(shared, found):
    pairs = [
        (prose(shared, n), prose(220 - shared, n + 100), prose(220 - shared, n + 200)) for n in range(60)
    ]
    texts = [text([*same, *rest]) for same, *rests in pairs for rest in rests]
    met = {tuple(pair) for pair in candidates([signature(one)[: 255 * 4] for one in texts]).tolist()}
    assert len(met & {(n, n + 1) for n in range(0, 120, 2)}) >= found
    assert len(met) == len(met & {(n, n + 1) for n in range(0, 120, 2)})


def test_a_short_post_within_a_long_article_is_related():
    post = ARTICLE[40:100]
    (pair,) = relations(frame({"text": text([*prose(3000, 2), *ARTICLE])}, {"text": text(post)}))
    assert (pair.containment, pair.jaccard < 0.05) == (1.0, True)


def test_only_candidates_are_shingled():
    documents = frame({"text": text(ARTICLE)}, {"text": text(COPY)}, {"text": text(prose(200, 3))})
    documents.loc[2, "text"] = None
    assert len(relations(documents)) == 1


def test_a_phrase_that_many_texts_have_proposes_nothing():
    shared = prose(60, 4)
    texts = [signature(text([*prose(300, n), *shared])) for n in range(10, 40)]
    assert len(candidates(texts)) < 10  # of 435: the few that meet in a band
    assert len(candidates(texts[:5])) == 10


def test_in_a_crowd_everyone_is_compared_with_the_first():
    crowd = [signature(text(edited(prose(1000, 5), n * 10))) for n in range(80)]
    found = {tuple(pair) for pair in candidates(crowd).tolist()}
    assert {(0, n) for n in range(1, 80)} <= found
    assert len(found) < 80 * 79 / 4


def test_of_a_crowd_of_copies_the_first_is_kept():
    texts = [text(edited(prose(1000, 5), n * 10)) for n in range(80)]
    documents = frame(*({"text": one} for one in texts), {"text": texts[0] + " more", "published_at": "2020"})
    assert deduplicated(documents, NOTHING).kept["document_id"].tolist() == ["080"]


@pytest.mark.parametrize(
    ("first", "second", "kept", "why"),
    [
        ({"published_at": "2021-02-01"}, {"published_at": "2020-12-31"}, "001", "it was published first"),
        ({}, {"published_at": "2020"}, "001", "it has a date"),
        ({}, {"text": text([*ARTICLE, "more"])}, "001", "it is longer"),
        ({}, {}, "000", "its id comes first"),
    ],
)
def test_which_copy_is_kept_and_why(first, second, kept, why):
    documents = frame({"text": text(ARTICLE)} | first, {"text": text(ARTICLE)} | second)
    for rows in (documents, documents[::-1]):
        found = deduplicated(rows, NOTHING)
        assert found.kept["document_id"].tolist() == [kept]
        ((_, _, detail),) = found.dropped
        assert f"file:{kept}.md, kept because {why}" in detail


def test_copies_are_named_exact_or_near():
    texts = [text(ARTICLE), text(ARTICLE).upper() + "!", text(COPY), text(REMAKE)]
    found = deduplicated(
        frame(*({"text": one, "published_at": f"202{n}"} for n, one in enumerate(texts))), NOTHING
    )
    assert reasons(found.dropped) == {"001": Reason.DUPLICATE, "002": Reason.NEAR_DUPLICATE}
    assert "similarity 0.90" in found.dropped[1][2]
    assert clusters(found) == {"000": "000", "003": "000"}


def test_a_copy_of_a_dropped_document_is_a_copy_of_the_kept_one():
    rows = [{"text": text(ARTICLE), "published_at": "2020"}, {"text": text(COPY)}, {"text": text(COPY) + "."}]
    found = deduplicated(frame(*rows), NOTHING)
    assert reasons(found.dropped) == {"001": Reason.NEAR_DUPLICATE, "002": Reason.NEAR_DUPLICATE}
    assert all("file:000.md" in detail and "0.90" in detail for _, _, detail in found.dropped)


def test_a_chain_of_copies_drops_only_what_has_a_kept_copy():
    chain = [text(edited(ARTICLE, *range(5, 5 + 10 * n, 10))) for n in (0, 6, 12)]
    assert jaccard(chain[0], chain[1]) >= 0.7 <= jaccard(chain[1], chain[2])
    assert jaccard(chain[0], chain[2]) < 0.7
    found = deduplicated(frame(*({"text": one} for one in chain)), NOTHING)
    assert reasons(found.dropped) == {"001": Reason.NEAR_DUPLICATE}
    assert clusters(found) == {"000": "000", "002": "000"}


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ({"title": "A Title?"}, {"title": "a title"}, True),
        ({"title": "A Title?"}, {"title": "a title", "author": "Grace"}, False),
        ({"title": "???"}, {"title": "!!!"}, False),
        ({"text": "---"}, {"text": "***"}, False),
        ({"text": text(ARTICLE)}, {"text": text(REMAKE), "author": "Grace"}, True),
        ({"text": text(ARTICLE)}, {"text": text(prose(200, 2))}, False),
    ],
)
def test_what_a_cluster_is(first, second, together):
    found = clusters(deduplicated(frame(first, second), NOTHING))
    assert (found["000"] == found["001"]) is together


def test_clusters_reach_through_a_dropped_document_and_are_named_by_a_kept_one():
    rows = [
        {"text": text(ARTICLE), "title": "b"},
        {"text": text(COPY), "published_at": "2020"},
        {"title": "B"},
    ]
    assert clusters(deduplicated(frame(*rows), NOTHING)) == {"001": "001", "002": "001"}


@pytest.mark.parametrize(
    "moved",
    [{"text": text(ARTICLE)}, {"text": text(COPY)}, {"text": text(REMAKE)}, {"title": "The title"}],
)
def test_what_follows_a_vanished_document_takes_over_its_split(moved):
    previous = frame({"document_id": "gone", "text": text(ARTICLE), "title": "the title"}).assign(
        split="test"
    )
    found = deduplicated(frame(moved, {}), previous)
    assert found.decided == {"000": {"test"}}
    assert found.dropped == []
    assert assign_splits(found.kept, found.decided)["split"].tolist() == ["test", "train"]


def test_a_vanished_document_joins_no_cluster():
    whole = {"document_id": "gone", "text": text([*ARTICLE, *prose(200, 2)])}
    previous = frame(whole).assign(split="test")
    found = deduplicated(frame({"text": text(ARTICLE)}, {"text": text(prose(200, 2))}), previous)
    assert clusters(found) == {"000": "000", "001": "001"}
    assert found.decided == {"000": {"test"}, "001": {"test"}}


def test_the_one_that_is_kept_now_takes_over_from_the_one_that_was():
    rows = frame({"text": text(ARTICLE)}, {"text": text(COPY), "published_at": "2020"})
    found = deduplicated(rows, rows[:1].assign(split="validation"))
    assert clusters(found) == {"001": "001"}
    assert found.decided == {"001": {"validation"}}


def test_no_document_at_all():
    found = deduplicated(frame(), NOTHING)
    assert (len(found.kept), found.dropped, found.decided) == (0, [], {})


@st.composite
def _documents(draw) -> list[dict[str, object]]:
    """Texts cut from three sources and edited here and there, so that many of them share something."""
    documents = []
    for _ in range(draw(st.integers(1, 8))):
        source = prose(draw(st.sampled_from([4, 30, 120])), draw(st.integers(1, 3)))
        start, end = sorted(
            (draw(st.integers(0, len(source) // 2)), draw(st.integers(len(source) // 2, len(source))))
        )
        places = draw(st.sets(st.integers(0, 120), max_size=5))
        row = {"text": text(edited(source, *places)[start : end + 1]) or "none"}
        row["published_at"] = draw(st.sampled_from([None, "2020", "2021-05-01"]))
        row["title"] = draw(st.sampled_from("abcdefghijklmnopqrst"))
        documents.append(row)
    return documents


@settings(max_examples=80, deadline=None)
@given(_documents())
def test_every_copy_is_found_and_every_relation_true(documents):
    found = {(pair.one, pair.other): pair for pair in relations(frame(*documents))}
    for (one, first), (other, second) in combinations(enumerate(documents), 2):
        similarity = jaccard(first["text"], second["text"])
        pair = found.get((f"{one:03d}", f"{other:03d}"))
        assert pair is not None or similarity < 0.7
        assert pair is None or pair.jaccard == similarity
        assert pair is None or pair.jaccard >= 0.3 or pair.containment >= 0.5


@settings(max_examples=80, deadline=None)
@given(_documents())
def test_nothing_is_dropped_without_a_kept_copy_and_no_two_kept_are_copies(documents):
    rows = frame(*documents)
    found = deduplicated(rows, NOTHING)
    kept = found.kept["text"].tolist()
    texts = dict(zip(rows["document_id"], rows["text"], strict=True))
    assert all(max(jaccard(texts[name], one) for one in kept) >= 0.7 for name, _, _ in found.dropped)
    assert all(jaccard(one, other) < 0.7 for one, other in combinations(kept, 2))
    assert len(kept) + len(found.dropped) == len(rows)


@settings(max_examples=40, deadline=None)
@given(_documents(), st.randoms())
def test_the_order_of_the_rows_does_not_matter(documents, chance):
    rows = frame(*documents)
    shuffled = rows.iloc[chance.sample(range(len(rows)), len(rows))]
    one, other = deduplicated(rows, NOTHING), deduplicated(shuffled, NOTHING)
    assert relations(rows) == relations(shuffled)
    assert (one.dropped, clusters(one)) == (other.dropped, clusters(other))


@settings(max_examples=60, deadline=None)
@given(st.lists(_documents(), min_size=1, max_size=3), st.data())
def test_splits_outlive_additions_and_removals(batches, data):
    """A split changes only where a cluster would join two, and then to train; no cluster has two."""
    previous, documents = NOTHING, []
    for batch in batches:
        documents += batch
        gone = data.draw(st.sets(st.integers(0, len(documents) - 1), max_size=2))
        found = deduplicated(frame(*documents).drop(index=list(gone)), previous)
        done = assign_splits(found.kept, found.decided)
        assert (done.groupby("cluster_id")["split"].nunique() <= 1).all()
        known = dict(zip(previous["document_id"], previous["split"], strict=True))
        for row in done.itertuples():
            old = known.get(row.document_id, row.split)
            assert row.split == old or (row.split == "train" and len(found.decided[row.cluster_id]) > 1)
        previous = done.drop(columns="cluster_id")
