"""What people are told of: read from each run once it has ended, one alert an event.

A run's own events are read, not the event log's checks: Dagster keeps those of all runs in no order that a
cursor could follow on SQLite. The order in which runs end is kept, and the cursor goes along it. A run that
failed because a blocking check did not hold is one event. What goes on being so (a check that fails again
for the same thing, traffic that still drifts) is none: `standing` remembers it until it has passed.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import dagster as dg
from dagster import DagsterEventType as EventType

from jobs.triggers import version
from resources.alerting import Alert, Kind

ENDED: Final = (EventType.RUN_SUCCESS, EventType.RUN_FAILURE)
READ: Final = {
    EventType.ASSET_MATERIALIZATION,
    EventType.ASSET_CHECK_EVALUATION,
    EventType.STEP_FAILURE,
    EventType.RUN_FAILURE,
}
# So many ended runs of each kind are read at a time.
AT_ONCE: Final = 50
RELEASE: Final = dg.AssetKey("release")
# So many reports of a twin's releases are looked through for one that is not new.
RELEASES: Final = 500
BLOCKED: Final = "DagsterAssetCheckFailedError"
# What Dagster calls the job in which conditions have assets made; of ours only the documents' chain has any.
AUTOMATED: Final = "__ASSET_JOB"
LONGEST_ERROR: Final = 400


@dataclass
class Position:
    """How far the log was read, and what goes on being so, with what it is so of."""

    after: dict[str, str] = field(default_factory=dict)
    standing: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, instance: dg.DagsterInstance, cursor: str | None) -> "Position":
        """From a cursor; without one, what has happened so far is known."""
        if cursor:
            return cls(**json.loads(cursor))
        return cls({kind.value: instance.fetch_run_status_changes(kind, 1).cursor for kind in ENDED})

    def written(self) -> str:
        """As the sensor's cursor keeps it."""
        return json.dumps({"after": self.after, "standing": self.standing})


@dataclass(frozen=True)
class Ended:
    """A run that has ended, with what it told; `known` are the releases that were reported before it."""

    run: dg.DagsterRun
    failed: bool
    entries: Sequence[dg.EventLogEntry]
    known: frozenset[str] = frozenset()

    @property
    def about(self) -> str:
        """The run in words: its job, and its twin where it has one."""
        twin = self.run.tags.get("dagster/partition")
        job = "documents" if self.run.job_name == AUTOMATED else str(self.run.job_name)
        return f"{job} of {twin}" if twin else job

    def materializations(self) -> list[dg.AssetMaterialization]:
        """What it materialized."""
        return [entry.asset_materialization for entry in self.entries if entry.asset_materialization]

    def checks(self) -> list[dg.AssetCheckEvaluation]:
        """How its checks came out; of a check that was tried again, the last."""
        found = {}
        for entry in self.entries:
            if entry.dagster_event_type == EventType.ASSET_CHECK_EVALUATION and entry.dagster_event:
                check = entry.dagster_event.asset_check_evaluation_data
                found[check.asset_check_key] = check
        return list(found.values())

    def failures(self) -> Iterator[tuple[str, list[Any]]]:
        """Each step that failed, and its error with what that was raised from, the innermost last."""
        for entry in self.entries:
            event = entry.dagster_event
            if event and event.event_type == EventType.STEP_FAILURE:
                yield str(event.step_key), list(_chain(event.step_failure_data.error))

    @property
    def was_stopped(self) -> bool:
        """Whether a check that did not hold is why it failed."""
        return self.failed and any(_is_of_check(chain) for _, chain in self.failures())

    @property
    def errors(self) -> list[str]:
        """Why steps failed, without those that a check stopped."""
        return [f"{step}: {_cause(chain)}" for step, chain in self.failures() if not _is_of_check(chain)]


def news(instance: dg.DagsterInstance, position: Position) -> list[Alert]:
    """The alerts of every run that ended since, in their order; moves the position on."""
    return [alert for ended in _ended(instance, position) for alert in alerts_of(ended, position.standing)]


def _ended(instance: dg.DagsterInstance, position: Position) -> list[Ended]:
    found = []
    for kind in ENDED:
        result = instance.fetch_run_status_changes(
            kind, AT_ONCE, cursor=position.after.get(kind.value), ascending=True
        )
        position.after[kind.value] = result.cursor
        found += [(record.storage_id, kind, record.run_id) for record in result.records]
    read = [_read(instance, run_id, kind) for _, kind, run_id in sorted(found, key=lambda one: one[0])]
    return [one for one in read if one]


def _read(instance: dg.DagsterInstance, run_id: str, kind: EventType) -> Ended | None:
    """A run and its events; None where somebody deleted it since."""
    run = instance.get_run_by_id(run_id)
    if run is None:
        return None
    ended = Ended(run, kind == EventType.RUN_FAILURE, instance.all_logs(run_id, of_type=READ))
    made = [one for one in ended.materializations() if one.asset_key == RELEASE]
    return replace(ended, known=_known(instance, run_id, str(made[0].partition))) if made else ended


def _known(instance: dg.DagsterInstance, run_id: str, twin: str) -> frozenset[str]:
    """The releases of a twin that other runs reported."""
    wanted = dg.AssetRecordsFilter(RELEASE, asset_partitions=[twin])
    records = instance.fetch_materializations(wanted, limit=RELEASES).records
    return frozenset(version(record) for record in records if record.run_id != run_id)


def alerts_of(ended: Ended, standing: dict[str, str]) -> list[Alert]:
    """What a run gives reason to tell; `standing` is brought up to date."""
    told = [
        alert for made in ended.materializations() for alert in _of_materialization(ended, made, standing)
    ]
    faults = [check for check in ended.checks() if _is_news(check, ended, standing)]
    # A blocking check is why a run failed; any other fault is an event of its own.
    stops = [check for check in faults if ended.was_stopped and _is_error(check) and check.blocking]
    told += [_check_alert(ended, [check]) for check in faults if check not in stops]
    if stops:
        told.append(_check_alert(ended, stops))
    if ended.failed and (ended.errors or not ended.was_stopped):
        told.append(_failure(ended))
    return told


def _of_materialization(
    ended: Ended, made: dg.AssetMaterialization, standing: dict[str, str]
) -> Iterator[Alert]:
    metadata = {name: value.value for name, value in made.metadata.items()}
    twin, asset = str(made.partition), made.asset_key.to_user_string()
    key = f"{asset}/{twin}/{ended.run.run_id}"
    if asset == "drift_report" and _begins(standing, f"drift/{twin}", _drift(metadata, standing, twin)):
        yield Alert("drift", f"Twin {twin}: its traffic drifts", str(metadata.get("reason", "")), key)
    if asset == "release" and metadata["release_id"] not in ended.known:
        body = f"Release {metadata['release_id']} comes after {metadata.get('parent', 'none')}."
        yield Alert("promotion", f"Twin {twin}: a new release was promoted", body, key)
    if asset == "deployed_endpoint" and _begins(standing, f"rollback/{twin}", _left(ended, metadata)):
        serves = f"It serves release {metadata['release_id']} again. {metadata.get('reason', '')}"
        yield Alert("rollback", f"Twin {twin}: a release was rolled back", serves.strip(), key)


def _drift(metadata: Mapping[str, Any], standing: Mapping[str, str], twin: str) -> str:
    """Drift lasts until a verdict says that all is well: one that has too little to go by does not."""
    if metadata.get("state") == "drift":
        return "drift"
    return "" if metadata.get("state") == "ok" else standing.get(f"drift/{twin}", "")


def _left(ended: Ended, metadata: Mapping[str, Any]) -> str:
    """What was rolled back, by a canary's harm or because a run named an earlier release; else nothing."""
    if metadata.get("action") == "roll_back":
        return f"canary: {metadata.get('reason')}"
    config: Any = ended.run.run_config
    chosen = config.get("ops", {}).get("deployed_endpoint", {}).get("config", {})
    if chosen.get("release_id") and metadata.get("previous") != metadata.get("release_id"):
        return f"{metadata.get('previous')} {ended.run.run_id}"
    return ""


def _begins(standing: dict[str, str], name: str, what: str) -> bool:
    """Whether something is so that was not so before, or of something else; remembers it."""
    before = standing.pop(name, "")
    if what:
        standing[name] = what
    return bool(what) and what != before


def _is_news(check: dg.AssetCheckEvaluation, ended: Ended, standing: dict[str, str]) -> bool:
    """Whether a check failed that did not, or for another version than before."""
    asset = check.asset_key.to_user_string()
    name = (
        f"check/{asset}/{check.partition or ended.run.tags.get('dagster/partition', '')}/{check.check_name}"
    )
    begins = _begins(standing, name, "" if check.passed else _version(check, ended))
    return begins and not _is_told_otherwise(check, ended)


def _version(check: dg.AssetCheckEvaluation, ended: Ended) -> str:
    """The data version of what was checked; the run's id where the run did not make it."""
    made = [one for one in ended.materializations() if one.asset_key == check.asset_key]
    known = (made[-1].tags or {}).get("dagster/data_version") if made else None
    return known or ended.run.run_id


def _is_told_otherwise(check: dg.AssetCheckEvaluation, ended: Ended) -> bool:
    """Drift and a canary's rollback are told from what was materialized; their checks only repeat it."""
    if check.check_name == "canary_holds":
        return True
    asset = check.asset_key.to_user_string()
    states = [
        one.metadata.get("state") for one in ended.materializations() if one.asset_key == check.asset_key
    ]
    return asset == "drift_report" and any(state and state.value == "drift" for state in states)


def _is_error(check: dg.AssetCheckEvaluation) -> bool:
    return check.severity == dg.AssetCheckSeverity.ERROR


def _check_alert(ended: Ended, checks: Sequence[dg.AssetCheckEvaluation]) -> Alert:
    """One alert for checks of one weight; several are those that stopped the run together."""
    names = ", ".join(check.check_name for check in checks)
    body = "\n".join(f"{check.check_name}: {check.description or 'did not pass'}" for check in checks)
    kind: Kind = "check_failed" if _is_error(checks[0]) else "check_warned"
    said = "was stopped by" if ended.was_stopped and checks[0].blocking and _is_error(checks[0]) else "failed"
    title = f"{ended.about} {said} {names}" if _is_error(checks[0]) else f"{ended.about}: {names} warns"
    return Alert(kind, title, body, f"check/{ended.run.run_id}/{names}")


def _failure(ended: Ended) -> Alert:
    """Why its steps failed; where none did, what was said of the run as a whole."""
    ends = [
        entry.dagster_event for entry in ended.entries if entry.dagster_event_type == EventType.RUN_FAILURE
    ]
    body = "\n".join(ended.errors or [_first_line(event.message or "") for event in ends if event])
    return Alert("run_failed", f"{ended.about} failed", body, f"run/{ended.run.run_id}")


def _is_of_check(chain: Sequence[Any]) -> bool:
    return BLOCKED in {error.cls_name for error in chain}


def _chain(error: Any) -> Iterable[Any]:
    """An error, what it was raised from, and so on."""
    while error is not None:
        yield error
        error = error.cause


def _cause(chain: Sequence[Any]) -> str:
    """The innermost error's own words."""
    return _first_line(str(chain[-1].message)) if chain else "unknown error"


def _first_line(text: str) -> str:
    """An error's first line, for more may hold anything."""
    return text.strip().partition("\n")[0][:LONGEST_ERROR]
