"""When the endpoint is ill: start it again, then go back to an earlier release, then tell somebody.

`judged` decides from what was seen this time and what earlier looks left in the sensor's cursor. Nothing
is done where nothing should be served, nor while a run is changing what is served. A server that is gone is
started again only where it was started in the background and not stopped by hand since.
"""

import json
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

import dagster as dg

from jobs.triggers import LIGHT, TRIGGER, tags
from resources.alerting import Alert
from resources.endpoint import Endpoint
from resources.releases import Releases, UnknownRelease
from resources.twins import Twin

HEALTH: Final = "endpoint_health"
DEPLOYED: Final = "deployed_endpoint"
# A sensor has a minute for all that it does.
START_SECONDS: Final = 20.0
# So many looks in a row must be bad before anything but a start is done.
BAD_LOOKS: Final = 3
SERVER: Final = "the server"

Restart = Literal["none", "start", "replace"]


@dataclass(frozen=True)
class Fault:
    """What is wrong since when (an ISO moment), seen so often in a row; of which release, if it is one's."""

    reason: str
    since: str
    looks: int = 1
    release_id: str = ""

    @property
    def is_due(self) -> bool:
        """Whether this look is the one at which something is done; exactly one of a fault's is."""
        return self.looks == BAD_LOOKS

    @property
    def is_lasting(self) -> bool:
        """Whether what was done did not help: as many looks later it is told, once."""
        return self.looks == 2 * BAD_LOOKS


@dataclass(frozen=True)
class Actions:
    """What to do: with the server, which twins to roll back from which fault, and what to tell of whom."""

    restart: Restart = "none"
    roll_back: dict[str, Fault] = field(default_factory=dict)
    tell: dict[str, Fault] = field(default_factory=dict)


def judged(
    status: Mapping[str, Any], desired: Mapping[str, str], wanted: bool, before: Mapping[str, Fault], now: str
) -> tuple[dict[str, Fault], Actions]:
    """The faults there are now, by twin or SERVER, and what to do about them.

    status: as Endpoint.status gives it. desired: each twin's release. wanted: whether a server that is gone
    is to be started. before: the faults of the look before. now: an ISO moment.
    """
    found = _faults(status, desired, wanted, now) if desired else {}
    faults = {name: _continued(fault, before.get(name)) for name, fault in found.items()}
    return faults, _actions(faults, desired, bool(status["running"]))


def _faults(
    status: Mapping[str, Any], desired: Mapping[str, str], wanted: bool, now: str
) -> dict[str, Fault]:
    if not status["running"]:
        return {SERVER: Fault("no server is running", now)} if wanted else {}
    if not status["twins"]:
        return {SERVER: Fault("the server does not answer, or serves no twin", now)}
    seen = {twin: status["twins"].get(twin, {}) for twin in desired}
    return {
        twin: Fault(str(error), now, release_id=desired[twin])
        for twin, one in seen.items()
        if (error := one.get("error")) and one.get("desired") == desired[twin]
    }


def _continued(fault: Fault, before: Fault | None) -> Fault:
    """A fault of the same release goes on, whatever its words."""
    if before is None or before.release_id != fault.release_id:
        return fault
    return Fault(fault.reason, before.since, before.looks + 1, fault.release_id)


def _actions(faults: Mapping[str, Fault], desired: Mapping[str, str], running: bool) -> Actions:
    if server := faults.get(SERVER):
        restart = _restart(server, running)
        return Actions(restart, tell={SERVER: server} if server.is_due else {})
    due = {twin: fault for twin, fault in faults.items() if fault.is_due}
    if len(desired) > 1 and len(faults) == len(desired):
        # What ails every twin at once is not their releases' fault.
        return Actions(tell=due)
    return Actions(roll_back=due, tell={twin: fault for twin, fault in faults.items() if fault.is_lasting})


def _restart(server: Fault, running: bool) -> Restart:
    """One that is gone is started at once; one that is silent may only be busy, and is given its time."""
    if not running:
        return "start"
    return "replace" if server.is_due else "none"


def as_cursor(faults: Mapping[str, Fault]) -> str:
    """The faults as the sensor keeps them."""
    return json.dumps({name: asdict(fault) for name, fault in faults.items()})


def from_cursor(cursor: str | None) -> dict[str, Fault]:
    """The faults that `as_cursor` wrote; none before the first look."""
    return {name: Fault(**fault) for name, fault in json.loads(cursor or "{}").items()}


def is_wanted(home: Path) -> bool:
    """Whether a server of this home was started in the background, and not stopped by hand since."""
    return (home / "serving" / "wanted").exists()


def earlier(releases: Releases, twin: str, release_id: str) -> str | None:
    """The nearest release before this one that was not rolled back itself; None where there is none."""
    try:
        parent = releases.manifest(twin, release_id).parent
        while parent and releases.quarantine_of(twin, parent):
            parent = releases.manifest(twin, parent).parent
    except UnknownRelease:
        return None
    return parent


def rollback_request(
    instance: dg.DagsterInstance, releases: Releases, twin: Twin, fault: Fault
) -> dg.RunRequest | None:
    """A run that goes back to an earlier release; None where none is left, or one just went back.

    Two in a row would quarantine good releases for what is not their fault.
    """
    mine = {TRIGGER: HEALTH, "dagster/partition": twin.name}
    recently = datetime.now(UTC) - timedelta(minutes=twin.thresholds.cooldown_minutes)
    target = earlier(releases, twin.name, fault.release_id)
    if target is None or instance.get_run_records(dg.RunsFilter(tags=mine, created_after=recently), limit=1):
        return None
    numbers = {"bad_looks": fault.looks, "rolled_back_from": fault.release_id, "bad_since": fault.since}
    return dg.RunRequest(
        job_name="twin_job",
        partition_key=twin.name,
        asset_selection=[dg.AssetKey(DEPLOYED)],
        run_config={"ops": {DEPLOYED: {"config": {"release_id": target}}}},
        tags=tags(HEALTH, fault.reason, numbers) | LIGHT | {"dagster/priority": "10"},
    )


def alert_of(name: str, fault: Fault, failed: str = "") -> Alert:
    """What is told of a fault; `failed` says how a start ended."""
    subject = name if name == SERVER else f"twin {name}, release {fault.release_id}"
    body = "\n".join(filter(None, [f"Since {fault.since}, {fault.looks} looks: {fault.reason}", failed]))
    return Alert("endpoint", f"{subject} is ill", body, f"endpoint/{name}/{fault.since}/{fault.looks}")


class Starter:
    """Starts the server in a thread, for that may take longer than a sensor may."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self.failed = ""

    def begin(self, endpoint: Endpoint, restart: Restart, seconds: float = START_SECONDS) -> None:
        """Begin, where no start is under way, and wait for so long; `failed` says how the last one ended."""
        if restart != "none" and not (self._thread and self._thread.is_alive()):
            self._thread = threading.Thread(target=self._start, args=(endpoint, restart), daemon=True)
            self._thread.start()
        if self._thread:
            self._thread.join(seconds)

    def _start(self, endpoint: Endpoint, restart: Restart) -> None:
        try:
            if restart == "replace":
                endpoint.stop()
            endpoint.ensure_running()
            self.failed = ""
        except Exception as error:
            self.failed = f"It could not be started: {error}"
