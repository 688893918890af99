"""The one code location: the asset graph with its checks, resources, jobs, schedules and sensors."""

import gc
import warnings
from typing import Any

import dagster as dg

# Dagster lives as long as its process. One more walk of the collector through it, while our modules
# load, costs a quarter of what loading them costs.
gc.freeze()

from jobs.jobs import build_jobs
from llm_twin_assets.pipes import WholeMessages
from resources.build import build_resources
from resources.settings import Settings
from resources.twins import Twins, load_twins

# The verdict of a twin's check belongs to that twin; Dagster calls such checks a preview.
warnings.filterwarnings("ignore", category=dg.PreviewWarning)

AUTOMATED_GROUPS = ("sources", "documents", "retrieval")
CONDITION = dg.AutomationCondition
# One request for the whole chain: what changed, and what the request will change.
ON_NEW_DATA = (
    CONDITION.any_deps_match(
        CONDITION.data_version_changed() | CONDITION.will_be_requested()
    ).since_last_handled()
    & ~CONDITION.any_deps_missing()
    & ~CONDITION.any_deps_in_progress()
    & ~CONDITION.in_progress()
    & CONDITION.all_deps_blocking_checks_passed()
).with_label("on_new_data")


@dg.definitions
def defs() -> dg.Definitions:
    """What Dagster loads: definitions for the settings of this environment."""
    settings = Settings()
    twins = load_twins(settings.config)
    return build_definitions(settings, twins, build_resources(settings, twins))


def build_definitions(settings: Settings, twins: Twins, resources: dict[str, Any]) -> dg.Definitions:
    """The graph over these resources; tests pass their own."""
    assets, checks = _stages()
    jobs = build_jobs(settings, twins)
    return dg.Definitions(
        assets=dg.map_asset_specs(_automated, assets),
        asset_checks=checks,
        resources=resources | {"pipes": dg.PipesSubprocessClient(message_reader=WholeMessages())},
        jobs=jobs.jobs,
        schedules=jobs.schedules,
        sensors=jobs.sensors,
        # Heavy work has processes of its own; a process for each small step costs seconds.
        executor=dg.in_process_executor,
    )


def _stages() -> tuple[list[Any], list[dg.AssetChecksDefinition]]:
    # Imported here because the partitions read the twins file.
    from llm_twin_assets.datasets import assets as datasets
    from llm_twin_assets.datasets import checks as dataset_checks
    from llm_twin_assets.documents import assets as documents
    from llm_twin_assets.documents import checks as document_checks
    from llm_twin_assets.evaluation import assets as evaluation
    from llm_twin_assets.evaluation import checks as evaluation_checks
    from llm_twin_assets.monitoring import assets as monitoring
    from llm_twin_assets.monitoring import checks as monitoring_checks
    from llm_twin_assets.retrieval import assets as retrieval
    from llm_twin_assets.retrieval import checks as retrieval_checks
    from llm_twin_assets.serving import assets as serving
    from llm_twin_assets.serving import checks as serving_checks
    from llm_twin_assets.sources import assets as sources
    from llm_twin_assets.sources import checks as source_checks
    from llm_twin_assets.training import assets as training
    from llm_twin_assets.training import checks as training_checks

    stages = [sources, documents, retrieval, datasets, training, evaluation, serving, monitoring]
    checks = [
        source_checks,
        document_checks,
        retrieval_checks,
        dataset_checks,
        training_checks,
        evaluation_checks,
        serving_checks,
        monitoring_checks,
    ]
    return (
        list(dg.load_assets_from_modules(stages, include_specs=True)),
        list(dg.load_asset_checks_from_modules(checks)),
    )


def _automated(spec: dg.AssetSpec) -> dg.AssetSpec:
    if spec.group_name not in AUTOMATED_GROUPS or not spec.deps:
        return spec
    return spec.replace_attributes(automation_condition=ON_NEW_DATA)
