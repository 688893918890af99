from collections import Counter, defaultdict

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_twin_assets.documents.splits import assign_splits, quotas


def frame(*documents: dict[str, object]) -> pd.DataFrame:
    base = {"author": "Ada", "published_at": None, "withheld": None}
    rows = [
        base | {"document_id": f"{n:02d}", "cluster_id": f"{n:02d}"} | row for n, row in enumerate(documents)
    ]
    return pd.DataFrame(rows, columns=["document_id", "cluster_id", *base])


def splits(documents: pd.DataFrame, known: dict[str, str] | None = None) -> dict[str, str]:
    """The split of each document; `known` are those that documents had before."""
    decided: dict[str, set[str]] = defaultdict(set)
    for name, cluster in zip(documents["document_id"], documents["cluster_id"], strict=True):
        decided[cluster] |= {known[name]} if known and name in known else set()
    done = assign_splits(documents, {cluster: before for cluster, before in decided.items() if before})
    return dict(zip(done["document_id"], done["split"], strict=True))


@pytest.mark.parametrize(
    ("n", "test", "validation"),
    [(0, 0, 0), (1, 0, 0), (2, 0, 0), (3, 1, 0), (5, 1, 1), (6, 2, 1), (10, 3, 1), (15, 5, 1), (30, 6, 3)],
)
def test_quotas(n, test, validation):
    assert (quotas(n).test, quotas(n).validation) == (test, validation)


def test_the_newest_are_the_test_then_the_validation():
    days = ["2024-03-01", "2021-01-01", None, "2023-12-31", "2022", "2024-01-02"]
    found = splits(frame(*({"published_at": day} for day in days)))
    assert list(found.values()) == ["test", "train", "train", "validation", "train", "test"]


def test_equal_days_go_by_id():
    documents = frame(*({"published_at": "1854"} for _ in range(6)))
    assert splits(documents) == splits(documents.sample(frac=1, random_state=1))
    assert splits(documents)["00"] == "test"


def test_every_author_has_own_quotas():
    documents = frame(*({"author": author} for author in ["Ada"] * 6 + ["Grace"] * 3 + ["Joan"] * 2))
    done = assign_splits(documents, {})
    counts = Counter(zip(done["author"], done["split"], strict=True))
    assert (counts["Ada", "test"], counts["Grace", "test"], counts["Joan", "test"]) == (2, 1, 0)


def test_a_cluster_counts_once():
    rows = [{"cluster_id": f"c{n // 2}", "published_at": f"2024-01-0{9 - n}"} for n in range(6)]
    assert list(splits(frame(*rows)).values()) == ["test", "test", "train", "train", "train", "train"]


def test_what_was_decided_stays_though_newer_documents_come():
    old = [{"published_at": "2020"}] * 6
    known = splits(frame(*old))
    found = splits(frame(*old, *[{"published_at": "2024"}] * 6), known)
    assert {name: found[name] for name in known} == known
    assert Counter(found.values()) == {"test": 4, "validation": 1, "train": 7}
    assert Counter(found[f"{n:02d}"] for n in range(6, 12)) == {"test": 2, "train": 4}


def test_a_cluster_keeps_the_split_it_had_though_none_of_its_documents_had_it():
    done = assign_splits(frame({}, {}), {"00": {"test"}, "01": {"validation"}, "of another": {"test"}})
    assert done["split"].tolist() == ["test", "validation"]


@pytest.mark.parametrize("second", ["train", "validation"])
def test_a_cluster_that_would_join_two_splits_goes_to_train(second):
    documents = frame(*[{"cluster_id": "00"}] * 3)
    assert set(splits(documents, {"00": "test", "01": second}).values()) == {"train"}


def test_the_authors_other_documents_fill_what_a_leaving_cluster_opens():
    rows = [*[{"cluster_id": "00", "published_at": "2024"}] * 3, *[{}] * 4]
    found = splits(frame(*rows), {"00": "test", "01": "train", **dict.fromkeys(["03", "04"], "train")})
    assert (found["00"], found["05"], found["06"]) == ("train", "test", "validation")


def test_withheld_documents_count_for_no_quota():
    newest = [{"published_at": "2024", "withheld": "by a guest"}] * 4
    found = splits(frame(*newest, *[{"published_at": "2020"}] * 3))
    assert list(found.values()) == ["train"] * 4 + ["test", "train", "train"]


def test_a_withheld_document_follows_its_cluster_and_does_not_date_it():
    guest = {"withheld": "by a guest", "published_at": "2024", "author": "Grace", "cluster_id": "01"}
    found = splits(frame(guest, {"published_at": "2020"}, *[{"published_at": "2021"}] * 2))
    assert list(found.values()) == ["train", "train", "test", "train"]
    assert splits(frame(guest, {}), {"01": "test"}) == {"00": "test", "01": "test"}


_DOCUMENT = st.fixed_dictionaries(
    {
        "author": st.sampled_from(["Ada", "Grace"]),
        "cluster_id": st.sampled_from("abcdefghijklmnop"),
        "published_at": st.sampled_from([None, "2020", "2021-05-01", "2024-01-01"]),
        "withheld": st.sampled_from([None, None, None, "by a guest"]),
    }
)
_BATCHES = st.lists(st.lists(_DOCUMENT, max_size=8), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(_BATCHES)
def test_adding_documents_changes_no_earlier_split_and_divides_no_cluster(batches):
    known: dict[str, str] = {}
    documents: list[dict[str, object]] = []
    for batch in batches:
        documents += batch
        found = splits(frame(*documents), known)
        assert {name: found[name] for name in known} == known
        assert (
            frame(*documents).assign(split=found.values()).groupby("cluster_id")["split"].nunique() <= 1
        ).all()
        known = found


@settings(max_examples=60, deadline=None)
@given(_BATCHES)
def test_quotas_are_filled_and_never_exceeded_from_nothing(batches):
    done = assign_splits(frame(*(document for batch in batches for document in batch)), {})
    done = done[done["withheld"].isna()]
    owned = done.groupby("cluster_id")["author"].nunique().eq(1)
    for author, rows in done.groupby("author"):
        units = rows.drop_duplicates("cluster_id")
        if not owned[units["cluster_id"]].all():
            continue  # a cluster that two authors share counts for one of them
        counts = Counter(units["split"])
        wanted = quotas(len(units))
        assert (counts["test"], counts["validation"]) == (wanted.test, wanted.validation), author


@settings(max_examples=40, deadline=None)
@given(st.lists(_DOCUMENT, max_size=10), st.randoms())
def test_the_order_of_the_rows_does_not_matter(documents, random):
    rows = frame(*documents)
    assert splits(rows) == splits(rows.iloc[random.sample(range(len(rows)), len(rows))])
