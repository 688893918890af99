"""A window: its shape, its halves, and a stream that is cut into windows."""

import numpy as np
import pytest

from llm_twin_assets.monitoring.windows import Window, cut, halved
from tests.llm_twin_assets.monitoring.simulated import traffic


def stream(count, session=1):
    made = traffic(np.random.default_rng(0), count, session)
    return Window(made.vectors, made.sessions, {"words": np.arange(count, dtype=float)})


def test_lengths_that_differ_are_an_error_that_names_the_field():
    with pytest.raises(ValueError, match=r"vectors: shape \(3, 2\), but there are 2 sessions"):
        Window(np.zeros((3, 2)), ["a", "b"])
    with pytest.raises(ValueError, match="vectors: shape"):
        Window(np.zeros(2), ["a", "b"])
    with pytest.raises(ValueError, match=r"scores\['style'\]: shape \(3,\)"):
        Window(np.zeros((2, 2)), ["a", "b"], {"style": np.zeros(3)})


def test_rows_take_everything_with_them():
    whole = stream(10)
    some = whole.rows(np.array([7, 2]))
    assert some.sessions == [whole.sessions[7], whole.sessions[2]]
    assert some.scores["words"].tolist() == [7, 2]
    np.testing.assert_array_equal(some.vectors, whole.vectors[[7, 2]])
    assert len(some) == 2


def test_halves_are_earlier_and_later_with_whole_sessions():
    early, late = halved(stream(50, session=10))
    assert early.scores["words"].tolist() == list(range(20))
    assert late.scores["words"].tolist() == list(range(20, 50))


def test_a_stream_is_cut_one_after_the_other_and_a_rest_waits():
    labels = [f"t{number}" for number in range(25)]
    windows = cut(stream(25), 10, labels)
    assert [one.label for one in windows] == ["t0", "t10"]
    assert [one.scores["words"][0] for one in windows] == [0, 10]
    assert [len(one) for one in windows] == [10, 10]


def test_windows_stay_as_they_are_when_the_stream_goes_on():
    long = stream(43, session=1)
    labels = [str(number) for number in range(43)]
    before = cut(long.rows(np.arange(27)), 10, labels[:27])
    after = cut(long, 10, labels)
    for one, other in zip(before, after, strict=False):
        np.testing.assert_array_equal(one.vectors, other.vectors)
    assert len(after) == 4


def test_too_short_a_stream_has_no_window():
    assert cut(stream(9), 10, ["t"] * 9) == []
