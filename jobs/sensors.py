"""What watches: sources, the documents' automation, and whether a twin has enough to learn anew."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from jobs.training_data import base_request, twin_requests
from resources.catalog import Catalog
from resources.settings import Settings
from resources.twins import Twins

SECONDS = 30


def build_sensors(settings: Settings, twins: Twins, jobs: Mapping[str, Any]) -> Sequence[dg.SensorDefinition]:
    """The sensors, running when `LLM_TWIN_AUTOMATION` is on."""
    status = dg.DefaultSensorStatus.RUNNING if settings.automation == "on" else dg.DefaultSensorStatus.STOPPED
    return [_new_documents(status), _documents_automation(status), _new_training_data(status, twins, jobs)]


def _new_documents(status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    @dg.sensor(minimum_interval_seconds=SECONDS, default_status=status)
    def new_documents_sensor(
        context: dg.SensorEvaluationContext, catalog: dg.ResourceParam[Catalog]
    ) -> dg.SensorResult | dg.SkipReason:
        """Reports the sources' fingerprint when it changed; never asks for a run."""
        fingerprint = catalog.fingerprint()
        if fingerprint == context.cursor:
            return dg.SkipReason("the sources are as they were")
        return dg.SensorResult(asset_events=[source_event(fingerprint)], cursor=fingerprint)

    return new_documents_sensor


def source_event(fingerprint: str) -> dg.AssetMaterialization:
    """The report that the sources stand at this fingerprint."""
    return dg.AssetMaterialization("source_documents", tags={"dagster/data_version": fingerprint})


def _documents_automation(status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    return dg.AutomationConditionSensorDefinition(
        "documents_automation_sensor",
        target=dg.AssetSelection.groups("sources", "documents", "retrieval"),
        default_status=status,
        minimum_interval_seconds=SECONDS,
    )


def _new_training_data(
    status: dg.DefaultSensorStatus, twins: Twins, jobs: Mapping[str, Any]
) -> dg.SensorDefinition:
    @dg.sensor(
        jobs=[jobs["base_job"], jobs["twin_job"]], minimum_interval_seconds=SECONDS, default_status=status
    )
    def new_training_data_sensor(
        context: dg.SensorEvaluationContext,
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        """Asks for the base model when documents changed, then for each twin with enough new words."""
        asked = base_request(context.instance) or twin_requests(context.instance, twins)
        yield from asked
        if not asked:
            yield dg.SkipReason("no twin has enough that is new")

    return new_training_data_sensor
