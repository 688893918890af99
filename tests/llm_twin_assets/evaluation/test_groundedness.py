"""Words, numbers and names of an answer in its passages."""

import pytest

from llm_twin_assets.evaluation.groundedness import groundedness

PASSAGE = "The lighthouse at Skarvik burned 1,200 litres of paraffin in 1931, said Ed the keeper."


def test_all_that_is_said_stands_in_the_passage():
    assert groundedness("In 1931 the lighthouse burned paraffin.", [PASSAGE]) == 1


def test_invented_numbers_and_names_count_against_it():
    assert groundedness("The lighthouse burned paraffin in 1932.", [PASSAGE]) == pytest.approx(3 / 4)
    assert groundedness("The lighthouse, says Al, burned.", [PASSAGE]) == pytest.approx(2 / 4)
    assert groundedness("The lighthouse, says Ed, burned paraffin.", [PASSAGE]) == pytest.approx(4 / 5)


def test_the_passages_count_together():
    assert groundedness("paraffin and candles", [PASSAGE, "We sold candles."]) == 1


def test_grammar_alone_says_nothing():
    assert groundedness("It is what it is.", [PASSAGE]) is None
    assert groundedness("", [PASSAGE]) is None
