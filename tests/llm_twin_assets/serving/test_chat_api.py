"""OpenAI's annotations: where each quotation stands in the answer."""

from llm_twin_assets.serving.answering import Answer
from llm_twin_assets.serving.chat_api import annotations
from llm_twin_assets.serving.quoting import Citation
from llm_twin_assets.serving.service import Reply


def citation(quote, start=10):
    return Citation("file:a.md", "A", "d1", "c1", start, start + len(quote), quote)


def places(text, *quotes):
    answer = Answer(text, False, "i1", [citation(quote) for quote in quotes])
    notes = annotations(Reply("t1", "ada", "r1", answer), "http://127.0.0.1:1")
    return [(note["url_citation"]["start_index"], note["url_citation"]["end_index"]) for note in notes]


def test_each_quotation_is_found_at_its_own_place():
    text = "Bees hum. [1] Honey is sweet. [2] Bees hum. [3]"
    found = places(text, "Bees hum.", "Honey is sweet.", "Bees hum.")
    assert [text[start:end] for start, end in found] == ["Bees hum.", "Honey is sweet.", "Bees hum."]
    assert found == sorted(set(found))


def test_a_source_that_is_not_quoted_word_for_word_spans_the_answer():
    assert places("Said freely.", "Bees hum.", "Said") == [(0, 12), (0, 4)]


def test_the_address_shows_the_place_and_proves_the_words():
    answer = Answer("Bees hum. [1]", False, "i1", [citation("Bees hum.")])
    (note,) = annotations(Reply("t1", "ada", "r1", answer), "http://127.0.0.1:1")
    url = note["url_citation"]["url"]
    assert url.startswith("http://127.0.0.1:1/sources/d1?start=10&end=19&proof=")
    assert url.endswith("#quote")
