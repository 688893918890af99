"""Numbers and picture that a training reports."""

import base64
import json
from dataclasses import replace

from llm_twin_assets.training.figures import figures, loss_curve
from llm_twin_assets.training.loop import Fit

FIT = Fit([3.0] * 10 + [1.0] * 10, tokens=5_000, seconds=2.0)


def test_the_numbers_are_those_of_the_fit_and_of_this_process():
    found = figures(FIT)
    assert (found["first_loss"], found["final_loss"], found["steps"]) == (3.0, 1.0, 20)
    assert (found["tokens"], found["tokens_per_second"]) == (5_000, 2_500)
    assert found["cpu_seconds"] > 0
    assert 20 < found["peak_memory_mb"] < 100_000
    assert json.loads(json.dumps(found)) == found


def test_a_resumed_training_counts_its_speed_from_where_it_went_on():
    more = {"resumed_at_step": 50, "rewards_accuracies": 0.75}
    found = figures(Fit([3.0, 1.0], 8_000, 2.0, steps=80, timed=3_000, more=more))
    assert (found["steps"], found["tokens"], found["tokens_per_second"]) == (80, 8_000, 1_500)
    assert found["resumed_at_step"] == 50
    assert found["rewards_accuracies"] == 0.75


def test_the_validation_losses_are_told_first_best_and_last():
    found = figures(Fit([3.0, 1.0], 10, 1.0, steps=10, validation=[(0, 2.5), (5, 2.0), (10, 2.2)]))
    assert found["first_validation_loss"] == 2.5
    assert found["best_validation_loss"] == 2.0
    assert found["final_validation_loss"] == 2.2
    assert "first_validation_loss" not in figures(FIT)


def test_the_loss_curve_is_a_picture_inside_markdown():
    head, _, data = loss_curve(FIT).partition("base64,")
    assert head == "![loss curve](data:image/png;"
    picture = base64.b64decode(data.removesuffix(")"))
    assert picture.startswith(b"\x89PNG")
    assert 1_000 < len(picture) < 100_000
    assert loss_curve(replace(FIT, validation=[(0, 3.0), (20, 1.0)])) != loss_curve(FIT)
