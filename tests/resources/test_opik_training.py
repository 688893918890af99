"""Trainings in Opik: a trace and its scores for each, noted once, and only where something was trained."""

import os
from dataclasses import replace

import pytest

from resources.models import Model, ModelStore
from resources.opik_export import export
from resources.opik_training import EVERYBODY, publish_training
from tests.resources.opik_world import filled, plain

TRAINED = {
    "final_loss": 2.5,
    "tokens_per_second": 900.0,
    "peak_memory_mb": 800,
    "steps": 12,
    "aligned": True,
    "loss_curve": "![loss curve](data:…)",
    "trained_on": ["d1"],
}


def kept(home, twin="ada", **more):
    """A store with a model that was trained so."""
    models = ModelStore(home)
    model = Model("m1", "i1", "models/fine_tuned_model/ada/m1", TRAINED | more)
    return models, models.point("fine_tuned_model", model, twin)


def test_a_training_is_a_trace_with_its_numbers_and_curves(tmp_path, server):
    models, model = kept(tmp_path)
    ids = {
        publish_training(tmp_path, server.place(), models, "fine_tuned_model", one, "ada")
        for one in (model, replace(model, reused=True))
    }
    [trace_id] = ids
    traces, _ = filled(tmp_path, 0)
    assert export(traces, server.place(), ["ada"], plain).verified == 4
    shown = server.state.traces[trace_id]
    assert (shown["name"], shown["thread_id"]) == ("training", "training-ada")
    assert shown["output"] == {"asset": "fine_tuned_model", "model": "m1"} | {
        name: TRAINED[name] for name in ("final_loss", "tokens_per_second", "peak_memory_mb", "steps")
    }
    assert {name: one["value"] for (_, name), one in server.state.scores.items()} == {
        "fine_tuned_model_final_loss": 2.5,
        "fine_tuned_model_tokens_per_second": 900.0,
        "fine_tuned_model_peak_memory_mb": 800.0,
    }


def test_the_same_weights_trained_again_are_another_training(tmp_path, server):
    models, model = kept(tmp_path)
    first = publish_training(tmp_path, server.place(), models, "fine_tuned_model", model, "ada")
    about = models.place("fine_tuned_model", "ada") / "about" / "m1.json"
    os.utime(about, (about.stat().st_atime, about.stat().st_mtime + 60))
    assert publish_training(tmp_path, server.place(), models, "fine_tuned_model", model, "ada") != first


def test_the_base_model_is_everybody_s(tmp_path, server):
    models = ModelStore(tmp_path)
    model = models.point("base_model", Model("b1", "i", "models/base_model/b1", TRAINED))
    trace_id = publish_training(tmp_path, server.place(), models, "base_model", model, None)
    traces, _ = filled(tmp_path, 0)
    export(traces, server.place(), ["ada"], plain)
    assert f"twin:{EVERYBODY}" in server.state.traces[trace_id]["tags"]


@pytest.mark.parametrize("known", [{}, {**TRAINED, "aligned": False}], ids=["named", "as tuned"])
def test_what_nobody_trained_is_not_told(tmp_path, server, known):
    models = ModelStore(tmp_path)
    model = models.point("aligned_model", Model("m2", "i", "elsewhere/m2", known), "ada")
    assert publish_training(tmp_path, server.place(), models, "aligned_model", model, "ada") is None
    assert not (tmp_path / "opik.db").exists()
