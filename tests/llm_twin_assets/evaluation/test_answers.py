"""Answers of a small random model: repeatable, apart from each other, bounded, and held against training."""

from dataclasses import replace

import pytest

from llm_twin_assets.evaluation.answers import NEW_TOKENS, Asked, answers
from tests.llm_twin_assets.training import small

PASSAGE = ("Lamps", "The lamp is lit at four.")
ONE = Asked("What does your mother bake?", (), "texts")
TWO = Asked("Who keeps the lamp in the harbour lit, and since when, and what for?", (), "texts")


@pytest.fixture(scope="module")
def model():
    import torch

    torch.set_num_threads(1)
    made = small.tokenizer()
    return small.untrained(made).eval(), made


def test_an_answer_does_not_hang_on_what_else_is_asked(model):
    together = answers(*model, [TWO, ONE], [])
    assert answers(*model, [ONE], []) == together[1:]
    assert together[0].text != together[1].text
    assert answers(*model, [TWO, ONE], []) == together


def test_an_answer_ends_at_its_longest(model):
    found = answers(*model, [ONE, TWO], [])
    assert all(0 < one.tokens <= NEW_TOKENS for one in found)
    short = small.tiny(model[1]).eval()
    assert all(one.tokens <= 32 for one in answers(short, model[1], [ONE, TWO], []))


def test_passages_are_shown_as_far_as_they_fit(model):
    roomy, tokenizer = small.untrained(model[1]).eval(), model[1]
    roomy.config.max_position_embeddings = 1024
    long = ("Nets", "We mend the nets in the long shed. " * 60)
    asked = [ONE, replace(ONE, passages=(PASSAGE,)), replace(ONE, passages=(PASSAGE, long))]
    assert [one.shown for one in answers(roomy, tokenizer, asked, [])] == [0, 1, 1]


def test_a_passage_that_does_not_fit_leaves_the_answer_as_it_was(model):
    long = ("Nets", "We mend the nets in the long shed. " * 60)
    alone, beside = answers(*model, [ONE, replace(ONE, passages=(long,))], [])
    assert beside == alone


def test_a_run_of_training_text_is_counted_in_tokens(model):
    said = answers(*model, [ONE], [])[0]
    found = answers(*model, [ONE], ["Something else.", said.text])[0]
    assert (said.run, found.text) == (0, said.text)
    assert found.run > said.tokens / 2


def test_the_key_follows_everything_but_the_model():
    changes = [{}, {"question": "What?"}, {"passages": (PASSAGE,)}, {"learned": "other texts"}]
    assert len({replace(ONE, **change).key for change in changes}) == len(changes)


def test_nothing_asked_is_nothing_answered(model):
    assert answers(*model, [], ["text"]) == []
