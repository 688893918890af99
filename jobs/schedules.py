"""What runs by the clock: the nightly repair of what sensors missed, and hourly monitoring."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from resources.settings import Settings
from resources.twins import Twins


def build_schedules(
    settings: Settings, twins: Twins, jobs: Mapping[str, Any]
) -> Sequence[dg.ScheduleDefinition]:
    """The schedules, running when `LLM_TWIN_AUTOMATION` is on."""
    status = (
        dg.DefaultScheduleStatus.RUNNING if settings.automation == "on" else dg.DefaultScheduleStatus.STOPPED
    )

    @dg.schedule(cron_schedule="0 3 * * *", job=jobs["documents_job"], default_status=status)
    def nightly_reconcile_schedule() -> dg.RunRequest:
        """Whatever of documents and retrieval is stale at night is materialized again."""
        return dg.RunRequest(stale_assets_only=True)

    @dg.schedule(cron_schedule="0 * * * *", job=jobs["monitoring_job"], default_status=status)
    def hourly_monitoring_schedule() -> Iterator[dg.RunRequest]:
        """Each twin's traces of the last hour reach `production_traces`."""
        for name in twins.names:
            yield dg.RunRequest(partition_key=name)

    return [nightly_reconcile_schedule, hourly_monitoring_schedule]
