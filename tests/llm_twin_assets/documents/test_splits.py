from collections import Counter

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_twin_assets.documents.splits import assign_splits, quotas


def frame(*documents: dict[str, object]) -> pd.DataFrame:
    base = {"author": "Ada", "published_at": None}
    rows = [
        base | {"document_id": str(n), "title": f"title {n}", "text": f"text {n}"} | given
        for n, given in enumerate(documents)
    ]
    return pd.DataFrame(rows, columns=["document_id", "author", "title", "text", "published_at"])


def splits(documents: pd.DataFrame, known: dict[str, str] | None = None) -> dict[str, str]:
    done = assign_splits(documents, known or {})
    return dict(zip(done["document_id"], done["split"], strict=True))


def clusters(documents: pd.DataFrame) -> dict[str, str]:
    done = assign_splits(documents, {})
    return dict(zip(done["document_id"], done["cluster_id"], strict=True))


@pytest.mark.parametrize(
    ("n", "test", "validation"),
    [(0, 0, 0), (1, 0, 0), (2, 0, 0), (3, 1, 0), (5, 1, 1), (6, 2, 1), (10, 3, 1), (15, 5, 1), (30, 6, 3)],
)
def test_quotas(n, test, validation):
    assert (quotas(n).test, quotas(n).validation) == (test, validation)


def test_the_newest_are_the_test_then_the_validation():
    days = ["2024-03-01", "2021-01-01", None, "2023-12-31", "2022", "2024-01-02"]
    found = splits(frame(*({"published_at": day} for day in days)))
    assert [found[str(n)] for n in range(6)] == ["test", "train", "train", "validation", "train", "test"]


def test_equal_days_go_by_id():
    documents = frame(*({"published_at": "1854"} for _ in range(6)))
    assert splits(documents) == splits(documents.sample(frac=1, random_state=1))
    assert splits(documents)["0"] == "test"


def test_every_author_has_own_quotas():
    documents = frame(*({"author": author} for author in ["Ada"] * 6 + ["Grace"] * 3 + ["Joan"] * 2))
    done = assign_splits(documents, {})
    counts = Counter(zip(done["author"], done["split"], strict=True))
    assert (counts["Ada", "test"], counts["Grace", "test"], counts["Joan", "test"]) == (2, 1, 0)


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ({"text": "The same, text!"}, {"text": "the SAME text"}, True),
        ({"text": "The same text"}, {"text": "another text"}, False),
        ({"text": "The same text"}, {"text": "The same text", "author": "Grace"}, True),
        ({"title": "A Title?"}, {"title": "a title"}, True),
        ({"title": "A Title?"}, {"title": "a title", "author": "Grace"}, False),
        ({"title": "???"}, {"title": "!!!"}, False),
        ({"text": "---"}, {"text": "***"}, False),
    ],
)
def test_what_a_cluster_is(first, second, together):
    found = clusters(frame(first, second))
    assert (found["0"] == found["1"]) is together


def test_clusters_reach_through_a_third_document():
    found = clusters(frame({"text": "a"}, {"text": "a", "title": "t"}, {"text": "b", "title": "t"}, {}))
    assert [found[str(n)] for n in range(4)] == ["0", "0", "0", "3"]


def test_a_cluster_counts_once():
    copies = frame(*({"text": f"text {n // 2}", "published_at": f"2024-01-0{9 - n}"} for n in range(6)))
    assert list(splits(copies).values()) == ["test", "test", "train", "train", "train", "train"]


def test_what_was_decided_stays_though_newer_documents_come():
    old = frame(*({"published_at": "2020"} for _ in range(6)))
    known = splits(old)
    new = frame(*({"published_at": "2020"} for _ in range(6)), *({"published_at": "2024"} for _ in range(6)))
    found = splits(new, known)
    assert {name: found[name] for name in known} == known
    assert Counter(found.values()) == {"test": 4, "validation": 1, "train": 7}
    assert Counter(found[str(n)] for n in range(6, 12)) == {"test": 2, "train": 4}


def test_a_new_copy_follows_the_old_document():
    known = {"0": "test", "1": "train"}
    found = splits(frame({"text": "a"}, {"text": "b"}, {"text": "a"}, {"text": "b"}), known)
    assert (found["2"], found["3"]) == ("test", "train")


@pytest.mark.parametrize("second", ["train", "validation"])
def test_a_document_that_joins_two_splits_takes_both_to_train(second):
    documents = frame({"text": "a"}, {"title": "b"}, {"text": "a", "title": "b"})
    assert set(splits(documents, {"0": "test", "1": second}).values()) == {"train"}


def test_the_authors_other_documents_fill_what_a_leaving_cluster_opens():
    rows = [{"text": "a", "published_at": "2024"}, {"title": "b"}, {"text": "a", "title": "b"}, *[{}] * 4]
    found = splits(frame(*rows), {"0": "test", "1": "train", **dict.fromkeys("34", "train")})
    assert (found["0"], found["5"], found["6"]) == ("train", "test", "validation")


_DOCUMENT = st.fixed_dictionaries(
    {
        "author": st.sampled_from(["Ada", "Grace"]),
        "title": st.sampled_from("abcdefghijklmnop"),
        "text": st.sampled_from("qrstuvwxyzabcdef"),
        "published_at": st.sampled_from([None, "2020", "2021-05-01", "2024-01-01"]),
    }
)
_BATCHES = st.lists(st.lists(_DOCUMENT, max_size=8), min_size=1, max_size=4)


@settings(max_examples=40, deadline=None)
@given(_BATCHES)
def test_splits_are_sticky_and_closed_under_clusters(batches):
    known: dict[str, str] = {}
    documents: list[dict[str, object]] = []
    for batch in batches:
        documents += batch
        done = assign_splits(frame(*documents), known)
        assert (done.groupby("cluster_id")["split"].nunique() <= 1).all()
        found = dict(zip(done["document_id"], done["split"], strict=True))
        moved = {name for name in known if found[name] != known[name]}
        assert all(found[name] == "train" for name in moved)
        assert all(_joins_two_splits(done, name, known) for name in moved)
        known = found


def _joins_two_splits(done: pd.DataFrame, name: str, known: dict[str, str]) -> bool:
    cluster = done.set_index("document_id")["cluster_id"]
    inside = [known[other] for other in cluster.index if cluster[other] == cluster[name] and other in known]
    return len(set(inside)) > 1


@settings(max_examples=40, deadline=None)
@given(_BATCHES)
def test_quotas_are_filled_and_never_exceeded_from_nothing(batches):
    done = assign_splits(frame(*(document for batch in batches for document in batch)), {})
    for _, rows in done.sort_values(["published_at", "document_id"]).groupby("author"):
        units = rows.drop_duplicates("cluster_id")
        foreign = set(done[done["author"] != rows["author"].iloc[0]]["cluster_id"])
        if foreign & set(units["cluster_id"]):
            continue  # a text that two authors share counts for one of them
        counts = Counter(units["split"])
        wanted = quotas(len(units))
        assert (counts["test"], counts["validation"]) == (wanted.test, wanted.validation)


@settings(max_examples=40, deadline=None)
@given(st.lists(_DOCUMENT, max_size=10), st.randoms())
def test_the_order_of_the_rows_does_not_matter(documents, random):
    rows = frame(*documents)
    shuffled = rows.iloc[random.sample(range(len(rows)), len(rows))]
    assert splits(rows) == splits(shuffled)
    assert clusters(rows) == clusters(shuffled)
