"""Bits and answers are measured once for each model, text and prompt, and kept."""

import pytest

from llm_twin_assets.evaluation.answers import Asked
from llm_twin_assets.evaluation.scoring import (
    Candidate,
    Material,
    Measurements,
    known_measurements,
    measured,
    per_byte,
)
from tests.llm_twin_assets.training import small

NOWHERE = Candidate("v1", "there/is/no/such/folder", "", None)
ASKED = Asked("What does your mother bake?", (), "texts")
SAID = {"text": "Bread.", "tokens": 2, "shown": 0, "run": 0}


@pytest.fixture
def documents():
    return small.documents("test", "test")


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    tokenizer = small.tokenizer()
    small.untrained(tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder, save_jinja_files=False)
    return Candidate("v1", str(folder), "", None)


def made_up(documents, bits=80.0):
    return {
        row["document_id"]: {"bits": bits, "bytes": 40, "content_hash": row["content_hash"]}
        for row in documents.to_dict("records")
    }


def known(documents, version="v1"):
    return Measurements({version: made_up(documents)}, {version: {ASKED.key: SAID}})


def test_every_document_is_measured_in_bits_and_utf8_bytes(real, documents):
    scores = measured([real], Material(documents), Measurements(), 1).scores
    assert list(scores) == ["v1"]
    for row in documents.to_dict("records"):
        found = scores["v1"][row["document_id"]]
        assert found["bytes"] == len(row["text"].encode())
        assert found["bits"] > found["bytes"]
        assert found["content_hash"] == row["content_hash"]


def test_every_prompt_is_answered(real, documents):
    found = measured([real], Material(documents.iloc[:0], [ASKED, ASKED]), Measurements(), 1)
    assert found.answer("v1", ASKED).tokens > 0
    assert found.answer("v1", Asked("Another?", (), "texts")) is None
    assert found.answer("v2", ASKED) is None


def test_what_is_known_is_not_measured_again(documents):
    before = known(documents)
    assert measured([NOWHERE], Material(documents, [ASKED]), before, 1) == before


def test_only_what_is_missing_or_changed_is_measured(real, documents):
    before = known(documents)
    first, second = documents["document_id"]
    before.scores["v1"][first]["content_hash"] = "of an older text"
    found = measured([real], Material(documents, [ASKED]), before, 1)
    assert found.scores["v1"][first]["bits"] != 80.0
    assert found.scores["v1"][second]["bits"] == 80.0
    assert found.answer("v1", ASKED).text == "Bread."


def test_another_models_scores_are_not_taken(real, documents):
    found = measured([real], Material(documents, [ASKED]), known(documents, "v2"), 1)
    assert all(one["bits"] != 80.0 for one in found.scores["v1"].values())
    assert found.answer("v1", ASKED).text != "Bread."


def test_what_is_known_is_of_these_models_texts_and_prompts_only(documents):
    before = known(documents)
    candidates = [NOWHERE, Candidate("v3", "nowhere", "", None)]
    found = known_measurements(candidates, Material(documents.iloc[:1]), before)
    assert found == Measurements({"v1": made_up(documents.iloc[:1]), "v3": {}}, {"v1": {}, "v3": {}})
    assert known_measurements(candidates, Material(documents, [ASKED]), before).answers["v1"]


def test_bits_per_byte_come_in_the_documents_order(documents):
    scores = {"v1": made_up(documents)}
    scores["v1"][documents["document_id"][1]]["bits"] = 20.0
    assert per_byte(scores, "v1", documents) == [2.0, 0.5]
    assert per_byte(scores, "v1", documents.iloc[::-1]) == [0.5, 2.0]
