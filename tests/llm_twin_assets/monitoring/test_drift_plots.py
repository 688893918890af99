"""The pictures: real ones, small, and of what was measured."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.image import imread

from llm_twin_assets.monitoring.drift_looks import Thresholds
from llm_twin_assets.monitoring.drift_plots import p_values_plot, projection_plot, scores_plot
from llm_twin_assets.monitoring.drift_rule import drift
from tests.llm_twin_assets.monitoring.simulated import traffic

LARGEST = 80_000


@pytest.fixture(scope="module")
def stream():
    random = np.random.default_rng(0)
    scores = {"style": random.normal(0.6, 0.1, 600), "words": np.full(600, np.nan)}
    reference = traffic(random, 600, scores=scores)
    later = [
        traffic(random, 200, moved=moved, scores={"style": random.normal(0.5, 0.1, 200)}, label=f"day {day}")
        for day, moved in enumerate((0, 0, 0.4, 0.4))
    ]
    return reference, later


def picture(uri):
    """The pixels of a data URI: [height, width, 4]."""
    head, written = uri.split(",")
    assert head == "data:image/png;base64"
    assert len(uri) < LARGEST
    return imread(io.BytesIO(base64.b64decode(written)))


def reds(uri):
    """How many pixels are rather red, as the window's marks are."""
    pixels = picture(uri)
    return int(((pixels[:, :, 0] > 0.6) & (pixels[:, :, 1] < 0.55)).sum())


def test_scores_are_drawn_one_panel_for_each_that_was_measured(stream):
    reference, windows = stream
    uri = scores_plot(reference, windows[-1])
    assert reds(uri) > 100
    more = traffic(np.random.default_rng(1), 200, scores={**windows[-1].scores, "words": np.arange(200.0)})
    assert picture(scores_plot(reference, more)).shape[0] > picture(uri).shape[0]


def test_without_scores_there_is_no_picture_of_them(stream):
    bare = traffic(np.random.default_rng(1), 200)
    assert scores_plot(bare, bare) == ""


def test_the_projection_shows_the_window_over_the_reference(stream):
    reference, windows = stream
    assert reds(projection_plot(reference, windows[-1])) > 200


def test_p_values_are_drawn_over_the_windows_and_a_shift_changes_the_picture(stream):
    reference, windows = stream
    quick = Thresholds(permutations=99)
    before, after = (drift(reference, some, quick) for some in (windows[:2], windows))
    assert picture(p_values_plot(before)).shape == picture(p_values_plot(after)).shape
    assert p_values_plot(before) != p_values_plot(after)


def drawn_with(verdict, **changed):
    """The picture of the same verdict, had every look at the questions been otherwise."""
    questions = verdict.signals["questions"]
    looks = tuple(replace(look, **changed) for look in questions.looks)
    return p_values_plot(replace(verdict, signals={"questions": replace(questions, looks=looks)}))


def test_alarms_are_ringed_and_p_values_are_where_they_belong(stream):
    reference, windows = stream
    verdict = drift(reference, windows, Thresholds(permutations=99))
    still, ringed = (drawn_with(verdict, adjusted=0.02, is_alarm=alarm) for alarm in (False, True))
    dark = [int((picture(uri)[:, :, :3].min(axis=2) < 0.9).sum()) for uri in (still, ringed)]
    assert dark[1] > dark[0] + 50
    assert drawn_with(verdict, adjusted=0.5, is_alarm=False) != still


def test_a_verdict_without_a_look_has_no_picture(stream):
    reference, _ = stream
    assert p_values_plot(drift(reference, [])) == ""
