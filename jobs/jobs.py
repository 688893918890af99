"""The jobs, and build_jobs: everything that can start a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from jobs import compute
from jobs.schedules import build_schedules
from jobs.sensors import build_sensors
from jobs.triggers import HEAVY
from resources.settings import Settings
from resources.twins import Twins

BASE_MODEL = dg.AssetSelection.assets("base_model")
UNPARTITIONED = dg.AssetSelection.groups("sources", "documents", "retrieval")
TWIN_STAGES = dg.AssetSelection.groups("datasets", "training", "evaluation", "serving") - BASE_MODEL
SMOKE_TOKENS = 20_000


@dataclass(frozen=True)
class Jobs:
    """What the code location offers beside its assets."""

    jobs: Sequence[Any]
    schedules: Sequence[dg.ScheduleDefinition]
    sensors: Sequence[dg.SensorDefinition]


def build_jobs(settings: Settings, twins: Twins) -> Jobs:
    """Jobs, schedules and sensors, switched on or off as settings say."""
    jobs = _jobs(settings)
    return Jobs(
        jobs=list(jobs.values()),
        schedules=build_schedules(settings, twins, jobs),
        sensors=build_sensors(settings, twins, jobs),
    )


def _jobs(settings: Settings) -> dict[str, Any]:
    asked = {job: HEAVY | compute.tags(job, settings) for job in compute.SIZES}
    return {
        "documents_job": dg.define_asset_job(
            "documents_job",
            UNPARTITIONED,
            tags=asked["documents_job"],
            description="Sources to the live search index.",
        ),
        "base_job": dg.define_asset_job(
            "base_job", BASE_MODEL, tags=asked["base_job"], description="The base model of every twin."
        ),
        "twin_job": dg.define_asset_job(
            "twin_job",
            TWIN_STAGES,
            tags=asked["twin_job"],
            description="One twin, from its dataset to its endpoint.",
        ),
        "monitoring_job": dg.define_asset_job(
            "monitoring_job",
            dg.AssetSelection.groups("monitoring"),
            tags=asked["monitoring_job"],
            description="What production was asked since the last look.",
        ),
        "smoke_job": dg.define_asset_job(
            "smoke_job",
            UNPARTITIONED | BASE_MODEL | TWIN_STAGES,
            config={"ops": {"base_model": {"config": {"tokens": SMOKE_TOKENS}}}},
            tags=asked["smoke_job"],
            description="Everything for one twin with a base model trained for seconds: "
            "does the whole graph run here? Give it an LLM_TWIN_HOME of its own.",
        ),
    }
