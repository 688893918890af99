"""Sentences to quotations: what is merged, and how the text is put together."""

from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.serving.quoting import Passage, Quotations
from llm_twin_assets.serving.sentences import quotable

OFFSET = 40
TEXT = (
    "One is first here.  Two comes next now.\n\nThree is in a new paragraph. [X](y) Four comes after a link."
)
PASSAGE = Passage("c1", "d1", "file:a", "A", TEXT, OFFSET, 0.9)
OTHER = Passage("c2", "d2", "file:b", "B", "Five is somewhere else.", 7, 0.8)
ONE, TWO, THREE = quotable(TEXT, OFFSET)[:3]
FIVE = quotable(OTHER.text, 7)[0]


def told(*chosen):
    quotations = Quotations()
    text = "".join(quotations.add(passage, sentence) for passage, sentence in chosen)
    return text + quotations.close(), quotations.citations


def test_each_quotation_is_followed_by_its_mark():
    text, citations = told((PASSAGE, TWO), (OTHER, FIVE))
    assert text == "Two comes next now. [1] Five is somewhere else. [2]"
    assert [one.chunk_id for one in citations] == ["c1", "c2"]


def test_sentences_that_follow_each_other_become_one_quotation_with_what_lies_between():
    text, citations = told((PASSAGE, ONE), (PASSAGE, TWO), (PASSAGE, THREE))
    assert text == "One is first here.  Two comes next now.\n\nThree is in a new paragraph. [1]"
    assert len(citations) == 1
    assert (citations[0].start, citations[0].end) == (ONE.start, THREE.end)


def test_the_other_way_round_they_are_two():
    text, citations = told((PASSAGE, TWO), (PASSAGE, ONE))
    assert text == "Two comes next now. [1] One is first here. [2]"
    assert len(citations) == 2


def test_what_lies_between_must_be_white_space():
    sentences = quotable("One is first here. No! Two comes next now.")
    passage = Passage("c3", "d3", "u", "T", "One is first here. No! Two comes next now.", 0, 1.0)
    assert [one.text for one in sentences] == ["One is first here.", "Two comes next now."]
    assert len(told(*((passage, one) for one in sentences))[1]) == 2


@given(st.permutations([(PASSAGE, ONE), (PASSAGE, TWO), (PASSAGE, THREE), (OTHER, FIVE)]), st.integers(1, 4))
def test_every_quotation_is_the_document_at_its_offsets(order, count):
    documents = {"d1": "." * OFFSET + TEXT, "d2": "." * 7 + OTHER.text}
    text, citations = told(*order[:count])
    for one in citations:
        assert documents[one.document_id][one.start : one.end] == one.quote
    assert text == " ".join(f"{one.quote} [{n}]" for n, one in enumerate(citations, 1))
