"""Numbers and picture that a training reports."""

import base64
import json

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


def test_the_loss_curve_is_a_picture_inside_markdown():
    head, _, data = loss_curve(FIT.losses).partition("base64,")
    assert head == "![loss curve](data:image/png;"
    picture = base64.b64decode(data.removesuffix(")"))
    assert picture.startswith(b"\x89PNG")
    assert 1_000 < len(picture) < 100_000
