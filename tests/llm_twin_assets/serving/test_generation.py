"""The next token depends on the plan, the seed and what was said, and on nothing else."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.serving.generation import (
    USUAL_CONTEXT,
    Drawing,
    Job,
    Quoting,
    chooser_of,
    context_of,
    next_scores,
)
from llm_twin_assets.serving.grounded import Spelled

SCORES = torch.tensor([2.0, 1.0, 0.0, -1.0])


def job(plan, limit=20):
    return Job("1", "ada", (5, 5), 0, limit, plan)


def drawn(plan, position, scores=SCORES):
    one = job(plan)
    return int(next_scores(one, chooser_of(one), [1] * position, scores.clone()).argmax())


def test_at_a_temperature_of_zero_the_likeliest_is_taken():
    assert {drawn(Drawing(0, 1, seed), 0) for seed in range(20)} == {0}


def test_a_seed_and_a_position_give_the_same_token_again():
    first = [drawn(Drawing(1, 1, 7), position) for position in range(50)]
    assert first == [drawn(Drawing(1, 1, 7), position) for position in range(50)]
    assert first != [drawn(Drawing(1, 1, 8), position) for position in range(50)]
    assert len(set(first)) > 1


def test_tokens_are_drawn_as_often_as_they_are_likely():
    counts = torch.zeros(4)
    for seed in range(4000):
        counts[drawn(Drawing(1, 1, seed), 3)] += 1
    assert torch.allclose(counts / 4000, SCORES.softmax(0), atol=0.03)


@pytest.mark.parametrize(
    ("top_p", "allowed"), [(0.1, {0}), (0.7, {0, 1}), (0.95, {0, 1, 2}), (1.0, {0, 1, 2, 3})]
)
def test_only_the_nucleus_is_drawn_from(top_p, allowed):
    hot = Drawing(1.0, top_p, 0)
    assert {drawn(Drawing(hot.temperature, top_p, seed), 0) for seed in range(400)} == allowed


def test_a_higher_temperature_spreads():
    cold = {drawn(Drawing(0.05, 1, seed), 0) for seed in range(100)}
    hot = {drawn(Drawing(5.0, 1, seed), 0) for seed in range(100)}
    assert cold == {0}
    assert hot == {0, 1, 2, 3}


@given(st.permutations(range(4)), st.floats(0.05, 1.0))
def test_the_nucleus_does_not_depend_on_the_order_of_the_vocabulary(order, top_p):
    moved = SCORES[list(order)]
    seen = {order[drawn(Drawing(1.0, top_p, seed), 0, moved)] for seed in range(60)}
    assert seen == set(range(len(seen)))


def test_a_job_that_quotes_has_a_chooser_with_its_room_and_end():
    one = job(Quoting((Spelled((1, 2), 0.5), Spelled((3,), 0.4)), 1))
    chooser = chooser_of(one)
    assert chooser.end == 0
    assert int(next_scores(one, chooser, [], SCORES.clone()).argmax()) == 1
    assert int(next_scores(one, chooser, [1, 2], SCORES.clone()).argmax()) == 0
    small = job(Quoting((Spelled((1, 2), 0.5), Spelled((3,), 0.4)), 1), limit=2)
    assert int(next_scores(small, chooser_of(small), [], SCORES.clone()).argmax()) == 3


def test_a_model_says_how_much_it_takes_or_takes_the_usual():
    class Config:
        max_position_embeddings = 77

    assert context_of(Config) == 77
    assert context_of(object()) == USUAL_CONTEXT
