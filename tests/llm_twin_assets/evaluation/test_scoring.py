"""Scores are measured once for each model and text, and kept."""

import pytest

from llm_twin_assets.evaluation.scoring import Candidate, known_scores, per_byte, score
from tests.llm_twin_assets.training import small

NOWHERE = Candidate("v1", "there/is/no/such/folder", "", None)


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


def test_every_document_is_measured_in_bits_and_utf8_bytes(real, documents):
    scores = score([real], documents, {}, 1)
    assert list(scores) == ["v1"]
    for row in documents.to_dict("records"):
        found = scores["v1"][row["document_id"]]
        assert found["bytes"] == len(row["text"].encode())
        assert found["bits"] > found["bytes"]
        assert found["content_hash"] == row["content_hash"]


def test_what_is_known_is_not_measured_again(documents):
    known = {"v1": made_up(documents)}
    assert score([NOWHERE], documents, known, 1) == known


def test_only_what_is_missing_or_changed_is_measured(real, documents):
    known = {"v1": made_up(documents)}
    first, second = documents["document_id"]
    known["v1"][first]["content_hash"] = "of an older text"
    scores = score([real], documents, known, 1)["v1"]
    assert scores[first]["bits"] != 80.0
    assert scores[second]["bits"] == 80.0


def test_another_models_scores_are_not_taken(real, documents):
    scores = score([real], documents, {"v2": made_up(documents)}, 1)
    assert all(found["bits"] != 80.0 for found in scores["v1"].values())


def test_known_scores_are_of_these_models_and_texts_only(documents):
    known = {"v1": made_up(documents), "v2": made_up(documents)}
    assert known_scores(["v1", "v3"], documents.iloc[:1], known) == {
        "v1": made_up(documents.iloc[:1]),
        "v3": {},
    }


def test_bits_per_byte_come_in_the_documents_order(documents):
    scores = {"v1": made_up(documents)}
    scores["v1"][documents["document_id"][1]]["bits"] = 20.0
    assert per_byte(scores, "v1", documents) == [2.0, 0.5]
    assert per_byte(scores, "v1", documents.iloc[::-1]) == [0.5, 2.0]
