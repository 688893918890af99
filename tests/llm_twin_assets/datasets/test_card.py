"""The card: every row is counted once, terms and hashes are there, and nothing is made up."""

import json

import pytest

from llm_twin_assets.contracts import rows_digest
from llm_twin_assets.datasets.card import About, card_texts, dataset_card
from llm_twin_assets.datasets.instruct import instruct_rows
from llm_twin_assets.datasets.leaks import leak_numbers
from llm_twin_assets.datasets.wordings import REGISTERS
from tests.llm_twin_assets.datasets.conftest import passage

ADA = "Ada Moor"


@pytest.fixture
def table(documents):
    return instruct_rows(
        documents((ADA, "train", passage(1)), (ADA, "test", passage(2)), (ADA, "train", "Short.")), "ada", ADA
    )


def content(table, **terms):
    numbers = table.metadata | leak_numbers(table.rows) | {"rejected/unit_too_short": 1}
    return dataset_card(table.rows, numbers, About("ada", ADA, **terms), "d1")


def test_every_row_is_counted_once_in_each_table(table):
    found = content(table)
    for name in ("intents", "registers", "generators"):
        assert sum(count for row in found[name].values() for count in row.values()) == len(table.rows)
    assert found["intents"]["continue"] == {"train": 1, "validation": 0, "test": 1}
    assert set(found["registers"]) <= set(REGISTERS)
    assert found["left_out"] == {"unit_too_short": 1}
    assert found["leaks"] == {"answers": 0.0, "instructions": 0.0}
    assert found["hashes"] == {"rows": rows_digest(table.rows), "documents": "d1"}
    assert found["documents"] == 2


def test_both_texts_say_the_same_and_missing_terms_are_not_made_up(table):
    as_json, markdown = card_texts(content(table, licence="CC-BY-4.0"))
    assert json.loads(as_json) == content(table, licence="CC-BY-4.0")
    assert json.loads(as_json)["consent"] is None
    assert "- licence: CC-BY-4.0" in markdown
    assert "- consent: not stated" in markdown
    assert "| continue | 1 | 0 | 1 |" in markdown
    assert "| unit_too_short | 1 |" in markdown
    assert rows_digest(table.rows) in markdown


def test_a_teachers_rows_cost_and_grades_are_shown(table):
    rows = table.rows.assign(generator="teacher:small", passages="")
    rows.loc[0, "passages"] = '["one"]'
    numbers = {"teacher/cost": 0.5, "judge/scores": {"4.5": 3}}
    found = dataset_card(rows, numbers, About("ada", ADA), "d1")
    assert sum(found["generators"]["teacher:small"].values()) == len(rows)
    assert sum(count for row in found["registers"].values() for count in row.values()) == len(rows)
    assert (found["teacher"], found["judge_scores"], found["with_passages"]) == ({"cost": 0.5}, {"4.5": 3}, 1)
    assert "- 4.5: 3" in card_texts(found)[1]


def test_a_readers_question_has_no_register_of_ours(table):
    rows = table.rows.assign(generator="feedback:b1", intent="feedback")
    found = dataset_card(rows, {}, About("ada", ADA), "d1")
    assert list(found["registers"]) == ["reader"]
    assert sum(found["generators"]["feedback:b1"].values()) == len(rows)


def test_an_empty_dataset_has_a_card(table):
    as_json, markdown = card_texts(dataset_card(table.rows.iloc[:0], {}, About("ada", ADA), "d1"))
    assert json.loads(as_json)["rows"] == 0
    assert "0 rows from 0 documents" in markdown
