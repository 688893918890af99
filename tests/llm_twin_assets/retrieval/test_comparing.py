import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_twin_assets.retrieval.comparing import corpus_against_live, index_against_live


def reported(numbers, index_id="new", as_live=None, stored=None, procedure="p"):
    as_live, stored = as_live or numbers, stored or dict.fromkeys(numbers, 0.7)
    queries = [
        {
            "query": query,
            "ndcg": number,
            "ndcg_as_live": as_live[query],
            "stored_ndcg": stored[query],
            "stored_ndcg_as_live": stored[query],
        }
        for query, number in numbers.items()
    ]
    return {
        "index_id": index_id,
        "procedure": procedure,
        "state": "measured" if len(queries) >= 5 else "insufficient",
        "queries": queries,
    }


LIVE = {f"q{n}": 0.5 + n / 100 for n in range(30)}


def shifted(by, spread=0.0):
    draw = np.random.default_rng(3)
    return {query: number + by + spread * float(draw.normal()) for query, number in LIVE.items()}


def test_a_clear_loss_is_worse_and_the_numbers_are_told():
    found = index_against_live(reported(shifted(-0.1, 0.05)), reported(LIVE, "live"))
    assert found.worse
    assert found.difference.high < 0
    assert "worse than the live index: nDCG@10 -0.0971, 95 % interval [" in found.reason
    assert "30 queries" in found.reason
    assert found.numbers()["mean_difference"] == found.difference.mean


@pytest.mark.parametrize("by", [0.0, 0.1])
def test_a_tie_and_a_gain_are_not_worse(by):
    found = index_against_live(reported(shifted(by)), reported(LIVE, "live"))
    assert not found.worse
    assert found.difference.mean == pytest.approx(by, abs=1e-6)


def test_a_loss_within_the_noise_is_not_worse():
    assert not index_against_live(reported(shifted(-0.005, 0.2)), reported(LIVE, "live")).worse


def test_damaged_vectors_are_worse_although_the_read_path_finds_as_well_as_before():
    candidate = reported(LIVE, stored=dict.fromkeys(LIVE, 0.4))
    found = index_against_live(candidate, reported(LIVE, "live"))
    assert found.worse
    assert found.reason.startswith("worse than the live index: nDCG@10 of its own vectors -0.3000, ")


def test_a_worse_read_path_is_told_even_where_the_vectors_are_worse_too():
    candidate = reported(shifted(-0.1), stored=dict.fromkeys(LIVE, 0.4))
    assert "nDCG@10 -0.1000" in index_against_live(candidate, reported(LIVE, "live")).reason


def test_numbers_of_another_procedure_are_not_compared():
    found = index_against_live(reported(shifted(-0.3)), reported(LIVE, "live", procedure="headings-1"))
    assert (found.worse, found.difference) == (False, None)
    assert found.reason == "the live index was measured another way: headings-1"


def test_crowding_is_told_apart_from_a_worse_index():
    candidate = reported(shifted(-0.1), as_live=LIVE)
    assert not index_against_live(candidate, reported(LIVE, "live")).worse
    assert corpus_against_live(candidate, reported(LIVE, "live")).worse


def test_only_common_queries_are_compared():
    other = {f"new{n}": 0.0 for n in range(50)}
    found = index_against_live(reported(LIVE | other), reported(LIVE, "live"))
    assert (found.worse, found.queries) == (False, 30)


@pytest.mark.parametrize(
    ("candidate", "live", "reason"),
    [
        (LIVE, None, "nothing was live"),
        ({"q1": 0.0}, LIVE, "insufficient: 1 queries, at least 5"),
        ({f"x{n}": 0.0 for n in range(9)}, LIVE, "insufficient: 0 queries in common, at least 5"),
        (
            {f"q{n}": 0.0 for n in range(4)} | {f"x{n}": 0.0 for n in range(9)},
            LIVE,
            "insufficient: 4 queries in common, at least 5",
        ),
        ({}, None, "insufficient: 0 queries"),
    ],
)
def test_without_enough_to_compare_it_may_pass_and_says_so(candidate, live, reason):
    found = index_against_live(reported(candidate), live and reported(live, "live"))
    assert not found.worse
    assert found.reason.startswith(reason)
    assert found.difference is None


def test_the_live_index_is_not_compared_with_itself():
    found = index_against_live(reported(shifted(-0.1), "live"), reported(LIVE, "live"))
    assert (found.worse, found.reason) == (False, "this index is the live one")


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=5, max_size=40))
def test_an_index_against_its_equal_is_never_worse(numbers):
    same = {f"q{n}": number for n, number in enumerate(numbers)}
    assert not index_against_live(reported(same), reported(same, "live")).worse


def test_pure_noise_is_seldom_called_worse():
    draw, worse = np.random.default_rng(4), 0
    for _ in range(200):
        noisy = {query: number + float(draw.normal(0, 0.1)) for query, number in LIVE.items()}
        worse += index_against_live(reported(noisy), reported(LIVE, "live")).worse
    assert worse <= 14, "2.5 % are expected"
