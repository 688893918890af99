"""Grounded decoding: whatever the model says, only whole candidate sentences come out."""

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from llm_twin_assets.serving.grounded import (
    QUESTION_PENALTY,
    SUCCESSOR_BONUS,
    Chooser,
    Spelled,
    prior,
    spelled,
    unambiguous,
    weighed,
)

END = 0
VOCABULARY = 8
TOKENS = st.lists(st.integers(1, VOCABULARY - 1), min_size=1, max_size=6).map(tuple)


def candidate(tokens, wanted=0.5, follows=None):
    return Spelled(tuple(tokens), wanted, follows)


def kept(candidates):
    return [one for one, keep in zip(candidates, unambiguous(candidates), strict=True) if keep]


CANDIDATES = st.lists(st.builds(candidate, TOKENS, st.floats(0, 1)), max_size=7).map(kept)


def say(chooser, scores_of, limit=200):
    """What greedy generation says; the end token not included."""
    tokens = []
    while len(tokens) < limit:
        scores = weighed(*chooser.wanted(tokens), scores_of(tokens))
        token = int(scores.argmax())
        assert math.isfinite(scores[token])
        if token == END:
            return tokens
        tokens.append(token)
    raise AssertionError("it never ended")


def indifferent(tokens):
    return torch.zeros(VOCABULARY)


@given(CANDIDATES, st.integers(1, 4), st.integers(1, 20), st.integers(0, 2**32))
def test_only_whole_unused_candidates_come_out_whatever_the_model_wants(candidates, most, room, seed):
    generator = torch.Generator().manual_seed(seed)
    chooser = Chooser(candidates, END, room, most)
    tokens = say(chooser, lambda _: torch.randn(VOCABULARY, generator=generator) * 20)
    finished, begun = chooser.read(tokens)
    assert begun == ()
    assert len(set(finished)) == len(finished) <= most
    assert [t for at in finished for t in candidates[at].tokens] == tokens
    assert len(tokens) < room or not tokens
    assert bool(finished) == any(len(one.tokens) < room for one in candidates)


@given(st.lists(st.builds(candidate, TOKENS, st.floats(0, 1)), max_size=8))
def test_no_kept_candidate_begins_like_another_and_the_best_stays(candidates):
    rest = kept(candidates)
    for one in rest:
        for other in rest:
            assert one is other or other.tokens[: len(one.tokens)] != one.tokens
    if candidates:
        assert max(candidates, key=lambda one: one.prior) in rest


@given(CANDIDATES, st.data())
def test_any_row_of_finished_candidates_is_read_in_one_way(candidates, data):
    order = data.draw(st.permutations(range(len(candidates))))
    tokens = [token for at in order for token in candidates[at].tokens]
    assert Chooser(candidates, END, 1000, 10).read(tokens) == (list(order), ())


def test_the_first_sentence_is_chosen_by_its_prior_alone():
    chooser = Chooser([candidate([1, 2], 0.50), candidate([3, 4], 0.51)], END, 100, 1)
    against = torch.zeros(VOCABULARY)
    against[3] = -1000.0
    assert say(chooser, lambda _: against) == [3, 4]


def test_the_model_decides_between_later_sentences_that_are_wanted_alike():
    candidates = [candidate([1], 0.9), candidate([2, 3], 0.89), candidate([4, 5], 0.89)]
    for liked in (2, 4):
        scores = torch.zeros(VOCABULARY)
        scores[liked] = 9.0
        assert say(Chooser(candidates, END, 100, 2), lambda _, scores=scores: scores)[1] == liked


def test_the_models_likelihood_is_a_small_term():
    candidates = [candidate([1], 0.9), candidate([2, 3], 0.89), candidate([4, 5], 0.85)]
    scores = torch.zeros(VOCABULARY)
    scores[4] = 1000.0
    assert say(Chooser(candidates, END, 100, 2), lambda _: scores)[1] == 2


def test_a_direct_successor_is_preferred():
    better = 0.9 + SUCCESSOR_BONUS / 2
    candidates = [candidate([1], 1.0), candidate([2], better), candidate([3], 0.9, follows=0)]
    assert say(Chooser(candidates, END, 100, 2), indifferent) == [1, 3]


def test_the_answer_ends_when_nothing_left_is_wanted_nearly_as_much():
    candidates = [candidate([1], 0.9), candidate([2], 0.5), candidate([3], 0.5)]
    assert say(Chooser(candidates, END, 100, 3), indifferent) == [1]


def test_an_endless_or_broken_model_changes_nothing():
    candidates = [candidate([1, 2], 0.9), candidate([3], 0.88)]
    scores = torch.full((VOCABULARY,), float("-inf"))
    scores[END] = 0.0
    assert say(Chooser(candidates, END, 100, 2), lambda _: scores)[:2] == [1, 2]


def test_a_sentence_that_does_not_fit_is_not_begun():
    candidates = [candidate([1, 2, 3], 0.9), candidate([4, 5], 0.8)]
    assert say(Chooser(candidates, END, 3, 2), indifferent) == [4, 5]
    assert say(Chooser(candidates, END, 2, 2), indifferent) == []


def test_a_sentence_is_decided_once_no_other_can_come_of_its_tokens():
    chooser = Chooser([candidate([1, 2, 3]), candidate([1, 4]), candidate([5, 6])], END, 100, 3)
    assert chooser.decided([1]) == []
    assert chooser.decided([1, 2]) == [0]
    assert chooser.decided([1, 4]) == [1]
    assert chooser.decided([1, 4, 5]) == [1, 2]
    assert chooser.decided([1, 4, 1]) == [1, 0]


@given(CANDIDATES, st.integers(1, 3), st.integers(2, 20), st.integers(0, 2**32))
def test_what_is_forced_is_what_the_model_would_have_said_anyway(candidates, most, room, seed):
    # A model's scores have single precision: priors that differ by less are a tie.
    priors = [np.float32(one.prior) for one in candidates]
    assume(len(set(priors)) == len(priors))
    chooser = Chooser(candidates, END, room, most)

    def scores(tokens):
        generator = torch.Generator().manual_seed(seed + len(tokens))
        return torch.randn(VOCABULARY, generator=generator) * 20

    tokens = [*say(chooser, scores), END]
    at = 0
    while at < len(tokens):
        forced = list(chooser.forced(tokens[:at]))
        assert tokens[at : at + len(forced)] == forced
        at += len(forced) or 1
    assert chooser.forced(()) != ()


def test_where_the_model_has_a_say_nothing_is_forced():
    candidates = [candidate([1, 2], 0.9), candidate([3, 4, 5], 0.89), candidate([3, 4, 6], 0.89)]
    chooser = Chooser(candidates, END, 100, 2)
    assert chooser.forced([]) == (1, 2)
    assert chooser.forced([1, 2]) == ()
    assert chooser.forced([1, 2, 3]) == (4,)
    assert chooser.forced([1, 2, 3, 4, 5]) == (END,)
    assert Chooser(candidates, END, 100, 1).forced([]) == (1, 2, END)
    assert Chooser([], END, 100, 1).forced([]) == (END,)


@given(CANDIDATES, st.data())
def test_what_is_decided_never_changes(candidates, data):
    order = data.draw(st.permutations(range(len(candidates))))
    tokens = [token for at in order for token in candidates[at].tokens]
    chooser = Chooser(candidates, END, 1000, 10)
    decided = [chooser.decided(tokens[:length]) for length in range(len(tokens) + 1)]
    assert all(order[: len(one)] == one for one in map(list, decided))
    assert decided[-1] == list(order)


def test_questions_are_not_preferred():
    assert prior(0.6, 0.5, True) == pytest.approx(prior(0.6, 0.5, False) - QUESTION_PENALTY)
    assert prior(0.61, 0.5, False) > prior(0.6, 0.5, False)
    assert prior(0.6, 0.51, False) > prior(0.6, 0.5, False)


def test_a_sentence_whose_tokens_do_not_decode_to_it_is_not_spelled():
    def encode(text):
        return [ord(letter) for letter in text]

    def decode(tokens):
        return "".join(map(chr, tokens))

    assert spelled("Ja.", encode, decode) == tuple(map(ord, " Ja."))
    assert spelled("Ja.", encode, lambda tokens: decode(tokens).lstrip()) == tuple(map(ord, " Ja."))
    assert spelled("Ja.", encode, lambda tokens: decode(tokens).upper()) == ()
    assert spelled("Ja.", encode, lambda tokens: decode(tokens) + " ") == ()
