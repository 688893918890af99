"""Pretraining on a tiny corpus: it learns, it reads the train split only, and it is repeatable."""

import math

import pytest
import torch

from llm_twin_assets.training import pretrain as stage
from llm_twin_assets.training.bundled import CONTEXT, SMALL_VOCABULARY, VOCABULARY, vocabulary_size
from llm_twin_assets.training.pretrain import BATCH, FEWEST_STEPS, MOST_PASSES, pretrain, recipe
from tests.llm_twin_assets.training import small
from tests.llm_twin_assets.training.small import say_nothing

TOKENS = 3 * BATCH * CONTEXT


def same(one, other):
    weights = other.state_dict()
    return all(torch.equal(value, weights[name]) for name, value in one.state_dict().items())


@pytest.fixture(scope="module")
def trained():
    torch.set_num_threads(1)
    return pretrain(small.documents("train", "train", "train"), TOKENS, say_nothing)


def test_the_model_learns_and_reads_as_many_tokens_as_it_was_told(trained):
    model, tokenizer, fit = trained
    assert fit.final_loss < fit.first_loss
    assert fit.tokens <= TOKENS
    assert model.config.max_position_embeddings == CONTEXT
    assert model.config.vocab_size == len(tokenizer)
    assert model.get_input_embeddings().weight is model.get_output_embeddings().weight


def test_the_same_text_gives_the_same_weights_in_whatever_order_it_comes(trained):
    torch.set_num_threads(1)
    again, _, _ = pretrain(small.documents("train", "train", "train").iloc[::-1], TOKENS, say_nothing)
    assert same(trained[0], again)


def test_validation_and_test_documents_are_never_read(trained):
    torch.set_num_threads(1)
    more = small.documents("train", "train", "train", "test", "validation")
    again, tokenizer, _ = pretrain(more, TOKENS, say_nothing)
    assert tokenizer.get_vocab() == trained[1].get_vocab()
    assert same(trained[0], again)


def test_a_small_corpus_is_not_read_over_and_over(tokenizer):
    table = small.documents(*["train"] * 40)
    stream = stage._stream(tokenizer, list(table["text"]), table)
    assert MOST_PASSES * len(stream) > FEWEST_STEPS * BATCH * CONTEXT
    *_, fit = pretrain(table.iloc[:3], 10_000_000, say_nothing)
    assert len(fit.losses) == FEWEST_STEPS
    assert stage._step_count(10_000_000, len(stream)) == math.ceil(
        MOST_PASSES * len(stream) / (BATCH * CONTEXT)
    )
    assert stage._step_count(TOKENS, len(stream)) == 3


def test_every_text_and_its_passages_are_in_the_stream(tokenizer):
    table = small.documents("train", "train")
    texts = list(table["text"])
    written = tokenizer.decode(stage._stream(tokenizer, texts, table))
    for text in texts:
        assert text in written
        body = text.split("\n\n")[1]
        # As document, as answer to its heading; a continuation holds only the rest.
        assert written.count(body) == 2
    assert "<|user|>" in written


def test_too_little_text_is_named(tokenizer):
    table = small.documents("train")
    table["text"] = "Too short."
    with pytest.raises(ValueError, match="add documents"):
        pretrain(table, TOKENS, say_nothing)


def test_the_recipe_names_the_tokens():
    assert recipe(1000) != recipe(2000)
    assert recipe(1000) == recipe(1000)


def test_a_small_text_gets_the_small_vocabulary():
    assert vocabulary_size(["é" * 99_999]) == SMALL_VOCABULARY
    assert vocabulary_size(["é" * 60_000, "é" * 40_000]) == VOCABULARY


def test_muon_gets_the_inner_matrices_and_adamw_the_rest(base):
    muon, adam = stage._optimizers(base)
    inner = [weight for group in muon.param_groups for weight in group["params"]]
    outer = [weight for group in adam.param_groups for weight in group["params"]]
    assert sum(weight.numel() for weight in inner + outer) == base.num_parameters()
    assert all(weight.ndim == 2 for weight in inner)
    assert any(weight is base.get_input_embeddings().weight for weight in outer)
