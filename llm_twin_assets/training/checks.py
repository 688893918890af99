"""What must be true of a model before anything is built on it."""

from pathlib import Path

import dagster as dg

from llm_twin_assets.partitions import TWIN
from resources.models import Model, ModelStore


@dg.asset_check(asset="base_model", blocking=True)
def base_is_sound(models: dg.ResourceParam[ModelStore]) -> dg.AssetCheckResult:
    """The base model's files are the ones its version names, safetensors and text only, and its loss fell."""
    return _sound(models, models.current("base_model"))


@dg.asset_check(asset="fine_tuned_model", blocking=True, partitions_def=TWIN)
def adapter_is_sound(
    context: dg.AssetCheckExecutionContext, models: dg.ResourceParam[ModelStore]
) -> dg.AssetCheckResult:
    """The adapter's files are the ones its version names, safetensors and text only, and its loss fell."""
    return _sound(models, models.current("fine_tuned_model", context.partition_key))


@dg.asset_check(asset="aligned_model", blocking=True, partitions_def=TWIN)
def aligned_adapter_is_sound(
    context: dg.AssetCheckExecutionContext, models: dg.ResourceParam[ModelStore]
) -> dg.AssetCheckResult:
    """The aligned adapter's files are those that its version names, and it learned what it was shown."""
    return _sound(models, models.current("aligned_model", context.partition_key))


def _sound(models: ModelStore, model: Model | None) -> dg.AssetCheckResult:
    from llm_twin_assets.training.soundness import faults

    if model is None:
        return dg.AssetCheckResult(passed=False, description="there is no model")
    found = faults(Path(models.location(model)), model)
    return dg.AssetCheckResult(passed=not found, description="; ".join(found) or None)
