"""Conversations keep their arm, and the arms are of equal size."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.serving.arms import arm_of

THREADS = [f"thread-{number}" for number in range(20_000)]
SHARES = (5, 25, 50)


def arms(share, twin="ada", release="r1"):
    return [arm_of(twin, release, share, thread) for thread in THREADS]


@pytest.mark.parametrize("share", SHARES)
def test_canary_and_control_have_the_share_each(share):
    counted = Counter(arms(share))
    for arm in ("canary", "control"):
        assert counted[arm] / len(THREADS) == pytest.approx(share / 100, abs=0.015)
    assert counted[""] == len(THREADS) - counted["canary"] - counted["control"]


@given(st.text(min_size=1), st.text(min_size=1), st.text(min_size=1))
def test_no_conversation_leaves_its_arm_when_the_share_grows(twin, release, thread):
    seen = [arm for share in SHARES if (arm := arm_of(twin, release, share, thread))]
    assert len(set(seen)) == 1
    assert arm_of(twin, release, 100, thread) == "canary"


def test_above_one_half_the_control_arm_is_what_is_left():
    counted = Counter(arms(70))
    assert counted["control"] / len(THREADS) == pytest.approx(0.3, abs=0.015)
    assert counted[""] == 0


def test_another_canary_or_twin_draws_other_conversations():
    first = {thread for thread, arm in zip(THREADS, arms(25), strict=True) if arm == "canary"}
    for other in (arms(25, release="r2"), arms(25, twin="ben")):
        second = {thread for thread, arm in zip(THREADS, other, strict=True) if arm == "canary"}
        assert len(first & second) / len(first) == pytest.approx(0.25, abs=0.03)


def test_the_same_question_is_answered_the_same_by_every_process():
    # Written down: a server that is started again must not move anybody.
    assert [arm_of("ada", "r1", 25, thread) for thread in THREADS[:6]] == ["", "", "", "control", "", ""]
