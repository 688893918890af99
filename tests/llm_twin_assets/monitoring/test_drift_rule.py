"""The decision: its four states kept apart, two windows in a row, floors, families, and bad references."""

import json
from dataclasses import replace

import numpy as np
import pytest

from llm_twin_assets.monitoring.drift_looks import Thresholds
from llm_twin_assets.monitoring.drift_rule import drift
from llm_twin_assets.monitoring.windows import Window
from tests.llm_twin_assets.monitoring.simulated import DIMENSION, traffic

QUICK = Thresholds(permutations=199)


def random(seed=0):
    return np.random.default_rng(seed)


def series(numbers, *moved, session=1, reference=600, count=200):
    """A reference and windows of which such shares are new."""
    return traffic(numbers, reference, session), [
        traffic(numbers, count, session, moved=one) for one in moved
    ]


def with_score(window, name, values):
    return Window(window.vectors, window.sessions, {**window.scores, name: values}, window.label)


def scored(numbers, name, before, *after):
    """A series in which only one score changes: its means before, and in each window."""
    reference, windows = series(numbers, *[0.0] * len(after))
    made = [
        with_score(one, name, numbers.normal(mean, 1, len(one)))
        for one, mean in zip((reference, *windows), (before, *after), strict=True)
    ]
    return made[0], made[1:]


def test_traffic_that_stays_is_ok():
    verdict = drift(*series(random(), 0, 0), QUICK)
    assert verdict.state == "ok"
    assert "p 0." in verdict.reason
    assert [look.questions for look in verdict.signals["questions"].looks] == [200, 200]


def test_a_new_topic_in_two_windows_is_drift():
    verdict = drift(*series(random(), 0, 0.4, 0.4), QUICK)
    assert verdict.state == verdict.signals["questions"].state == "drift"
    assert [look.is_alarm for look in verdict.signals["questions"].looks] == [False, True, True]


def test_one_unlucky_window_is_not_drift_nor_one_that_is_over():
    assert drift(*series(random(), 0, 0.4), QUICK).state == "ok"
    assert drift(*series(random(), 0.4, 0.4, 0), QUICK).state == "ok"
    assert drift(*series(random(), 0.4, 0, 0.4), QUICK).state == "ok"


def test_one_window_is_enough_where_one_is_asked_for():
    assert drift(*series(random(), 0, 0.4), replace(QUICK, consecutive=1)).state == "drift"


def test_a_significant_change_below_the_floor_is_ok():
    reference, windows = series(random(), 0.4, 0.4)
    seen = drift(reference, windows, replace(QUICK, floor=0.5)).signals["questions"]
    assert seen.state == "ok"
    assert all(look.p_value <= QUICK.alpha and not look.is_alarm for look in seen.looks)


@pytest.mark.parametrize("moved", [0.0, 0.4])
def test_too_few_windows_questions_or_sessions_are_insufficient_whatever_they_hold(moved):
    assert drift(*series(random(), moved), QUICK).state == "insufficient"
    assert drift(*series(random()), QUICK).state == "insufficient"
    few = drift(*series(random(), moved, moved, count=99), QUICK)
    assert few.state == "insufficient"
    assert "99 measured questions, 100 are needed" in few.reason
    long = drift(*series(random(), moved, moved, session=20, reference=2000), QUICK)
    assert long.state == "insufficient"
    assert "10 sessions, 20 are needed" in long.reason


def test_a_short_last_window_is_named():
    reference, windows = series(random(), 0.4, 0.4)
    verdict = drift(reference, [*windows, traffic(random(3), 40)], QUICK)
    assert verdict.state == "insufficient"
    assert "window 3 of 3: 40 measured questions" in verdict.reason
    assert len(verdict.signals["questions"].looks) == 2


def test_a_short_window_of_long_ago_hinders_nothing():
    reference, windows = series(random(), 0.4, 0.4)
    assert drift(reference, [traffic(random(3), 40), *windows], QUICK).state == "drift"


def test_a_reference_that_is_hardly_larger_than_a_window_is_insufficient():
    verdict = drift(*series(random(), 0, 0, reference=300), QUICK)
    assert verdict.state == "insufficient"
    assert "the reference has 300 sessions, 400 are needed" in verdict.reason
    assert drift(*series(random(), 0, 0, reference=80), QUICK).state == "insufficient"


def test_a_reference_that_is_unlike_itself_is_an_error():
    numbers = random()
    early, late = traffic(numbers, 300), traffic(numbers, 300, moved=0.5)
    names = [*early.sessions, *(f"late {name}" for name in late.sessions)]
    reference = Window(np.concatenate([early.vectors, late.vectors]), names)
    verdict = drift(reference, series(numbers, 0.4, 0.4)[1], QUICK)
    assert verdict.state == "error"
    assert "unlike itself" in verdict.reason
    shuffled = reference.rows(numbers.permutation(600))
    assert drift(shuffled, series(numbers, 0.25, 0.25)[1], QUICK).state == "ok"


def test_vectors_of_another_embedder_are_an_error():
    reference, windows = series(random(), 0, 0)
    other = Window(np.ones((200, DIMENSION + 1)), windows[1].sessions)
    verdict = drift(reference, [windows[0], other], QUICK)
    assert verdict.state == "error"
    assert "use one embedder" in verdict.reason


def test_numbers_that_are_not_finite_are_an_error():
    reference, windows = series(random(), 0, 0)
    windows[0].vectors[3, 2] = np.nan
    verdict = drift(reference, windows, QUICK)
    assert verdict.state == "error"
    assert "1 values are not finite" in verdict.reason


def test_a_score_that_changes_is_drift_while_the_questions_are_ok():
    verdict = drift(*scored(random(), "words", 0.0, 0.6, 0.6), QUICK)
    assert verdict.state == "drift"
    assert {name: one.state for name, one in verdict.signals.items()} == {"questions": "ok", "words": "drift"}
    assert verdict.reason.startswith("words: ")


def test_a_score_below_its_floor_and_one_that_improves_are_ok():
    floor = replace(QUICK, score_floor=0.9)
    assert drift(*scored(random(), "words", 0.0, 0.6, 0.6), floor).signals["words"].state == "ok"
    assert drift(*scored(random(), "style", 0.0, 0.8, 0.8), QUICK).signals["style"].state == "ok"
    assert drift(*scored(random(), "style", 0.0, -0.8, -0.8), QUICK).signals["style"].state == "drift"


def test_a_score_that_few_requests_have_is_insufficient_and_the_verdict_is_not():
    reference, windows = series(random(), 0, 0)
    thin = np.full(200, np.nan)
    thin[:30] = 1.0
    reference = with_score(reference, "style", np.ones(600))
    verdict = drift(reference, [with_score(one, "style", thin) for one in windows], QUICK)
    assert verdict.signals["style"].state == "insufficient"
    assert verdict.state == "ok"


def test_a_score_that_the_reference_lacks_is_insufficient():
    reference, windows = series(random(), 0, 0)
    verdict = drift(reference, [with_score(one, "style", np.ones(200)) for one in windows], QUICK)
    assert verdict.signals["style"].state == "insufficient"
    assert "the reference has 0 measured questions" in verdict.signals["style"].reason


def test_scores_are_adjusted_for_their_number_and_the_questions_are_not():
    numbers = random(1)
    reference, windows = series(numbers, 0.1, 0.1)
    for name in "abcde":
        reference = with_score(reference, name, numbers.normal(size=600))
        windows = [with_score(one, name, numbers.normal(size=200)) for one in windows]
    signals = drift(reference, windows, QUICK).signals
    first = {name: one.looks[0] for name, one in signals.items()}
    assert first["questions"].adjusted == first["questions"].p_value
    smallest = min((first[name] for name in "abcde"), key=lambda look: look.p_value)
    assert smallest.adjusted == pytest.approx(min(1, 5 * smallest.p_value))


def test_an_alarm_needs_the_adjusted_p_value():
    """A change that is significant alone is none beside eight scores that stay."""
    numbers = random(1)
    reference, windows = scored(numbers, "words", 0.0, 0.22, 0.22)
    windows = windows[:1] * 2
    lax = replace(QUICK, score_floor=0.0)
    alone = drift(reference, windows, lax).signals["words"]
    for name in "abcdefgh":
        reference = with_score(reference, name, numbers.normal(size=600))
        windows = [with_score(windows[0], name, numbers.normal(size=200))] * 2
    beside = drift(reference, windows, lax).signals["words"]
    assert alone.state == "drift"
    assert beside.looks[0].p_value == alone.looks[0].p_value
    assert beside.looks[0].adjusted > QUICK.alpha
    assert beside.state == "ok"


def stale_window(numbers, gone, citing=200):
    values = np.full(200, np.nan)
    values[:citing] = np.arange(citing) < gone
    return with_score(traffic(numbers, 200), "stale", values)


def test_stale_answers_are_counted_in_the_last_window_alone():
    reference = traffic(random(), 600)
    fresh, old = stale_window(random(1), 4), stale_window(random(2), 5)
    assert drift(reference, [old, fresh], QUICK).signals["stale"].state == "ok"
    verdict = drift(reference, [fresh, old], QUICK)
    assert verdict.state == verdict.signals["stale"].state == "drift"
    assert "2.5% of 200 citing answers" in verdict.reason
    few = drift(reference, [fresh, stale_window(random(3), 50, citing=60)], QUICK)
    assert few.signals["stale"].state == "insufficient"


def test_drift_goes_before_an_error_of_another_signal_and_an_error_before_ok():
    reference, windows = series(random(), 0.4, 0.4)
    broken = [with_score(one, "words", np.full(200, np.inf)) for one in windows]
    reference = with_score(reference, "words", np.zeros(600))
    assert drift(reference, broken, QUICK).state == "drift"
    still = [with_score(one, "words", np.full(200, np.inf)) for one in series(random(5), 0, 0)[1]]
    assert drift(reference, still, QUICK).state == "error"


def test_a_window_is_found_the_same_wherever_it_stands():
    reference, windows = series(random(), 0, 0.1, 0.2)
    later = drift(reference, windows[1:], QUICK).signals["questions"].looks
    whole = drift(reference, windows, QUICK).signals["questions"].looks
    assert [look.p_value for look in later] == [look.p_value for look in whole[1:]]


def test_a_verdict_goes_through_json_unchanged():
    numbers = random()
    reference, windows = scored(numbers, "words", 0.0, 0.6, 0.6)
    made = drift(reference, windows, QUICK).as_json()
    assert json.loads(json.dumps(made, allow_nan=False))["signals"]["words"]["looks"][1]["is_alarm"] is True
    assert made["reference"] == 600
    assert made["windows"] == (200, 200)


@pytest.mark.parametrize("session", [1, 5])
def test_stationary_pairs_seldom_drift(session):
    """A pair alarms falsely once in 400 where its windows are independent; the reference is shared here."""
    numbers, alarms, few = random(9), 0, replace(QUICK, permutations=99)
    for _ in range(60):
        stream = series(numbers, 0, 0, session=session, reference=400, count=100)
        alarms += drift(*stream, few).state == "drift"
    assert alarms <= 2


def test_sessions_of_one_topic_are_not_taken_for_a_shift():
    """As if every question stood alone, windows of two hundred would differ by their twenty sessions."""
    numbers, few = random(2), replace(QUICK, permutations=99)
    as_sessions, as_questions = 0, 0
    for _ in range(15):
        reference, windows = series(numbers, 0, 0, session=10)
        loose = [
            Window(one.vectors, [str(number) for number in range(len(one))]) for one in (reference, *windows)
        ]
        as_sessions += drift(reference, windows, few).state == "drift"
        as_questions += drift(loose[0], loose[1:], few).state in ("drift", "error")
    assert as_sessions <= 1
    assert as_questions >= 5
