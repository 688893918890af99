"""When a running canary is looked at: once there is enough that is new, from releases and traces alone.

The run decides; here is only counted. After a run that failed the next one waits a little.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

import dagster as dg

from jobs.triggers import LIGHT, in_flight, tags
from resources.locks import Locks
from resources.releases import Canary, Releases
from resources.traces import TraceStore
from resources.trial import counts_of
from resources.twins import Twins

ASSET: Final = dg.AssetKey("deployed_endpoint")
# With fewer new conversations in an arm nothing is looked at, whatever failed in them.
FEWEST: Final = 10
# So many new failures, and twice as many as the control arm's, are looked at before their time.
BURST: Final = 5
PAUSE: Final = timedelta(minutes=5)


def canary_requests(
    instance: dg.DagsterInstance, locks: Locks, releases: Releases, traces: TraceStore, twins: Twins
) -> list[dg.RunRequest]:
    """A request for a look, with its partition key, for each twin whose canary has enough that is new."""
    asked = []
    for name in twins.names:
        canary = releases.canary(name)
        if canary is None or in_flight(instance, locks, "twin_job", name) or _has_just_failed(instance, name):
            continue
        if why := _reason(traces, name, canary):
            request = dg.RunRequest(
                job_name="twin_job", partition_key=name, asset_selection=[ASSET], tags=why | LIGHT
            )
            asked.append(request)
    return asked


def _reason(traces: TraceStore, twin: str, canary: Canary) -> dict[str, str] | None:
    """The tags of a look that is called for, with why and the numbers; None where none is."""
    counts = counts_of(traces, twin, canary)
    (tried, failed), (compared, failed_there) = counts["canary"], counts["control"]
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
    numbers = {"conversations_canary": tried, "conversations_control": compared, "failed_canary": failed}
    return tags("canary", f"canary {canary.release_id} at {canary.share} %: {reason}", numbers)


def _has_just_failed(instance: dg.DagsterInstance, twin: str) -> bool:
    """Whether the last run of this twin failed a moment ago."""
    wanted = dg.RunsFilter(job_name="twin_job", tags={"dagster/partition": twin})
    last = instance.get_run_records(wanted, limit=1)
    failed = [run for run in last if run.dagster_run.status == dg.DagsterRunStatus.FAILURE]
    return any(datetime.now(UTC) - run.create_timestamp < PAUSE for run in failed)
