"""What every trigger of a training shares: one run in flight, a pause between two, and tags that tell why.

A run whose process is gone counts for nothing. One that `llm-twin run` began holds a lock named by its id;
any other one is taken for dead when it has told nothing for hours.

Runs are heavy or light by a tag: the queue has one heavy run at a time, because each may need the machine,
and lets a light one pass beside it, because a twin that answers wrongly should not wait for a training.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import dagster as dg

from jobs.compute import SMALL
from resources.locks import Locks
from resources.twins import Twin

UNFINISHED: Final = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
LOCAL: Final = "llm_twin/local"
TRIGGER: Final = "llm_twin/trigger"
REASON: Final = "llm_twin/reason"
WORK: Final = "llm_twin/work"
HEAVY: Final = {WORK: "heavy"}
# Of a run that only moves what is served.
LIGHT: Final = {WORK: "light", **SMALL}
# A training tells its progress every few minutes.
SILENCE: Final = timedelta(hours=6)
TRAINED: Final = dg.AssetKey("fine_tuned_model")
# So many of a twin's last runs are looked through for its last training.
RECENT: Final = 50


def told(record: dg.EventLogRecord | None) -> dict[str, Any]:
    """The metadata of a materialization as plain values; none where there is no record."""
    event = record.asset_materialization if record else None
    return {name: value.value for name, value in event.metadata.items()} if event else {}


def version(record: dg.EventLogRecord | None) -> str:
    """The data version of a materialization; empty where there is none."""
    event = record.asset_materialization if record else None
    return (event.tags or {}).get("dagster/data_version", "") if event else ""


def tags(trigger: str, reason: str, numbers: Mapping[str, object]) -> dict[str, str]:
    """The tags of a run: which trigger asked for it, why, and by which numbers."""
    named = {f"llm_twin/{name}": str(number) for name, number in numbers.items()}
    return {TRIGGER: trigger, REASON: reason} | named


def in_flight(instance: dg.DagsterInstance, locks: Locks, job: str, twin: str | None = None) -> bool:
    """Whether a run of the job, for the twin where one is given, waits or is under way and not dead."""
    wanted = dg.RunsFilter(job_name=job, tags=_of(twin), statuses=UNFINISHED)
    return any(not is_dead(instance, locks, record) for record in instance.get_run_records(wanted))


def is_dead(instance: dg.DagsterInstance, locks: Locks, record: dg.RunRecord) -> bool:
    """Whether an unfinished run has no process any more, as far as can be told."""
    run = record.dagster_run
    if run.tags.get(LOCAL) == "true":
        return locks.holder(f"run.{run.run_id}") is None
    if run.status == dg.DagsterRunStatus.QUEUED:
        return False
    last = instance.get_records_for_run(run.run_id, limit=1, ascending=False).records
    spoke = datetime.fromtimestamp(last[0].timestamp, UTC) if last else record.create_timestamp
    return datetime.now(UTC) - spoke > SILENCE


def is_cooling(instance: dg.DagsterInstance, twin: Twin) -> bool:
    """Whether the last training of a twin was asked for less than its cool-down ago."""
    pause = timedelta(minutes=twin.thresholds.cooldown_minutes)
    wanted = dg.RunsFilter(job_name="twin_job", tags=_of(twin.name), created_after=datetime.now(UTC) - pause)
    return any(_trains(record.dagster_run) for record in instance.get_run_records(wanted, limit=RECENT))


def may_train(instance: dg.DagsterInstance, locks: Locks, twin: Twin) -> bool:
    """Whether a training of the twin may be asked for now."""
    busy = in_flight(instance, locks, "base_job") or in_flight(instance, locks, "twin_job", twin.name)
    return not busy and not is_cooling(instance, twin)


def was_asked(instance: dg.DagsterInstance, tags: Mapping[str, str]) -> bool:
    """Whether there ever was a run with these tags, however it ended."""
    return bool(instance.get_run_records(dg.RunsFilter(tags=tags), limit=1))


def _trains(run: dg.DagsterRun) -> bool:
    """Looks at a canary and rollbacks are runs of twin_job too, of one asset."""
    return run.asset_selection is None or TRAINED in run.asset_selection


def _of(twin: str | None) -> dict[str, str]:
    return {"dagster/partition": twin} if twin else {}
