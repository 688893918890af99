"""Which answers feedback is clear about: old enough, answered, one vote a voter, votes that agree."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_twin_assets.monitoring.eligibility import YOUNGEST, eligible, text_of
from tests.llm_twin_assets.monitoring.feedback_world import NOW, feedback_of, said, trace, traces_of


def found(traces, *feedback):
    judged, left = eligible(traces_of(traces), feedback_of(feedback), NOW)
    return judged, {name: str(reason) for name, reason, _ in left}


def kinds(*feedback, **fields):
    judged, left = found([trace(1, **fields)], *feedback)
    return judged[0].kind if judged else left["trace-00001"]


def test_a_thumb_and_a_correction_say_what_they_say():
    assert kinds(said(1, 1)) == "approved"
    assert kinds(said(1, -1)) == "rejected"
    assert kinds(said(1, -1, "It should say this.")) == "correction"
    assert kinds(said(1, None, "It should say this.")) == "correction"
    judged, _ = found([trace(1)], said(1, None, "It  should\nsay this."))
    assert judged[0].correction == "It should say this."


def test_what_was_said_last_stands_and_can_be_taken_back():
    assert kinds(said(1, -1), said(1, 1)) == "approved"
    assert kinds(said(1, 1), said(1, 0)) == "no_verdict"
    assert kinds(said(1, None, comment="Nice")) == "no_verdict"
    assert kinds(said(1, 1), said(1, None, comment="Nice")) == "approved"


def test_voters_who_disagree_make_no_row():
    assert kinds(said(1, 1, key="a"), said(1, -1, key="b")) == "contradictory"
    assert kinds(said(1, 1, key="a"), said(1, 1, key="b")) == "approved"
    assert kinds(said(1, None, "One.", key="a"), said(1, None, "Two.", key="b")) == "contradictory"
    assert kinds(said(1, 1, "It should say this.")) == "contradictory"
    assert kinds(said(1, 1, key="a"), said(1, -1, key="b"), said(1, 0, key="b")) == "approved"


def test_only_answers_can_be_judged():
    assert kinds(said(1, 1), declined=True) == "no_answer"
    assert kinds(said(1, 1), error="it broke") == "no_answer"
    assert found([], said(1, 1)) == ([], {"trace-00001": "unknown_trace"})


@pytest.mark.parametrize(("hours", "kind"), [(23.9, "too_young"), (24.1, "approved"), (-1, "too_young")])
def test_later_feedback_had_time_to_arrive(hours, kind):
    assert YOUNGEST.total_seconds() == 24 * 3600
    assert kinds(said(1, 1, days=hours / 24)) == kind
    assert kinds(said(1, 1, days=3), said(1, None, comment="still", days=hours / 24)) == kind


def test_a_voter_is_a_key_or_a_conversation_or_nobody_and_never_named():
    pairs = [trace(n, thread_id=thread) for n, thread in ((1, "ann@example.org"), (2, None), (3, None))]
    judged, _ = found(pairs, said(1, 1, key="k"), said(2, 1), said(3, 1))
    assert judged[1].voter == judged[2].voter != judged[0].voter
    assert judged[1].thread == judged[2].thread
    assert not any("ann" in part for one in judged for part in (one.voter, one.thread))
    same, _ = found([trace(4), trace(5)], said(4, 1, key="k"), said(5, 1, key="k"))
    assert same[0].voter == same[1].voter == judged[0].voter
    assert same[0].thread != same[1].thread


VOTES = st.lists(
    st.tuples(st.integers(1, 4), st.sampled_from([1, -1, 0, None]), st.sampled_from(["a", "b", None])),
    max_size=12,
)


@given(VOTES, st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_the_order_of_the_rows_is_no_matter_and_each_trace_has_one_fate(votes, draw):
    traces = traces_of([trace(n) for n in range(1, 5)])
    feedback = feedback_of([said(n, value, None, key, comment="c") for n, value, key in votes])
    judged, left = eligible(traces, feedback, NOW)
    names = [one.trace_id for one in judged] + [name for name, _, _ in left]
    assert sorted(names) == sorted({row["trace_id"] for row in feedback})
    mixed = draw.sample(feedback, len(feedback))
    # As texts: a missing value is not equal to itself.
    assert repr(eligible(traces.iloc[::-1], mixed, NOW)) == repr((judged, left))


def test_a_missing_text_is_empty():
    assert [text_of(one) for one in (None, float("nan"), "a")] == ["", "", "a"]
