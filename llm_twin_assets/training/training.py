"""When a model is trained, and with which task; the training itself runs in a process of its own."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from llm_twin_assets.contracts import digest
from llm_twin_assets.training import lora, pretrain
from llm_twin_assets.training.sticky import training_texts, why_retrain
from resources.models import Model, ModelStore, weights_hash
from resources.settings import Settings
from resources.store import NotMaterialized, Store

BUNDLED = "bundled"
# Runs a task (see train.py) in a process of its own and returns what it reports.
Train = Callable[[dict[str, Any]], dict[str, Any]]


class UnusableBase(ValueError):
    """LLM_TWIN_BASE_MODEL names something that no adapter can be trained on."""


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
        reason = why_retrain(before.metadata if before and _stands(models, before) else None, how, now)
        if before is not None and reason is None:
            return _reused(before), None
        documents = store.version("cleaned_documents")
        task = {"kind": "base_model", "documents": documents, "tokens": tokens} | _place(settings)
        fill = _filling(train, task, {"recipe": how, "revision": ""})
        return models.keep("base_model", digest(how, documents), fill), reason


def fine_tuned_model(
    settings: Settings, store: Store, models: ModelStore, twin: str, version: str, train: Train
) -> Model:
    """The twin's adapter on the current base, trained unless base, rows and recipe are as they were."""
    base = models.current("base_model")
    if base is None:
        raise NotMaterialized("base_model", None)
    how = lora.recipe(base.folder.startswith("models/"), settings.tuning_epochs)
    rows = lora.rows_version(lora.training_rows(store.read("instruct_dataset", twin)))
    inputs = digest(version, base.version, how, rows)
    with models.locks.held(f"fine_tuned_model/{twin}"):
        before = models.current("fine_tuned_model", twin)
        if before is not None and before.inputs == inputs and _stands(models, before):
            return _reused(before)
        where = {
            "version": base.version,
            "location": models.location(base),
            "revision": base.metadata["revision"],
        }
        task = {"kind": "fine_tuned_model", "twin": twin, "rows": rows, "base": where, "recipe": how}
        fill = _filling(train, task | _place(settings), {"recipe": how, "base": base.version})
        return models.keep("fine_tuned_model", inputs, fill, twin)


def shown(model: Model) -> dict[str, Any]:
    """A model's metadata without what only the next decision needs."""
    return {
        key: value
        for key, value in model.reported().items()
        if key not in ("trained_on", "recipe", "loss_curve")
    }


def _place(settings: Settings) -> dict[str, Any]:
    return {"home": str(settings.home), "threads": settings.threads}


def _filling(train: Train, task: dict[str, Any], more: dict[str, Any]) -> Callable[[Path], dict[str, Any]]:
    return lambda folder: train(task | {"folder": str(folder)}) | more


def _stands(models: ModelStore, model: Model) -> bool:
    return Path(models.location(model)).is_dir()


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
