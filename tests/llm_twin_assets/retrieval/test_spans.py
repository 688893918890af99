import pytest

from llm_twin_assets.retrieval.spans import Spans


def test_spans_are_told_in_order_with_a_total():
    spans = Spans()
    for name in ("b", "a"):
        with spans.span(name):
            sum(range(10_000))
    measured = spans.milliseconds()
    assert list(measured) == ["b", "a", "total"]
    assert measured["total"] >= measured["a"] + measured["b"] - 0.02


def test_a_step_that_happens_twice_counts_twice():
    spans, measured = Spans(), []
    for _ in range(2):
        with spans.span("x"):
            sum(range(1_000_000))
        measured.append(spans.milliseconds()["x"])
    assert 0 < measured[0] < measured[1]


def test_a_step_that_fails_is_measured():
    spans = Spans()
    with pytest.raises(OSError, match="broken"), spans.span("x"):
        raise OSError("broken")
    assert "x" in spans.milliseconds()
