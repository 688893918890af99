"""The style check on a dataset, with the manual's two pens as the authors."""

from pathlib import Path

import pandas as pd
import pytest

from llm_twin_assets.contracts import content_hash
from llm_twin_assets.datasets.instruct import instruct_rows
from llm_twin_assets.evaluation.own_words import judged_by_style
from tests.rows import MADE

MANUAL = Path(__file__).parents[3] / "docs" / "manual"
NORA = "Nora Adeyemi"


def document(file, number):
    _, head, text = file.read_text().split("---\n", 2)
    author = NORA if NORA in head else "the operator"
    return {
        "document_id": file.stem,
        "uri": file.stem,
        "title": file.stem,
        "author": author,
        "text": text,
        "content_hash": content_hash(text),
        **MADE,
        "cluster_id": file.stem,
        "split": "test" if number % 4 == 0 else "train",
    }


@pytest.fixture(scope="module")
def documents():
    return pd.DataFrame([document(file, number) for number, file in enumerate(sorted(MANUAL.glob("*.md")))])


def test_the_authors_own_answers_pass(documents):
    rows = instruct_rows(documents, "nora", NORA).rows
    passed, said, numbers = judged_by_style(rows, documents, NORA)
    assert passed
    assert "as near to the author as" in said
    assert numbers["delta_of_answers"] <= numbers["delta_of_held_out_text"] + 0.1


def test_another_authors_answers_do_not(documents):
    rows = instruct_rows(documents, "nora", "the operator").rows
    passed, said, numbers = judged_by_style(rows, documents, NORA)
    assert not passed
    assert "further from the author than" in said
    assert numbers["delta_of_answers"] > numbers["delta_of_held_out_text"] + 0.1


def test_too_little_text_is_said_and_passes(documents):
    few = documents.groupby("author").head(2)
    passed, said, numbers = judged_by_style(instruct_rows(few, "nora", NORA).rows, few, NORA)
    assert passed
    assert said.startswith("too little text to tell")
    assert numbers == {"measured": False}
