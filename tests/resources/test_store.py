import pandas as pd
import pytest
from pandera.errors import SchemaErrors

from llm_twin_assets.contracts import document_id, rejected
from llm_twin_assets.reasons import Reason
from resources.store import NotMaterialized, Store, Table
from tests.rows import ORIGIN


@pytest.fixture
def store(home):
    return Store(home)


def _documents(*texts):
    return pd.DataFrame(
        {
            "document_id": [document_id(text) for text in texts],
            "uri": list(texts),
            "title": list(texts),
            "author": "Ada",
            "kind": "article",
            "platform": "folder",
            "published_at": None,
            "language": None,
            "text": list(texts),
            "content_hash": list(texts),
            **ORIGIN,
        }
    )


def _never():
    raise AssertionError("built although nothing changed")


def test_equal_inputs_are_not_built_again_and_keep_the_version(store):
    first = store.materialize("raw_documents", "i1", lambda: Table(_documents("a", "b")))
    again = store.materialize("raw_documents", "i1", _never)
    assert (again.version, again.reused, first.reused) == (first.version, True, False)
    assert again.metadata["dagster/row_count"] == 2


def test_other_inputs_with_the_same_rows_have_the_same_version(store):
    first = store.materialize("raw_documents", "i1", lambda: Table(_documents("a")))
    second = store.materialize("raw_documents", "i2", lambda: Table(_documents("a")))
    third = store.materialize("raw_documents", "i3", lambda: Table(_documents("b")))
    assert first.version == second.version != third.version
    assert store.record("raw_documents").inputs == "i3"


def test_rejected_rows_are_counted_by_reason_and_kept(store):
    left = rejected([("x", Reason.EMPTY, "no text"), ("y", Reason.EMPTY, "no text")], "raw_documents")
    record = store.materialize("raw_documents", "i", lambda: Table(_documents("a"), left))
    assert record.metadata["rejected/empty"] == 2
    assert list(store.rejected()["item_id"]) == ["x", "y"]
    store.materialize("raw_documents", "i2", lambda: Table(_documents("a")))
    assert store.rejected().empty


def test_a_build_that_fails_leaves_the_table_as_it_was(store):
    store.materialize("raw_documents", "i1", lambda: Table(_documents("a")))
    with pytest.raises(AssertionError):
        store.materialize("raw_documents", "i2", _never)
    assert store.record("raw_documents").inputs == "i1"
    assert list(store.read("raw_documents")["text"]) == ["a"]


def test_a_table_that_breaks_its_schema_is_not_written(store):
    broken = _documents("a").assign(text="  ")
    with pytest.raises(SchemaErrors, match="must not be empty"):
        store.materialize("raw_documents", "i", lambda: Table(broken))
    with pytest.raises(NotMaterialized, match="llm-twin run"):
        store.read("raw_documents")


def test_absent_values_stay_absent(store):
    store.materialize("raw_documents", "i", lambda: Table(_documents("a")))
    assert store.read("raw_documents")["published_at"].isna().all()


def test_each_twin_has_a_table_of_its_own(store):
    with pytest.raises(NotMaterialized, match="twin ada"):
        store.version("instruct_dataset", "ada")
    assert store.read_or_empty("instruct_dataset", "ada").empty


def test_reports_are_reused_like_tables(store):
    first = store.materialize_report("retrieval_evaluation", "i", lambda: ({"score": 1}, {"n": 3}))
    again = store.materialize_report("retrieval_evaluation", "i", _never)
    assert store.report("retrieval_evaluation") == {"score": 1}
    assert again.version == first.version
    assert again.reported() == {"n": 3, "reused": True}
