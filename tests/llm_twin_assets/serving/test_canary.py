"""What is decided about a canary: single decisions, the methods behind them, and whole simulated canaries."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.serving.canary import Arm, conversations_needed, decide
from llm_twin_assets.serving.sequential import boundaries, difference, harm_radius, spent
from tests.bench_canary import summary
from tests.llm_twin_assets.serving.simulated_canaries import SCENARIOS, Release, drawn, simulated

RUNS = 100


def arm(quality, count=None, errors=0.0, seconds=1.0, thumbs=()):
    """Conversations of which a share `quality` is right."""
    right = round(quality * count)
    return Arm(
        np.array([1.0] * right + [0.0] * (count - right)),
        np.full(count, errors),
        np.full(count, seconds),
        np.array(thumbs, dtype=float),
    )


def look(share, count, **more):
    return {"share": share, "canary": count, "control": count, "next": 2 * count, **more}


def test_without_conversations_it_holds():
    nothing = Arm(np.zeros(0), np.zeros(0))
    decision = decide(5, [], nothing, nothing)
    assert (decision.action, decision.share, decision.evidence) == ("hold", 5, {})
    assert "0 and 0 conversations" in decision.reason


@pytest.mark.parametrize(("canary", "control"), [(9, 400), (400, 9), (9, 9)])
def test_too_few_in_either_arm_say_nothing_however_bad_they_look(canary, control):
    decision = decide(5, [], arm(0.0, canary, errors=1.0), arm(1.0, control))
    assert (decision.action, decision.evidence) == ("hold", {})


def test_nothing_new_since_the_last_look_holds_although_the_numbers_would_do():
    seen = [look(5, 200)]
    for new in (0, 9):
        decision = decide(5, seen, arm(0.85, 200 + new), arm(0.85, 500))
        assert (decision.action, decision.evidence) == ("hold", {})
    assert decide(5, seen, arm(0.85, 210), arm(0.85, 500)).action == "advance"


def test_the_first_share_grows_after_a_hundred_conversations_without_harm():
    waiting = decide(5, [], arm(0.85, 99), arm(0.85, 120))
    assert (waiting.action, waiting.share) == ("hold", 5)
    assert waiting.evidence["next"] == 109
    grown = decide(5, [waiting.evidence], arm(0.85, 109), arm(0.85, 130))
    assert (grown.action, grown.share) == ("advance", 25)


def test_more_than_a_quarter_takes_proof():
    hold = decide(25, [look(5, 100)], arm(0.85, 800), arm(0.85, 800))
    assert (hold.action, hold.share) == ("hold", 25)
    assert "not yet shown" in hold.reason
    proved = decide(25, [look(5, 100), hold.evidence], arm(0.85, 1500), arm(0.85, 1500))
    assert (proved.action, proved.share) == ("advance", 50)
    assert -0.05 < proved.evidence["at_least"] < 0
    assert proved.evidence["z"] > proved.evidence["critical"]


def test_a_little_worse_with_all_the_information_is_rolled_back_but_not_for_harm():
    needed = conversations_needed(math.sqrt(0.85 * 0.15)) + 250
    decision = decide(25, [look(5, 100)], arm(0.815, needed), arm(0.85, needed))
    assert (decision.action, decision.share) == ("roll_back", 0)
    assert decision.reason.startswith("not shown to be as good")
    assert decision.evidence["fraction"] == 1


def test_before_a_fifth_of_the_information_nothing_is_tested():
    decision = decide(25, [look(5, 100)], arm(0.9, 150), arm(0.85, 150))
    assert decision.action == "hold"
    assert "fraction" not in decision.evidence


def test_the_half_is_confirmed_by_another_hundred_and_then_promoted():
    seen = [look(5, 100), look(25, 1500, fraction=0.9)]
    waiting = decide(50, seen, arm(0.85, 1590), arm(0.85, 1590))
    assert (waiting.action, waiting.share, waiting.evidence["next"]) == ("hold", 50, 1600)
    promoted = decide(50, seen, arm(0.85, 1600), arm(0.85, 1600))
    assert (promoted.action, promoted.share) == ("promote", 100)


@pytest.mark.parametrize("share", [5, 25, 50])
@pytest.mark.parametrize(
    ("canary", "control", "said"),
    [
        (arm(0.4, 200), arm(0.85, 200), "quality"),
        (arm(0.85, 200, errors=0.5), arm(0.85, 200), "errors"),
        (arm(0.85, 200, seconds=3.0), arm(0.85, 200), "slowness"),
        (arm(0.85, 200, thumbs=[0] * 60), arm(0.85, 200, thumbs=[1] * 60), "thumbs"),
    ],
)
def test_harm_rolls_back_at_every_share_and_names_what_it_saw(share, canary, control, said):
    decision = decide(share, [], canary, control)
    assert (decision.action, decision.share) == ("roll_back", 0)
    assert decision.reason.startswith(f"harm: {said}")
    assert decision.evidence["measured"][said]["upper"] < 0
    assert decide(share, [], control, canary).action != "roll_back"


def test_a_little_slower_is_tolerated():
    assert decide(5, [], arm(0.85, 200, seconds=1.2), arm(0.85, 200)).action == "advance"


def test_thumbs_of_a_handful_are_not_judged():
    down = decide(5, [], arm(0.85, 200, thumbs=[0] * 9), arm(0.85, 200, thumbs=[1] * 60))
    assert down.action == "advance"
    assert "thumbs" not in down.evidence["measured"]


@given(
    st.integers(10, 400), st.integers(10, 400), st.floats(0, 1), st.floats(0, 1), st.sampled_from([5, 25, 50])
)
def test_every_decision_is_whole(canary, control, first, second, share):
    decision = decide(share, [], arm(first, canary), arm(second, control))
    assert decision.reason
    assert decision.share == {"hold": share, "roll_back": 0, "promote": 100}.get(
        decision.action, {5: 25, 25: 50}.get(share)
    )
    assert decision.evidence["next"] >= min(canary, control) + 10
    # As JSON keeps it, which has no infinity.
    numbers = [one for told in decision.evidence["measured"].values() for one in told.values()]
    assert all(map(math.isfinite, numbers))


def test_conversations_needed_grow_with_the_spread_squared():
    assert conversations_needed(0.4) == pytest.approx(4 * conversations_needed(0.2), abs=4)
    assert 1_500 < conversations_needed() < 2_500


# The methods, against published numbers.


def test_the_boundaries_are_those_of_the_literature():
    # Five equal looks at one-sided 0.025, as tables of group sequential tests have them.
    found = boundaries([0.2, 0.4, 0.6, 0.8, 1.0], 0.025)
    assert found == pytest.approx([4.877, 3.357, 2.680, 2.290, 2.031], abs=0.002)


def test_one_look_at_the_end_is_an_ordinary_test():
    assert boundaries([1.0], 0.025) == pytest.approx([1.960], abs=0.001)
    assert spent(1.0, 0.025) == pytest.approx(0.025)
    assert spent(0.0, 0.025) == 0


def test_where_nothing_may_be_spent_nothing_is_tested():
    assert boundaries([0.05], 0.025) == [math.inf]
    assert boundaries([0.05, 1.0], 0.025)[1] == pytest.approx(1.960, abs=0.001)


@given(st.lists(st.floats(0.2, 1.0), min_size=1, max_size=6, unique=True))
def test_all_looks_together_spend_the_alpha_and_no_more(times):
    times = sorted({round(time, 2) for time in times})
    found, alpha = boundaries(times, 0.05), 0.05
    random = np.random.default_rng(0)
    steps = random.normal(0, np.sqrt(np.diff([0.0, *times])), (20_000, len(times)))
    z = steps.cumsum(axis=1) / np.sqrt(times)
    crossed = (z >= found).any(axis=1).mean()
    assert crossed == pytest.approx(spent(times[-1], alpha), abs=0.008)


def test_the_harm_bound_holds_at_all_looks_at_once():
    random = np.random.default_rng(0)
    walks = random.normal(0, 1, (2_000, 2_000)).cumsum(axis=1)
    information = np.arange(1, 2_001)
    radius = np.array([harm_radius(one, 0.05, 300) for one in information])
    ever = (walks / information < -radius).any(axis=1).mean()
    assert 0.005 < ever < 0.05


def test_the_harm_bound_narrows_with_information():
    radii = [harm_radius(information, 0.005, 3_000) for information in (10, 100, 1_000, 10_000)]
    assert radii == sorted(radii, reverse=True)


def test_arms_that_only_succeeded_do_not_look_certain():
    found = difference(np.ones(10), np.ones(10))
    assert found.mean == 0
    assert found.information < 100
    assert difference(np.ones(0), np.ones(0)).information > 0


# Whole canaries. The goals are kept with room to spare (tests/bench_canary.py shows by how much), so that
# these bounds, which lie at least five standard errors away, hold for any seed.


def outcome(name):
    return summary(simulated(SCENARIOS[name], RUNS))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["5 points worse, right or wrong", "5 points worse, continuous"])
def test_a_release_five_points_worse_seldom_gets_beyond_a_quarter(name):
    found = outcome(name)
    assert found.early >= 0.9
    assert found.harm > 0.5
    assert found.promoted <= 0.1


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["equal, right or wrong at 85 %", "equal, continuous", "equal, several turns"]
)
def test_an_equal_release_is_promoted_and_hardly_ever_blamed(name):
    found = outcome(name)
    assert found.promoted >= 0.92
    assert found.harm <= 0.03


@pytest.mark.parametrize(
    ("name", "conversations"),
    [
        ("every answer fails", 25),
        ("half of the answers fail", 60),
        ("twice as slow", 100),
        ("20 points worse", 500),
    ],
)
def test_what_is_plainly_bad_goes_early(name, conversations):
    outcomes = simulated(SCENARIOS[name], 60)
    assert {one.action for one in outcomes} == {"roll_back"}
    assert all(one.reason.startswith("harm") for one in outcomes)
    assert summary(outcomes).conversations <= conversations


def test_the_same_numbers_give_the_same_decision():
    random = np.random.default_rng(1)
    arms = [drawn(random, Release(0.8), 500), drawn(random, Release(), 500)]
    assert decide(25, [look(5, 100)], *arms) == decide(25, [look(5, 100)], *arms)


def test_a_last_test_just_after_another_is_an_ordinary_one():
    seen = [look(5, 100), look(25, 1500, fraction=0.99996)]
    decision = decide(25, seen, arm(0.85, 2500), arm(0.85, 2500))
    assert decision.action == "advance"
    assert math.isfinite(decision.evidence["critical"])
