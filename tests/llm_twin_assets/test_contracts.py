import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandera.errors import SchemaErrors

from llm_twin_assets import contracts
from llm_twin_assets.contracts import (
    REJECTED,
    chunk_id,
    conform,
    digest,
    document_id,
    empty,
    row_id,
)
from llm_twin_assets.reasons import Reason

TEXTS = st.text(max_size=30)


@given(TEXTS, TEXTS)
def test_document_ids_are_equal_exactly_for_equal_addresses(one, other):
    assert (document_id(one) == document_id(other)) == (one == other)


@given(TEXTS, TEXTS, st.integers(0, 5), st.integers(0, 5))
def test_chunk_ids_differ_by_text_and_by_occurrence(one, other, first, second):
    same = (one, first) == (other, second)
    assert (chunk_id("d", one, first) == chunk_id("d", other, second)) == same


@given(st.tuples(TEXTS, TEXTS), st.tuples(TEXTS, TEXTS))
def test_digest_does_not_confuse_where_one_part_ends(one, other):
    assert (digest(*one) == digest(*other)) == (one == other)


def test_digest_ignores_the_order_of_keys_and_nothing_else():
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert digest({"a": 1}) != digest({"a": "1"})


def test_row_ids_tell_twins_and_intents_apart():
    ids = {row_id(twin, "d", 0, 5, intent) for twin in ("a", "b") for intent in ("post", "explain")}
    assert len(ids) == 4


@pytest.mark.parametrize("schema", contracts.SCHEMAS.values())
def test_an_empty_table_fits_its_own_schema(schema):
    assert list(conform(empty(schema), schema).columns) == list(schema.columns)


def test_a_span_must_have_a_length():
    row = dict.fromkeys(contracts.INSTRUCT_ROWS.columns, "x") | {"start": 5, "end": 5, "split": "train"}
    with pytest.raises(SchemaErrors, match="start must lie before end"):
        conform(pd.DataFrame([row]), contracts.INSTRUCT_ROWS)


def test_a_split_must_be_one_of_three():
    row = dict.fromkeys(contracts.INSTRUCT_ROWS.columns, "x") | {"start": 1, "end": 5, "split": "dev"}
    with pytest.raises(SchemaErrors):
        conform(pd.DataFrame([row]), contracts.INSTRUCT_ROWS)


def test_a_row_is_rejected_only_for_a_named_reason():
    assert contracts.rejected([("a", Reason.EMPTY, "")], "raw_documents")["reason"].tolist() == ["empty"]
    unnamed = pd.DataFrame([{"item_id": "a", "stage": "s", "reason": "because", "detail": ""}])
    with pytest.raises(SchemaErrors):
        conform(unnamed, REJECTED)
