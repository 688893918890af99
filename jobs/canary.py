"""When a running canary is looked at: once there is enough that is new, from releases and traces alone.

The run decides; here is only counted. After a run that failed the next one waits a little.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

import dagster as dg

from jobs.triggers import UNFINISHED
from resources.releases import Canary, Releases
from resources.traces import TraceStore
from resources.trial import counted, requests_of
from resources.twins import Twins

ASSET: Final = dg.AssetKey("deployed_endpoint")
# With fewer new conversations in an arm nothing is looked at, whatever failed in them.
FEWEST: Final = 10
# So many new failures, and twice as many as the control arm's, are looked at before their time.
BURST: Final = 5
PAUSE: Final = timedelta(minutes=5)


def canary_requests(
    instance: dg.DagsterInstance, releases: Releases, traces: TraceStore, twins: Twins
) -> list[dg.RunRequest]:
    """A request for a look, with its partition key, for each twin whose canary has enough that is new."""
    asked = []
    for name in twins.names:
        canary = releases.canary(name)
        if canary is None or _is_busy(instance, name):
            continue
        if tags := _reason(traces, name, canary):
            request = dg.RunRequest(
                job_name="twin_job", partition_key=name, asset_selection=[ASSET], tags=tags
            )
            asked.append(request)
    return asked


def _reason(traces: TraceStore, twin: str, canary: Canary) -> dict[str, str] | None:
    """Why the canary should be looked at, in numbers; None where it should not."""
    requests = requests_of(traces, twin, canary)
    (tried, failed), (compared, failed_there) = counted(requests["canary"]), counted(requests["control"])
    last = canary.looks[-1] if canary.looks else {"canary": 0, "control": 0, "failed": 0}
    if min(tried - last["canary"], compared - last["control"]) < FEWEST:
        return None
    new = failed - last["failed"]
    if min(tried, compared) >= canary.due:
        reason = f"{tried} and {compared} conversations, {canary.due} are enough for the next look"
    elif new >= BURST and failed >= 2 * failed_there:
        reason = f"{new} answers failed since the last look"
    else:
        return None
    return {
        "llm_twin/reason": f"canary {canary.release_id} at {canary.share} %: {reason}",
        "llm_twin/conversations_canary": str(tried),
        "llm_twin/conversations_control": str(compared),
        "llm_twin/failed_canary": str(failed),
    }


def _is_busy(instance: dg.DagsterInstance, twin: str) -> bool:
    """Whether a run of this twin is under way, or the last one has just failed."""
    of_twin = {"dagster/partition": twin}
    under_way = dg.RunsFilter(job_name="twin_job", tags=of_twin, statuses=UNFINISHED)
    if instance.get_run_records(under_way, limit=1):
        return True
    last = instance.get_run_records(dg.RunsFilter(job_name="twin_job", tags=of_twin), limit=1)
    failed = [run for run in last if run.dagster_run.status == dg.DagsterRunStatus.FAILURE]
    return any(datetime.now(UTC) - run.create_timestamp < PAUSE for run in failed)
