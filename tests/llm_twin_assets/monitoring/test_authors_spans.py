"""Spans are the author's, stand in training documents, and are found whatever case a reader writes in."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_twin_assets.datasets.contrasts import is_like_long
from llm_twin_assets.monitoring.authors_spans import FEWEST_WORDS, author_of, is_quotation, said
from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.reading import Refused
from tests.llm_twin_assets.monitoring.feedback_world import (
    ADA,
    AUTHOR,
    DOCUMENTS,
    HELD_DOCUMENT,
    SENTENCES,
    TRAIN,
    citation,
)
from tests.prose import prose


def quoted(*citations):
    return AUTHOR.quoted({"citations": json.dumps(citations)})


def test_an_author_is_their_training_documents_only():
    train = DOCUMENTS[(DOCUMENTS["author"] == ADA) & (DOCUMENTS["split"] == "train")]
    assert set(AUTHOR.texts) == set(train["document_id"])
    withheld = DOCUMENTS.assign(withheld=["source_code"] + [None] * (len(DOCUMENTS) - 1))
    assert TRAIN not in author_of(withheld, ADA).texts


def test_quotations_are_read_at_their_offsets_and_checked_by_their_hash():
    place, quote = citation(TRAIN, 2, 2)
    (span,) = quoted(place)
    assert span.text == quote == AUTHOR.texts[TRAIN][span.start : span.end]
    assert is_quotation(f"{quote} [1]", [span])
    assert not is_quotation(f"{quote} And more.", [span])
    assert not is_quotation("", [])
    assert quoted() == []


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (citation(HELD_DOCUMENT)[0], Reason.HELD_OUT),
        (citation(TRAIN)[0] | {"start": 40}, Reason.STALE_ROW),
        (citation(TRAIN)[0] | {"document_id": "gone"}, Reason.STALE_ROW),
        (citation(DOCUMENTS["document_id"].iloc[-1])[0], Reason.STALE_ROW),
        (citation(TRAIN)[0] | {"start": 10**6, "end": 10**6 + 5}, Reason.STALE_ROW),
    ],
)
def test_what_may_not_be_learned_from_is_refused(place, reason):
    with pytest.raises(Refused) as refused:
        quoted(citation(TRAIN)[0], place)
    assert refused.value.reason == reason


@given(st.sampled_from(sorted(AUTHOR.texts)), st.integers(0, 25), st.integers(1, 3), st.booleans())
@settings(max_examples=40, deadline=None)
def test_words_of_a_training_document_are_found_where_they_stand(document, first, count, upper):
    run = SENTENCES[document][first : first + count]
    text = AUTHOR.texts[document][run[0].start : run[-1].end]
    span = AUTHOR.verbatim(f"“{(text.upper() if upper else text.lower()).replace(' ', '  ')}”")
    assert span is not None
    assert span.text == AUTHOR.texts[span.document][span.start : span.end]
    assert span.text.split() == text.split()


def test_few_words_and_words_of_others_are_not_found():
    words = SENTENCES[TRAIN][0].text.split()
    assert AUTHOR.verbatim(" ".join(words[:FEWEST_WORDS]))
    assert AUTHOR.verbatim(" ".join(words[: FEWEST_WORDS - 1])) is None
    assert AUTHOR.verbatim(" ".join([*words[:9], "indeed"])) is None
    for document in (HELD_DOCUMENT, DOCUMENTS["document_id"].iloc[-1]):
        assert AUTHOR.verbatim(SENTENCES[document][0].text) is None


def test_a_free_correction_finds_the_span_that_says_nearly_the_same():
    sentence = SENTENCES[TRAIN][3]
    words = sentence.text.rstrip(".").split()
    nearest = AUTHOR.nearest(" ".join(["I would say:", *words[:4], "surely", *words[5:]]), len(words))
    assert (nearest.document, nearest.start) == (TRAIN, sentence.start)
    assert nearest.text == AUTHOR.texts[TRAIN][nearest.start : nearest.end]
    assert AUTHOR.nearest("Quantum chromodynamics has eight gluons of three colours.", 12) is None
    assert AUTHOR.nearest("", 12) is None


@pytest.mark.parametrize("words", [12, 30, 60])
def test_the_nearest_span_is_of_a_like_length(words):
    text = " ".join(one.text for one in SENTENCES[TRAIN][:4])
    span = AUTHOR.nearest(text, words)
    assert span is None or is_like_long(words, len(span.text.split()))
    assert AUTHOR.nearest(text, 60).document == TRAIN
    assert AUTHOR.nearest(prose(1, 1), 10_000) is None


def test_marks_are_no_part_of_what_was_said():
    assert said("One. [1]  Two [as it is]. [12]") == "One. Two [as it is]."
