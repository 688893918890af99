"""base_model, fine_tuned_model, aligned_model: what twins stand on, and what makes one this author's."""

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import dagster as dg

from llm_twin_assets.partitions import TWIN
from resources.models import Model, ModelStore
from resources.settings import Settings
from resources.store import Store

CODE_VERSION = "2"
_Train = Callable[[dict[str, Any]], dict[str, Any]]


class Budget(dg.Config):
    """How much a bundled base model reads: none for what the settings say."""

    tokens: int | None = None


@dg.asset(
    group_name="training",
    kinds={"pytorch", "llama"},
    owners=["team:training"],
    code_version=CODE_VERSION,
    deps=["cleaned_documents"],
)
def base_model(
    context: dg.AssetExecutionContext,
    config: Budget,
    settings: dg.ResourceParam[Settings],
    store: dg.ResourceParam[Store],
    models: dg.ResourceParam[ModelStore],
    pipes: dg.PipesSubprocessClient,
) -> dg.MaterializeResult[None]:
    """The base model of every twin stands in its folder, or is named by hub id and revision."""
    from llm_twin_assets.training import training

    tokens = config.tokens or settings.pretrain_tokens
    model, reason = training.base_model(settings, store, models, tokens, _training(context, settings, pipes))
    if reason:
        context.log.info(f"trained because {reason}")
    return _result(context, settings, models, model, {"reason": reason or "as it was"})


@dg.asset(
    group_name="training",
    kinds={"pytorch", "huggingface"},
    owners=["team:training"],
    code_version=CODE_VERSION,
    partitions_def=TWIN,
    deps=["instruct_dataset", "base_model"],
)
def fine_tuned_model(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    store: dg.ResourceParam[Store],
    models: dg.ResourceParam[ModelStore],
    pipes: dg.PipesSubprocessClient,
) -> dg.MaterializeResult[None]:
    """The twin's adapter on the current base model stands in its folder."""
    from llm_twin_assets.training import training

    twin = context.partition_key
    train = _noting(store, twin, _training(context, settings, pipes))
    model = training.fine_tuned_model(settings, store, models, twin, CODE_VERSION, train)
    return _result(context, settings, models, model, {})


@dg.asset(
    group_name="training",
    kinds={"pytorch", "huggingface"},
    owners=["team:training"],
    code_version=CODE_VERSION,
    partitions_def=TWIN,
    deps=["preference_dataset", "fine_tuned_model", "base_model"],
)
def aligned_model(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    store: dg.ResourceParam[Store],
    models: dg.ResourceParam[ModelStore],
    pipes: dg.PipesSubprocessClient,
) -> dg.MaterializeResult[None]:
    """The twin's adapter, trained on to prefer its author's answers, stands in its folder."""
    from llm_twin_assets.training import training

    twin = context.partition_key
    train = _noting(store, twin, _training(context, settings, pipes))
    model = training.aligned_model(settings, store, models, twin, CODE_VERSION, train)
    return _result(context, settings, models, model, {})


def _noting(store: Store, twin: str, train: _Train) -> _Train:
    """A training after which the model names the batches of feedback that it learned from."""
    from llm_twin_assets.datasets.feedback_rows import batches_of

    feedback = batches_of(store.read_or_empty("accepted_feedback", twin))
    return lambda task: train(task) | {"feedback": feedback}


def _training(
    context: dg.AssetExecutionContext, settings: Settings, pipes: dg.PipesSubprocessClient
) -> _Train:
    """Runs a training task where the settings say."""
    if settings.training == "local":
        return _process(context, pipes)
    from llm_twin_assets.training.sagemaker_job import client_of, on_sagemaker

    return on_sagemaker(settings, client_of(settings), context)


def _process(context: dg.AssetExecutionContext, pipes: dg.PipesSubprocessClient) -> _Train:
    """Runs a training task in a process of its own, which dies with this one."""
    import os

    command = [sys.executable, "-m", "llm_twin_assets.training.train", str(os.getpid())]

    def train(task: dict[str, Any]) -> dict[str, Any]:
        done = pipes.run(command=command, context=context, extras=task)
        return dict(done.get_custom_messages()[-1])

    return train


def _result(
    context: dg.AssetExecutionContext,
    settings: Settings,
    models: ModelStore,
    model: Model,
    more: dict[str, Any],
) -> dg.MaterializeResult[None]:
    from llm_twin_assets.training.training import shown
    from resources.opik_noting import noted
    from resources.opik_training import publish_training

    asset = context.asset_key.to_user_string()
    twin = context.partition_key if context.has_partition_key else None
    note = partial(publish_training, settings.local, models=models, asset=asset, model=model, twin=twin)
    more |= noted(settings.home, note)
    curve = model.metadata.get("loss_curve")
    picture = {"loss_curve": dg.MetadataValue.md(curve)} if curve else {}
    return dg.MaterializeResult(
        data_version=dg.DataVersion(model.version), metadata=shown(model) | picture | more
    )
