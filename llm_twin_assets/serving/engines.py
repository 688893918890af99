"""Which engine generates: the settings decide, and a release does not know."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from llm_twin_assets.serving.engine import Engine
from llm_twin_assets.serving.local_engine import LocalEngine
from llm_twin_assets.serving.remote_engine import RemoteEngine, Transport
from llm_twin_assets.serving.replicas import OneModel, Replicas
from llm_twin_assets.serving.sagemaker_engine import SageMakerEndpoint
from llm_twin_assets.serving.vllm_adapters import VllmAdapters
from resources.models import ModelStore
from resources.settings import Settings


def engine_opener(settings: Settings, models: ModelStore) -> Callable[[str, str], Engine]:
    """What opens the engine for a base (folder or hub id) at a revision.

    Raises ValueError, naming the setting, for one that cannot be used.
    """
    if settings.engine == "local":
        return LocalEngine
    _transport(settings, models.root, "").close()
    return lambda base, _: RemoteEngine(_transport(settings, models.root, base), settings.engine_context)


def _transport(settings: Settings, home: Path, base: str) -> Transport:
    model, key = settings.engine_model or "", settings.engine_api_key
    if settings.engine == "sagemaker":
        return SageMakerEndpoint(model)
    replicas = partial(Replicas, settings.engine_urls, key.get_secret_value().strip() if key else "")
    if settings.engine == "openai":
        return OneModel(replicas(), model)
    root = base if Path(base).is_relative_to(home) else None
    return VllmAdapters(replicas, model, root, lambda folder: _seen(folder, home, settings.engine_home))


def _seen(folder: str, home: Path, engine_home: str | None) -> str:
    """A local folder as the engine's machine sees it."""
    if engine_home is None or not Path(folder).is_relative_to(home):
        return folder
    return f"{engine_home.rstrip('/')}/{Path(folder).relative_to(home).as_posix()}"
