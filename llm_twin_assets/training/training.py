"""When a model is trained, and with which task; the training itself runs in a process of its own."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from llm_twin_assets.contracts import digest
from llm_twin_assets.training import checkpoints, dpo, lora, pretrain
from llm_twin_assets.training.sticky import training_texts, why_retrain
from resources.models import Model, ModelStore, weights_hash
from resources.settings import Settings
from resources.store import NotMaterialized, Store

BUNDLED = "bundled"
# Runs a task (see train.py) in a process of its own and returns what it reports.
Train = Callable[[dict[str, Any]], dict[str, Any]]


class UnusableBase(ValueError):
    """LLM_TWIN_BASE_MODEL names something that no adapter can be trained on."""


class OtherBase(ValueError):
    """An adapter and the current base do not belong together."""


def base_model(
    settings: Settings, store: Store, models: ModelStore, tokens: int, train: Train
) -> tuple[Model, str | None]:
    """The base model that the settings ask for, and why it was trained again, if it was."""
    if settings.base_model != BUNDLED:
        return _named(settings, models), None
    with models.locks.held("base_model"):
        before = models.current("base_model")
        how = pretrain.recipe(tokens)
        now = training_texts(store.read("cleaned_documents"))
        reason = why_retrain(before.metadata if before and models.stands(before) else None, how, now)
        if before is not None and reason is None:
            return _reused(before), None
        documents = store.version("cleaned_documents")
        inputs = digest(how, documents)
        task = {"kind": "base_model", "inputs": inputs, "documents": documents, "tokens": tokens}
        fill = _filling(train, task | _place(settings), {"recipe": how, "revision": ""})
        return models.keep("base_model", inputs, fill), reason


def fine_tuned_model(
    settings: Settings, store: Store, models: ModelStore, twin: str, version: str, train: Train
) -> Model:
    """The twin's adapter on the current base, trained unless base, rows and recipe are as they were."""
    base = _current(models, "base_model")
    how = lora.recipe(_is_bundled(base), settings.tuning_epochs, settings.quantized)
    table = store.read("instruct_dataset", twin)
    rows = [lora.rows_version(lora.training_rows(table, how, split)) for split in ("train", "validation")]
    inputs = digest(version, base.version, how, rows)
    task = {"kind": "fine_tuned_model", "twin": twin, "rows": rows, "base": _where(models, base)}
    return _adapter(settings, models, inputs, task | {"recipe": how}, train)


def aligned_model(
    settings: Settings, store: Store, models: ModelStore, twin: str, version: str, train: Train
) -> Model:
    """The twin's adapter, trained on with its pairs unless adapter, pairs and recipe are as they were.

    Without a pair to learn from it is the tuned adapter itself, which `aligned` in its metadata says.
    """
    base, tuned = _current(models, "base_model"), _current(models, "fine_tuned_model", twin)
    if tuned.metadata["base"] != base.version:
        raise OtherBase(f"the adapter of {twin} stands on another base: run fine_tuned_model first")
    how = dpo.recipe(_is_bundled(base), settings.quantized)
    table = store.read("preference_dataset", twin)
    train_pairs, held = dpo.training_pairs(table, how), dpo.training_pairs(table, how, "validation")
    pairs = [dpo.pairs_version(train_pairs), dpo.pairs_version(held)]
    inputs = digest(version, tuned.version, how, pairs)
    if train_pairs.empty:
        return _as_tuned(models, tuned, inputs, twin)
    start = {"adapter": models.location(tuned), "learned": tuned.metadata["trained_on"]}
    task = {"kind": "aligned_model", "twin": twin, "pairs": pairs, "base": _where(models, base)} | start
    return _adapter(settings, models, inputs, task | {"recipe": how}, train, {"aligned": True})


def _adapter(
    settings: Settings,
    models: ModelStore,
    inputs: str,
    task: dict[str, Any],
    train: Train,
    more: dict[str, Any] | None = None,
) -> Model:
    """The adapter with these inputs, as it stands or newly trained, from a killed training's checkpoint."""
    asset, twin = task["kind"], task["twin"]
    with models.locks.held(f"{asset}/{twin}"):
        before = models.current(asset, twin)
        if before is not None and before.inputs == inputs and models.stands(before):
            return _reused(before)
        places = checkpoints.place(settings.local, asset, twin, inputs)
        checkpoints.drop_others(places)
        known = {"recipe": task["recipe"], "base": task["base"]["version"]} | (more or {})
        task = task | _place(settings) | {"inputs": inputs, "checkpoints": str(places)}
        model = models.keep(asset, inputs, _filling(train, task, known), twin)
        checkpoints.drop(places)
        return model


def _as_tuned(models: ModelStore, tuned: Model, inputs: str, twin: str) -> Model:
    with models.locks.held(f"aligned_model/{twin}"):
        before = models.current("aligned_model", twin)
        if before is not None and before.inputs == inputs and models.stands(before):
            return _reused(before)
        said = {"aligned": False, "pairs": 0, "reason": "there is no pair to learn from"}
        model = replace(tuned, inputs=inputs, metadata=tuned.metadata | said, reused=False)
        return models.point("aligned_model", model, twin)


def shown(model: Model) -> dict[str, Any]:
    """A model's metadata without what only the next decision needs."""
    return {
        key: value
        for key, value in model.reported().items()
        if key not in ("trained_on", "recipe", "loss_curve")
    }


def _current(models: ModelStore, asset: str, twin: str | None = None) -> Model:
    model = models.current(asset, twin)
    if model is None:
        raise NotMaterialized(asset, twin)
    return model


def _is_bundled(base: Model) -> bool:
    return base.folder.startswith("models/")


def _where(models: ModelStore, base: Model) -> dict[str, Any]:
    location, revision = models.location(base), base.metadata["revision"]
    return {"version": base.version, "location": location, "revision": revision}


def _place(settings: Settings) -> dict[str, Any]:
    return {"home": str(settings.home), "scratch": str(settings.local), "threads": settings.threads}


def _filling(train: Train, task: dict[str, Any], more: dict[str, Any]) -> Callable[[Path], dict[str, Any]]:
    return lambda folder: train(task | {"folder": str(folder)}) | more


def _named(settings: Settings, models: ModelStore) -> Model:
    """A model of somebody else's: a folder is known by its files, a hub id by its revision."""
    folder = Path(settings.base_model).expanduser().absolute()
    if folder.is_dir():
        _check_folder(folder)
        version = weights_hash(folder)
        model = Model(version, version, str(folder), {"revision": ""})
    else:
        version = digest(settings.base_model, settings.base_revision)
        model = Model(version, version, settings.base_model, {"revision": settings.base_revision})
    before = models.current("base_model")
    return _reused(before) if before == model else models.point("base_model", model)


def _check_folder(folder: Path) -> None:
    for pattern in ("config.json", "*.safetensors"):
        if not any(folder.glob(pattern)):
            raise UnusableBase(
                f"LLM_TWIN_BASE_MODEL: {folder} holds no {pattern}: name a folder that save_pretrained wrote"
            )


def _reused(model: Model) -> Model:
    return replace(model, reused=True)
