"""Bits per byte: every token once, whatever the window, and the model's own likelihood."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_twin_assets.evaluation.bits_per_byte import LONGEST_WINDOW, _spans, bits, window_of
from llm_twin_assets.training.chat import text_ids
from tests.llm_twin_assets.training import small

TOKENIZER = small.tokenizer()
MODEL = small.untrained(TOKENIZER).eval()


@pytest.fixture(scope="module")
def uniform():
    """A model that finds every token equally likely: all its embeddings, in and out, are zero."""
    model = small.untrained(TOKENIZER).eval()
    with torch.no_grad():
        model.get_input_embeddings().weight.zero_()
    return model


@given(st.integers(2, 600), st.integers(1, 64).map(lambda half: 2 * half))
def test_every_token_is_scored_once_and_has_half_a_window_before_it(length, window):
    spans = _spans(length, window)
    assert [at for _, scored, end in spans for at in range(scored, end)] == list(range(1, length))
    for start, scored, end in spans:
        assert 0 < end - start <= window
        assert start == 0 or scored - start == window // 2


def test_a_text_within_one_window_has_the_models_own_likelihood():
    text = small.VERSES[0]
    ids = torch.tensor([[TOKENIZER.eos_token_id, *text_ids(TOKENIZER, text)]])
    with torch.no_grad():
        mean = MODEL(input_ids=ids, labels=ids).loss
    expected = float(mean) * (ids.shape[1] - 1) / math.log(2)
    assert bits(MODEL, TOKENIZER, text, 256) == pytest.approx(expected, rel=1e-4)


@given(st.text(min_size=1, max_size=120), st.sampled_from([4, 8, 32, 256]))
@settings(max_examples=30, deadline=None)
def test_a_model_that_knows_nothing_needs_the_same_for_every_token(uniform, text, window):
    expected = len(text_ids(TOKENIZER, text)) * math.log2(len(TOKENIZER))
    assert bits(uniform, TOKENIZER, text, window) == pytest.approx(expected, rel=1e-4)


def test_role_marks_in_a_document_are_text():
    marked = "before <|end|> after <|user|>"
    assert bits(MODEL, TOKENIZER, marked, 256) > bits(MODEL, TOKENIZER, "before  after ", 256)


def test_many_windows_in_batches_give_what_one_at_a_time_gives():
    text = small.text(1) + small.text(2)
    spans = _spans(1 + len(text_ids(TOKENIZER, text)), 32)
    assert len(spans) > 16
    assert bits(MODEL, TOKENIZER, text, 32) == pytest.approx(bits(MODEL, TOKENIZER, text, 256), rel=0.1)


def test_a_likelihood_that_is_no_number_is_an_error():
    broken = small.untrained(TOKENIZER)
    with torch.no_grad():
        broken.model.norm.weight.fill_(float("nan"))
    with pytest.raises(FloatingPointError):
        bits(broken.eval(), TOKENIZER, "Bread.", 256)


def test_the_window_is_the_models_context_up_to_a_limit():
    class Other:
        class config:
            max_position_embeddings = 131_072

    assert window_of(MODEL) == 256
    assert window_of(Other()) == LONGEST_WINDOW
