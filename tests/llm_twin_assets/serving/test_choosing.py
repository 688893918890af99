"""A choice is checked, ordered and cut to its limit, and made without a model where there is none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.serving import choosing
from llm_twin_assets.serving.engine import Candidate
from llm_twin_assets.serving.grounded import Chooser, Spelled

END = 0


@st.composite
def candidate_lists(draw):
    """Candidates as passages give them: each follows the one before it, or begins a passage."""
    priors = draw(st.lists(st.integers(0, 30).map(lambda n: n / 40), min_size=1, max_size=8, unique=True))
    return [
        Candidate(f"sentence {at}", prior, at - 1 if at and draw(st.booleans()) else None)
        for at, prior in enumerate(priors)
    ]


@given(candidate_lists(), st.integers(1, 4))
def test_without_a_model_it_chooses_as_the_local_chooser_with_an_indifferent_one(candidates, most):
    spelled = [Spelled((at + 1,), one.prior, one.follows) for at, one in enumerate(candidates)]
    chooser, tokens = Chooser(spelled, END, 1000, most), []
    while True:
        values, _ = chooser.wanted(tokens)
        # The end comes last here, as by_prior says a sentence that is wanted exactly as much.
        best = max(values, key=lambda token: (values[token], token != END, -token))
        if best == END:
            break
        tokens.append(best)
    assert choosing.by_prior(candidates, range(len(candidates)), most) == [token - 1 for token in tokens]


@given(candidate_lists(), st.data())
def test_what_follows_comes_right_after_and_nothing_is_lost(candidates, data):
    picks = data.draw(st.permutations(range(len(candidates))))[: data.draw(st.integers(1, 8))]
    order = choosing.ordered(picks, candidates)
    assert sorted(order) == sorted(picks)
    for pick in picks:
        if candidates[pick].follows in picks:
            assert order[order.index(pick) - 1] == candidates[pick].follows
    heads = [pick for pick in picks if candidates[pick].follows not in picks]
    assert [pick for pick in order if pick in heads] == heads


def test_a_circle_cannot_lose_a_sentence():
    candidates = [Candidate("a", 1, 1), Candidate("b", 1, 0), Candidate("c", 1)]
    assert sorted(choosing.ordered([0, 1, 2], candidates)) == [0, 1, 2]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(0, 30))
def test_what_is_kept_fits_and_what_was_left_out_would_not(sizes, limit):
    picks = list(range(len(sizes)))
    kept = choosing.within(picks, sizes, limit)
    assert sum(sizes[at] for at in kept) <= limit
    for at in set(picks) - set(kept):
        assert sizes[at] + sum(sizes[other] for other in kept if other < at) > limit


def test_equal_texts_stand_once_and_what_is_too_long_not_at_all():
    candidates = [Candidate("a", 0.1), Candidate("b", 0.5), Candidate("a", 0.3), Candidate("c", 0.9)]
    assert choosing.allowed(candidates, [5, 5, 5, 11], 10) == [1, 2]


def test_the_most_wanted_are_shown_while_there_is_room_in_their_own_order():
    candidates = [Candidate(str(at), prior) for at, prior in enumerate((0.1, 0.9, 0.5, 0.7))]
    a_line = 10 + choosing.TOKENS_A_LINE
    room = choosing.TOKENS_AROUND + 2 * a_line
    assert choosing.shown(candidates, [10] * 4, [0, 1, 2, 3], room) == [1, 3]
    assert choosing.shown(candidates, [10] * 4, [0, 2], room + a_line) == [0, 2]
    assert choosing.shown(candidates, [10] * 4, [0, 1, 2, 3], choosing.TOKENS_AROUND) == []


def test_the_sentences_stand_under_their_numbers_each_on_one_line():
    asked = choosing.instructed("Why?", ["It\nhums.", "It works."], 2)
    assert asked.startswith("Why?\n\n")
    assert "[1] It hums.\n[2] It works.\n" in asked
    assert "at most 2" in asked


@given(st.lists(st.integers(1, 5), min_size=1, max_size=3, unique=True))
def test_a_good_choice_is_read(numbers):
    assert choosing.picked(json.dumps({"sentences": numbers}), 5, 3) == [number - 1 for number in numbers]


@pytest.mark.parametrize(
    ("reply", "wrong"),
    [
        ("", "not JSON"),
        ("[2]", "valid dictionary"),
        ('{"sentences": []}', "at least 1"),
        ('{"sentences": [0]}', "Input should be 1, 2 or 3"),
        ('{"sentences": [4]}', "Input should be 1, 2 or 3"),
        ('{"sentences": ["1"]}', "Input should be 1, 2 or 3"),
        ('{"sentences": [true]}', "no whole number"),
        ('{"sentences": [1.0]}', "no whole number"),
        ('{"sentences": [1, 2, 3]}', "at most 2"),
        ('{"sentences": [2, 2]}', "twice"),
        ('{"sentences": [1], "text": "I invent this."}', "Extra inputs"),
        ('{"text": "I invent this."}', "Field required"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_anything_else_is_not(reply, wrong):
    with pytest.raises(choosing.Unusable, match=wrong):
        choosing.picked(reply, 3, 2)


@given(st.text())
def test_whatever_a_model_says_is_a_choice_or_is_unusable(reply):
    try:
        picks = choosing.picked(reply, 3, 2)
    except choosing.Unusable as error:
        turn = choosing.repair(reply, str(error))
        assert [message["role"] for message in turn] == ["assistant", "user"]
        assert all(message["content"] for message in turn)
    else:
        assert set(picks) <= {0, 1, 2}
