"""OpenAI's responses: where each quotation stands in the answer, its link, and why the answer ends."""

import pytest

from llm_twin_assets.serving.answering import Answer
from llm_twin_assets.serving.api_schema import Completion, ErrorBody, ModelList
from llm_twin_assets.serving.chat_api import (
    Look,
    annotations,
    closing,
    completion,
    failure,
    model,
    model_list,
    source_path,
)
from llm_twin_assets.serving.quoting import Citation
from llm_twin_assets.serving.service import Reply

LOOK = Look("http://127.0.0.1:1")


def citation(quote, start=10):
    return Citation("file:a.md", "A", "d1", "c1", start, start + len(quote), quote)


def reply(text, *quotes, **fields):
    answer = Answer(text, False, "i1", [citation(quote) for quote in quotes], **fields)
    return Reply("t1", "ada", "r1", "", answer, "Ada Moss")


def places(text, *quotes):
    notes = annotations(reply(text, *quotes), LOOK)
    return [(note["url_citation"]["start_index"], note["url_citation"]["end_index"]) for note in notes]


def test_each_quotation_is_found_at_its_own_place():
    text = "Bees hum. [1] Honey is sweet. [2] Bees hum. [3]"
    found = places(text, "Bees hum.", "Honey is sweet.", "Bees hum.")
    assert [text[start:end] for start, end in found] == ["Bees hum.", "Honey is sweet.", "Bees hum."]
    assert found == sorted(set(found))


def test_a_source_that_is_not_quoted_word_for_word_spans_the_answer():
    assert places("Said freely.", "Bees hum.", "Said") == [(0, 12), (0, 4)]


def test_the_address_shows_the_place_and_proves_the_words():
    (note,) = annotations(reply("Bees hum. [1]", "Bees hum."), LOOK)
    url = note["url_citation"]["url"]
    assert url.startswith("http://127.0.0.1:1/sources/d1?start=10&end=19&proof=")
    assert "sig=" not in url
    assert url.endswith("#quote")


def test_where_links_are_signed_the_signature_is_of_the_whole_place():
    signed = []

    def sign(*place):
        signed.append(place)
        return "abc"

    path = source_path(citation("Bees hum."), sign)
    document_id, start, end, proof = signed[0]
    assert (document_id, start, end) == ("d1", 10, 19)
    assert path == f"/sources/d1?start=10&end=19&proof={proof}&sig=abc#quote"


@pytest.mark.parametrize(("cut", "reason"), [(False, "stop"), (True, "length")])
def test_it_says_why_it_ends(cut, reason):
    said = reply("Bees hum. [1]", "Bees hum.", cut=cut)
    assert completion(said, LOOK)["choices"][0]["finish_reason"] == reason
    assert closing(said, LOOK)[0]["choices"][0]["finish_reason"] == reason


def test_the_usage_comes_last_and_only_where_it_is_asked_for():
    said = reply("Bees hum. [1]", "Bees hum.", prompt_tokens=7, completion_tokens=3)
    assert len(closing(said, LOOK)) == 1
    last = closing(said, Look(LOOK.origin, include_usage=True))[-1]
    assert last["usage"] == {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    assert last["choices"] == []


def test_what_is_sent_is_what_the_schema_describes():
    Completion.model_validate(completion(reply("Bees hum. [1]", "Bees hum."), LOOK), extra="forbid")
    ModelList.model_validate(model_list([model("ada", "Ada Moss", "r1", None)]), extra="forbid")
    ErrorBody.model_validate(failure("no", "server_error", None), extra="forbid")


def test_a_model_says_what_it_is():
    assert "It is not Ada Moss" in model("ada", "Ada Moss", "r1", "i1")["notice"]
