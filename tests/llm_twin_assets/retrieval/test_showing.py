import pytest

from llm_twin_assets.retrieval.search import Found
from llm_twin_assets.retrieval.showing import as_text, told
from resources.vector_store import Filters, Hit
from tests.llm_twin_assets.retrieval.words import chunk_row

TOOK = {"retrieval": 1.5, "total": 12.4}


def hit(text="Words about glue.", **scores):
    payload = chunk_row("On glue", 0, "Drying > In winter", text) | {"published_at": "2024-03-05"}
    return Hit("c1", 0.0325, payload, scores or {"dense": 0.7, "sparse": 4.25, "mmr": 0.5})


@pytest.fixture
def found():
    return Found(
        [hit(), hit(dense=0.6, rerank=3.0)], "i" * 64, Filters(author="Ada"), ["Glue?", "glue"], False
    )


def test_a_program_gets_everything(found):
    shown = told(found, TOOK)
    assert (shown["index_id"], shown["milliseconds"]) == ("i" * 64, TOOK)
    assert shown["filters"] == {"author": "Ada"}
    assert shown["wordings"] == ["Glue?", "glue"]
    first = shown["hits"][0]
    assert first["scores"] == {"hybrid": 0.0325, "dense": 0.7, "sparse": 4.25, "mmr": 0.5}
    assert (first["rank"], first["title"], first["text"]) == (1, "On glue", "Words about glue.")
    assert [one["rank"] for one in shown["hits"]] == [1, 2]


def test_a_person_sees_where_a_passage_stands_and_what_each_retriever_gave_it(found):
    text = as_text(found, TOOK)
    assert "only author Ada" in text
    assert "also searched for: glue" in text
    assert " 1. On glue > Drying > In winter" in text
    assert "dense 0.700  sparse 4.250  hybrid 0.033  mmr 0.500" in text
    assert "dense 0.600  hybrid 0.033  rerank 3.000" in text
    assert "Ada, folder, 2024-03-05  file:On glue.md" in text


def test_a_long_passage_is_cut_and_its_lines_are_joined():
    found = Found([hit("glue\n\n" * 100)], "i", Filters(), ["q"], False)
    last = as_text(found, TOOK).splitlines()[-1].strip()
    assert last.startswith("glue glue")
    assert last.endswith("…")
    assert len(last) == 241


def test_a_filter_that_was_left_out_and_an_empty_result_are_said():
    text = as_text(Found([], "i", Filters(), ["q"], True), TOOK)
    assert "left nothing" in text
    assert text.endswith("nothing was found")
