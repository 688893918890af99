"""A training as a trace with feedback scores: Opik keeps no trainings of its own, and charts any score."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from resources.models import Model, ModelStore
from resources.opik_events import Event, note_event
from resources.opik_settings import OpikPlace
from resources.places import Place

# What is worth a curve over a twin's trainings; losses in nats per token, memory in MB.
CHARTED: Final = (
    "final_loss",
    "best_validation_loss",
    "tokens_per_second",
    "peak_memory_mb",
    "peak_gpu_memory_mb",
)
# Whose the base model is, which is every twin's.
EVERYBODY: Final = "every-twin"


def publish_training(
    home: Path, place: OpikPlace, models: ModelStore, asset: str, model: Model, twin: str | None
) -> str | None:
    """Note how a model was trained for the next export; returns its trace's id, None where nobody trained it.

    All of a twin's trainings are one thread. The same training noted twice is sent once.
    """
    if "tokens_per_second" not in model.metadata or model.metadata.get("aligned") is False:
        return None
    at = _made_at(models.place(asset, twin) / "about" / f"{model.version}.json")
    numbers = {name: value for name, value in model.metadata.items() if type(value) in (int, float)}
    event = Event(
        kind="training",
        twin=twin or EVERYBODY,
        at=at,
        key=f"training {asset} {twin} {model.version} {at.isoformat()}",
        output={"asset": asset, "model": model.version, **numbers},
        tags=[asset],
        scores={f"{asset}_{name}": numbers[name] for name in CHARTED if name in numbers},
    )
    return note_event(home, place, event)


def _made_at(about: Place) -> datetime:
    """When a model was made: the training that made it wrote what is known of it."""
    return datetime.fromtimestamp(about.stat().st_mtime, UTC)
