"""When readers' feedback is enough for another training: by rows that the last training did not know."""

import dagster as dg

from jobs.training_data import latest
from jobs.triggers import may_train, tags, told, version
from resources.locks import Locks
from resources.twins import Twin, Twins

FEEDBACK = "feedback_dataset"
# Once this was made anew, a training knows the feedback of the day.
LEARNED = "instruct_dataset"


def feedback_requests(instance: dg.DagsterInstance, locks: Locks, twins: Twins) -> list[dg.RunRequest]:
    """A request of twin_job, with its key, for each twin whose feedback grew by enough."""
    return [
        request
        for twin in twins.twins
        if (request := _request(instance, twin)) and may_train(instance, locks, twin)
    ]


def _request(instance: dg.DagsterInstance, twin: Twin) -> dg.RunRequest | None:
    feedback, learned = latest(instance, FEEDBACK, twin.name), latest(instance, LEARNED, twin.name)
    if feedback is None or learned is None:
        return None
    known = rows_before(instance, twin.name, learned.timestamp)
    new = _rows(feedback) - known
    if new < twin.thresholds.min_feedback:
        return None
    reason = f"{new} rows of feedback are new, {twin.thresholds.min_feedback} are enough"
    numbers = {"feedback_new": new, "feedback_known": known, "feedback_version": version(feedback)}
    return dg.RunRequest(job_name="twin_job", partition_key=twin.name, tags=tags("feedback", reason, numbers))


def rows_before(instance: dg.DagsterInstance, twin: str, moment: float) -> int:
    """How many rows the twin's feedback had at a moment, in seconds since 1970."""
    wanted = dg.AssetRecordsFilter(dg.AssetKey(FEEDBACK), asset_partitions=[twin], before_timestamp=moment)
    records = instance.fetch_materializations(wanted, limit=1).records
    return _rows(records[0]) if records else 0


def _rows(record: dg.EventLogRecord) -> int:
    return int(told(record).get("rows", 0))
