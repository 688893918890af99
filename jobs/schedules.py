"""What runs by the clock: the nightly repair of what sensors missed, monitoring, and weekly training."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from jobs.triggers import may_train, tags
from resources.locks import Locks
from resources.settings import Settings
from resources.twins import Twins


def build_schedules(
    settings: Settings, twins: Twins, jobs: Mapping[str, Any]
) -> Sequence[dg.ScheduleDefinition]:
    """The schedules, running when `LLM_TWIN_AUTOMATION` is on; weekly training is switched on in Dagster."""
    status = (
        dg.DefaultScheduleStatus.RUNNING if settings.automation == "on" else dg.DefaultScheduleStatus.STOPPED
    )

    @dg.schedule(cron_schedule="0 3 * * *", job=jobs["documents_job"], default_status=status)
    def nightly_reconcile_schedule() -> dg.RunRequest:
        """Whatever of documents and retrieval is stale at night is materialized again."""
        return dg.RunRequest(stale_assets_only=True)

    @dg.schedule(cron_schedule="0 * * * *", job=jobs["monitoring_job"], default_status=status)
    def hourly_monitoring_schedule(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        """Each twin's traces of the last hour are looked at."""
        for name in twins.names:
            yield dg.RunRequest(run_key=_key(context, name), partition_key=name)

    @dg.schedule(cron_schedule="0 4 * * 0", job=jobs["twin_job"])
    def weekly_training_schedule(
        context: dg.ScheduleEvaluationContext,
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        """Each twin is trained on Sunday night, whatever changed, unless it just was or is being trained."""
        locks = Locks(settings.local / "locks")
        due = [twin.name for twin in twins.twins if may_train(context.instance, locks, twin)]
        for name in due:
            why = tags("weekly", "a week has passed", {})
            yield dg.RunRequest(run_key=_key(context, name), partition_key=name, tags=why)
        if not due:
            yield dg.SkipReason("every twin was just trained or is being trained")

    return [nightly_reconcile_schedule, hourly_monitoring_schedule, weekly_training_schedule]


def _key(context: dg.ScheduleEvaluationContext, twin: str) -> str:
    """Names a twin's run at one time: a schedule may ask for several runs only where each has a key."""
    return f"{twin}/{context.scheduled_execution_time.isoformat()}"
