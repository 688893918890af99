"""What watches: sources, documents, what a twin should learn anew from, canaries, the endpoint, all runs."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from jobs.alerts import Position, news
from jobs.canary import canary_requests
from jobs.drift import drift_requests
from jobs.feedback import feedback_requests
from jobs.health import Starter, alert_of, as_cursor, from_cursor, is_wanted, judged, rollback_request
from jobs.opik import Pending, opik_requests
from jobs.training_data import base_request, twin_requests
from jobs.triggers import HEAVY
from resources.alerting import Alerting
from resources.catalog import Catalog
from resources.endpoint import Endpoint
from resources.locks import Locks
from resources.releases import Releases
from resources.settings import Settings
from resources.traces import TraceStore
from resources.twins import Twins

SECONDS = 30


def build_sensors(settings: Settings, twins: Twins, jobs: Mapping[str, Any]) -> Sequence[dg.SensorDefinition]:
    """The sensors, running when `LLM_TWIN_AUTOMATION` is on."""
    status = dg.DefaultSensorStatus.RUNNING if settings.automation == "on" else dg.DefaultSensorStatus.STOPPED
    return [
        _new_documents(status),
        _documents_automation(status),
        _new_training_data(status, settings, twins, jobs),
        _canary(status, twins, jobs),
        _drift(status, twins, jobs),
        _feedback(status, twins, jobs),
        _opik(status, twins, jobs),
        _endpoint_health(status, twins, jobs),
        _alerts(status),
    ]


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
        run_tags=HEAVY,
    )


def _new_training_data(
    status: dg.DefaultSensorStatus, settings: Settings, twins: Twins, jobs: Mapping[str, Any]
) -> dg.SensorDefinition:
    @dg.sensor(
        jobs=[jobs["base_job"], jobs["twin_job"]], minimum_interval_seconds=SECONDS, default_status=status
    )
    def new_training_data_sensor(
        context: dg.SensorEvaluationContext,
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        """Asks for the base model when documents changed, then for each twin with enough new words."""
        locks = Locks(settings.local / "locks")
        asked = base_request(context.instance, locks) or twin_requests(context.instance, locks, twins)
        yield from asked
        if not asked:
            yield dg.SkipReason("no twin has enough that is new")

    return new_training_data_sensor


def _canary(status: dg.DefaultSensorStatus, twins: Twins, jobs: Mapping[str, Any]) -> dg.SensorDefinition:
    @dg.sensor(job=jobs["twin_job"], minimum_interval_seconds=SECONDS, default_status=status)
    def canary_sensor(
        context: dg.SensorEvaluationContext,
        settings: dg.ResourceParam[Settings],
        releases: dg.ResourceParam[Releases],
        traces: dg.ResourceParam[TraceStore],
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        """Asks for a look at each canary that has enough new conversations, or fails more than it should."""
        locks = Locks(settings.local / "locks")
        asked = canary_requests(context.instance, locks, releases, traces, twins)
        yield from asked
        if not asked:
            yield dg.SkipReason("no canary has enough that is new")

    return canary_sensor


def _drift(status: dg.DefaultSensorStatus, twins: Twins, jobs: Mapping[str, Any]) -> dg.SensorDefinition:
    @dg.sensor(
        jobs=[jobs["twin_job"], jobs["documents_job"]],
        minimum_interval_seconds=SECONDS,
        default_status=status,
    )
    def drift_sensor(
        context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        """Trains the twin whose traffic drifted; reads the documents anew where only answers are stale."""
        asked = drift_requests(context.instance, Locks(settings.local / "locks"), twins)
        yield from asked
        if not asked:
            yield dg.SkipReason("no twin drifted since it was last asked for, or may be trained now")

    return drift_sensor


def _feedback(status: dg.DefaultSensorStatus, twins: Twins, jobs: Mapping[str, Any]) -> dg.SensorDefinition:
    @dg.sensor(job=jobs["twin_job"], minimum_interval_seconds=SECONDS, default_status=status)
    def feedback_sensor(
        context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        """Trains the twin that has enough feedback which its last training did not know."""
        asked = feedback_requests(context.instance, Locks(settings.local / "locks"), twins)
        yield from asked
        if not asked:
            yield dg.SkipReason("no twin has enough feedback that is new, or may be trained now")

    return feedback_sensor


def _opik(status: dg.DefaultSensorStatus, twins: Twins, jobs: Mapping[str, Any]) -> dg.SensorDefinition:
    @dg.sensor(job=jobs["monitoring_job"], minimum_interval_seconds=SECONDS, default_status=status)
    def opik_sensor(
        context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
    ) -> dg.SensorResult:
        """Looks at the traffic of each twin that an alert of Opik's is about, once it may."""
        pending = Pending.of(context.cursor)
        asked = list(opik_requests(context.instance, settings.home, twins, pending))
        said = dg.SkipReason(f"{len(pending.waiting)} twins wait to be looked at")
        # Dagster wants one or the other.
        more: dict[str, Any] = {"run_requests": asked} if asked else {"skip_reason": said}
        return dg.SensorResult(cursor=pending.written(), **more)

    return opik_sensor


def _endpoint_health(
    status: dg.DefaultSensorStatus, twins: Twins, jobs: Mapping[str, Any]
) -> dg.SensorDefinition:
    starter = Starter()

    @dg.sensor(job=jobs["twin_job"], minimum_interval_seconds=SECONDS, default_status=status)
    def endpoint_health_sensor(
        context: dg.SensorEvaluationContext,
        settings: dg.ResourceParam[Settings],
        releases: dg.ResourceParam[Releases],
        endpoint: dg.ResourceParam[Endpoint],
        alerting: dg.ResourceParam[Alerting],
    ) -> dg.SensorResult | dg.SkipReason:
        """Starts a server that is gone, rolls back a release that cannot be served, and tells of the rest."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        desired = {name: served for name in twins.names if (served := releases.desired(name))}
        before = from_cursor(context.cursor)
        faults, actions = judged(endpoint.status(), desired, is_wanted(settings.local), before, now)
        starter.begin(endpoint, actions.restart)
        asked, told = [], dict(actions.tell)
        for name, fault in actions.roll_back.items():
            request = rollback_request(context.instance, releases, twins.twin(name), fault)
            asked += [request] if request else []
            told |= {} if request else {name: fault}
        for name, fault in told.items():
            alerting.send(alert_of(name, fault, starter.failed))
        return dg.SensorResult(run_requests=asked, cursor=as_cursor(faults))

    return endpoint_health_sensor


def _alerts(status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    @dg.sensor(minimum_interval_seconds=SECONDS, default_status=status)
    def alert_sensor(
        context: dg.SensorEvaluationContext, alerting: dg.ResourceParam[Alerting]
    ) -> dg.SensorResult:
        """Tells people of what runs that ended came to, and sends again what could not be sent."""
        position = Position.read(context.instance, context.cursor)
        alerts = news(context.instance, position)
        for alert in alerts:
            alerting.queue(alert)
        left = alerting.deliver()
        said = dg.SkipReason(f"{len(alerts)} events, {left} alerts are still to be sent")
        return dg.SensorResult(skip_reason=said, cursor=position.written())

    return alert_sensor
