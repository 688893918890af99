"""Rows with passages: a quarter of the training rows, passages of the author's other training documents."""

import json

import pandas as pd
import pytest

from llm_twin_assets.contracts import CHUNKS, INSTRUCT_ROWS, chunk_id, conform, row_id
from llm_twin_assets.datasets import rows_with_passages as module
from llm_twin_assets.datasets.rows_with_passages import PASSAGES, passage_rows, passages_version
from tests.prose import prose

ADA = "Ada Moor"


def chunked(documents):
    """A chunk for each paragraph."""
    about = ["title", "author", "uri", "platform", "kind", "published_at", "content_hash", "document_id"]
    found = []
    for document in documents.to_dict("records"):
        for ordinal, text in enumerate(document["text"].split("\n\n")):
            start = document["text"].index(text)
            found.append(
                {name: document[name] for name in about}
                | {"chunk_id": chunk_id(document["document_id"], text, 0), "ordinal": ordinal, "text": text}
                | {"start": start, "end": start + len(text), "heading_path": "", "n_tokens": 9}
            )
    return conform(pd.DataFrame(found), CHUNKS)


def asked(documents, number=0, question="What does the old harbour do?", count=1):
    document = documents.iloc[number]
    answer = document["text"].split("\n\n")[0]
    rows = [
        {
            "row_id": row_id("ada", document["document_id"], 0, len(answer), f"explain{at}"),
            "twin": "ada",
            "instruction": question,
            "answer": answer,
            "document_id": document["document_id"],
            "start": 0,
            "end": len(answer),
            "intent": "explain",
            "generator": "template-v2",
            "split": document["split"],
            "passages": "",
        }
        for at in range(count)
    ]
    return conform(pd.DataFrame(rows), INSTRUCT_ROWS)


@pytest.fixture
def world(documents):
    return documents(
        (ADA, "train", f"{prose(1)} The harbour.\n\n{prose(2)} The harbour."),
        (ADA, "train", "\n\n".join(f"{prose(number)} The harbour." for number in range(3, 8))),
        (ADA, "test", f"{prose(8)} The harbour harbour."),
        ("Bo Rask", "train", f"{prose(9)} The harbour harbour."),
    )


@pytest.fixture
def all_chosen(monkeypatch):
    monkeypatch.setattr(module, "ONE_IN", 1)


def found(world, rows):
    chunks = chunked(world)
    made = passage_rows(rows, world, chunks, ADA)
    owner = chunks.set_index("chunk_id")["document_id"]
    return made, [owner[name] for row in made["passages"] for name in json.loads(row)]


def test_passages_are_of_other_training_documents_of_the_author(world, all_chosen):
    rows = asked(world)
    made, owners = found(world, rows)
    conform(made, INSTRUCT_ROWS)
    assert owners == [world["document_id"][1]] * PASSAGES
    same = ["instruction", "answer", "document_id", "start", "end", "intent", "generator", "split"]
    pd.testing.assert_frame_equal(made[same], rows[same])
    assert not set(made["row_id"]) & set(rows["row_id"])


def test_a_document_of_the_answers_cluster_gives_none(world, all_chosen):
    clusters = ["one", "one", "two", "three"]
    made, _ = found(world.assign(cluster_id=clusters), asked(world))
    assert made.empty


def test_a_withheld_document_gives_none(world, all_chosen):
    made, _ = found(world.assign(withheld=[None, "guest_byline", None, None]), asked(world))
    assert made.empty


def test_a_passage_that_holds_words_of_the_answer_is_passed_over(world, all_chosen):
    answer = asked(world)["answer"].item()
    copying = world.copy()
    copying.loc[1, "text"] = f"The harbour harbour. {answer}\n\n{prose(3)} The harbour."
    made, owners = found(copying, asked(world))
    assert len(owners) == 1
    chunks = chunked(copying).set_index("chunk_id")["text"]
    assert answer not in chunks[json.loads(made["passages"].item())[0]]


def test_what_the_question_names_comes_first(world, all_chosen):
    special = world.copy()
    special.loc[1, "text"] += f"\n\n{prose(30)} The astrolabe."
    made, _ = found(special, asked(world, question="What is an astrolabe?"))
    texts = chunked(special).set_index("chunk_id")["text"]
    assert "astrolabe" in texts[json.loads(made["passages"].item())[0]]


def test_about_a_quarter_of_the_training_rows_has_one_and_no_other_row(world):
    made, _ = found(world, asked(world, count=400))
    assert 0.15 < len(made) / 400 < 0.35
    assert found(world, asked(world, 2, count=400))[0].empty


def test_the_version_changes_with_the_authors_training_chunks_and_clusters_only(world):
    version = passages_version(world, chunked(world), ADA)
    others = world.copy()
    others.loc[[2, 3], "text"] = prose(40)
    assert passages_version(others, chunked(others), ADA) == version
    own = world.copy()
    own.loc[1, "text"] = prose(40)
    assert passages_version(own, chunked(own), ADA) != version
    assert passages_version(world.assign(cluster_id="one"), chunked(world), ADA) != version
