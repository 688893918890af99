"""The shared loop: it learns, reports, falls off in its last half, and stops at nonsense."""

import itertools
import re

import pytest
import torch

from llm_twin_assets.training.corpus import IGNORED, Window, padded
from llm_twin_assets.training.loop import Fit, fit
from tests.llm_twin_assets.training.small import say_nothing

IDS = [5, 9, 5, 9, 5, 9, 5, 9]


def endless(labels=IDS):
    return itertools.repeat(padded([Window(IDS, labels)] * 2))


def adam(model, rate=1e-2):
    return torch.optim.AdamW(model.parameters(), lr=rate)


def test_the_loss_falls_and_every_token_is_counted(base):
    done = fit(base, endless(), 12, [adam(base)], say_nothing)
    assert done.final_loss < done.first_loss / 2
    assert len(done.losses) == 12
    assert done.tokens == 12 * 2 * len(IDS)


def test_the_first_loss_is_the_models_own(base):
    with torch.no_grad():
        own = base(input_ids=torch.tensor([IDS]), labels=torch.tensor([IDS])).loss
    assert fit(base, endless(), 1, [adam(base)], say_nothing).losses[0] == pytest.approx(float(own), rel=1e-4)


def test_only_labelled_tokens_teach(base):
    labels = [IGNORED] * 7 + [9]
    ignored = fit(base, endless(labels), 1, [adam(base, 0)], say_nothing).losses[0]
    with torch.no_grad():
        logits = base(input_ids=torch.tensor([IDS])).logits[0, 6]
    expected = -torch.log_softmax(logits, -1)[9]
    assert ignored == pytest.approx(float(expected), rel=1e-4)


def test_rates_hold_for_half_and_then_fall_to_nothing(base):
    optimizer = adam(base, 1.0)
    rates = []

    def watched():
        while True:
            rates.append(optimizer.param_groups[0]["lr"])
            yield next(endless())

    fit(base, watched(), 8, [optimizer], say_nothing)
    assert rates == pytest.approx([1, 1, 1, 1, 1, 0.75, 0.5, 0.25])


def test_progress_is_told_about_twenty_times_with_loss_and_speed(base):
    lines = []
    fit(base, endless(), 100, [adam(base)], lines.append)
    assert len(lines) == 20
    assert lines[0].startswith("step 5 of 100 (5%): loss ")
    assert re.search(r"[\d,]+ tokens/s$", lines[-1])
    assert "100%" in lines[-1]


def test_a_short_training_tells_every_step(base):
    lines = []
    fit(base, endless(), 3, [adam(base)], lines.append)
    assert len(lines) == 3


def test_a_loss_that_is_no_number_stops_the_training(base):
    with torch.no_grad():
        base.model.norm.weight.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="learning rate"):
        fit(base, endless(), 5, [adam(base)], say_nothing)


def test_first_and_final_loss_are_means_over_a_quarter():
    done = Fit([4.0, 2.0, 9.0, 9.0, 9.0, 9.0, 1.0, 3.0], tokens=1, seconds=1.0)
    assert (done.first_loss, done.final_loss) == (3.0, 2.0)
    assert Fit([4.0, 2.0], tokens=1, seconds=1.0).final_loss == 2.0
