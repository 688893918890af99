"""What a release is made of, and whether the gate's decision still allows it."""

import json
from pathlib import Path
from typing import Any

from llm_twin_assets.serving.decoding import configured
from resources.models import Model, ModelStore
from resources.releases import Manifest, Releases
from resources.settings import Settings
from resources.store import Store
from resources.twins import Twins


class NotReleasable(RuntimeError):
    """The gate, or what has happened since its decision, does not allow a release."""


def released(
    settings: Settings, twins: Twins, store: Store, models: ModelStore, releases: Releases, twin: str
) -> str:
    """The id of the release that the gate's decision calls for; stores a new one where it promoted.

    Raises NotReleasable where the gate refused, or where champion or model have changed since.
    """
    report = store.report("model_evaluation", twin)
    decision, champion = report["decision"], report["champion"]
    if decision == "keep" and champion is not None:
        _check_champion(releases, twin, champion, {champion})
        return str(champion)
    if decision != "promote":
        raise NotReleasable(f"the gate decided {decision!r} for twin {twin}: {report['reason']}")
    manifest = _manifest(settings, twins, store, models, twin, report)
    if manifest.adapter in releases.quarantined(twin):
        raise NotReleasable(
            f"adapter {manifest.adapter[:12]} of twin {twin} was rolled back: train another one"
        )
    _check_champion(releases, twin, champion, {champion, manifest.release_id})
    return releases.add(manifest, {"index_id": report.get("index_id"), "evidence": report.get("evidence")})


def described(manifest: Manifest, settings: Settings, count: int) -> dict[str, Any]:
    """What is told of a release; `generation_in_settings` is what a new one would be made with."""
    return {
        "release_id": manifest.release_id,
        "parent": manifest.parent or "none",
        "adapter": manifest.adapter,
        "base": manifest.base,
        "generation": manifest.decoding["generation"],
        "generation_in_settings": settings.generation,
        "releases": count,
    }


def _check_champion(releases: Releases, twin: str, champion: str | None, allowed: set[str | None]) -> None:
    desired = releases.desired(twin)
    if desired not in allowed:
        raise NotReleasable(
            f"twin {twin} was evaluated against release {champion or 'none'}, but should serve "
            f"{desired or 'none'} now: materialize model_evaluation again"
        )


def _manifest(
    settings: Settings, twins: Twins, store: Store, models: ModelStore, twin: str, report: dict[str, Any]
) -> Manifest:
    adapter, base = models.current("aligned_model", twin), models.current("base_model")
    if adapter is None or adapter.version != report["challenger"]:
        raise NotReleasable(f"the model of twin {twin} is not the one that was evaluated: run twin_job again")
    if base is None or base.version != _trained_on(models, adapter):
        raise NotReleasable(f"the base model changed since twin {twin} was tuned on it: run twin_job again")
    prompt, decoding = configured(settings)
    return Manifest(
        twin=twin,
        author=twins.twin(twin).author,
        adapter=adapter.version,
        adapter_folder=adapter.folder,
        base=base.version,
        base_folder=base.folder,
        base_revision="" if base.folder.startswith("models/") else settings.base_revision,
        prompt=prompt,
        decoding=decoding,
        evaluation=store.version("model_evaluation", twin),
        parent=report["champion"],
    )


def _trained_on(models: ModelStore, adapter: Model) -> str:
    """The version of the base model that an adapter names in its own configuration."""
    config = json.loads((Path(models.location(adapter)) / "adapter_config.json").read_text())
    return str(config["base_model_name_or_path"])
