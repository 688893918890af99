"""The code location's sensors and schedules without the daemon: looked at when asked, run in this process.

What a sensor asks for is run as it asked: with its tags, configuration, partition and selection. Each sensor
keeps its cursor from one look to the next, as it does in the daemon.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import dagster as dg

from llm_twin_assets.runs import Runner

# What Dagster calls the job that every asset is in; conditions ask for runs of it.
ASSETS_JOB: Final = "__ASSET_JOB"
HOURLY: Final = "hourly_monitoring_schedule"


@dataclass(frozen=True)
class Asked:
    """A run that a sensor or schedule asks for; `twin` is its partition, where it has one."""

    trigger: str
    job: str
    twin: str | None
    request: dg.RunRequest


class Ticker:
    """Looks at sensors and schedules, and runs what they ask for.

    said: why a sensor asked for nothing the last time it was looked at, by the sensor's name.
    """

    def __init__(self, definitions: dg.Definitions, instance: dg.DagsterInstance, runner: Runner) -> None:
        self._definitions = definitions
        self._repository = definitions.get_repository_def()
        self._instance = instance
        self._runner = runner
        self._cursors: dict[str, Any] = {}
        self.said: dict[str, str] = {}

    @property
    def sensors(self) -> list[str]:
        """The sensors' names, in the order in which a tick looks at them."""
        return [sensor.name for sensor in self._definitions.sensors or []]

    def tick(self, names: Sequence[str] | None = None) -> list[Asked]:
        """Look once at each sensor, or at these in their order; what one raises is raised, with its name."""
        asked = []
        for name in self.sensors if names is None else names:
            try:
                asked += list(self._look(name))
            except Exception as error:
                error.add_note(f"while looking at {name}")
                raise
        return asked

    def due(self, schedule: str = HOURLY, at: datetime | None = None) -> list[Asked]:
        """What a schedule asks for at a moment; now, where none is given."""
        context = dg.build_schedule_context(
            instance=self._instance,
            repository_def=self._repository,
            scheduled_execution_time=at or datetime.now(UTC),
        )
        found = self._repository.get_schedule_def(schedule)
        done = found.evaluate_tick(context)
        self._note(schedule, done.skip_message)
        return [_asked(schedule, request, found.job_name) for request in done.run_requests or []]

    def execute(self, asked: Asked) -> list[str]:
        """Run what was asked for; returns the errors, none when it succeeded."""
        selected = asked.request.asset_selection
        return self._runner.execute(
            asked.job,
            asked.twin,
            [key.to_user_string() for key in selected] if selected else None,
            dict(asked.request.run_config),
            dict(asked.request.tags),
        )

    def _look(self, name: str) -> Iterator[Asked]:
        sensor = self._repository.get_sensor_def(name)
        if isinstance(sensor, dg.AutomationConditionSensorDefinition):
            return self._automated(sensor)
        return self._evaluated(sensor)

    def _evaluated(self, sensor: dg.SensorDefinition) -> Iterator[Asked]:
        context = dg.build_sensor_context(
            instance=self._instance,
            cursor=self._cursors.get(sensor.name),
            repository_def=self._repository,
            resources=self._definitions.resources,
        )
        done = sensor.evaluate_tick(context)
        for event in done.asset_events:
            self._instance.report_runless_asset_event(event)
        self._cursors[sensor.name] = done.cursor
        self._note(sensor.name, done.skip_message)
        for request in done.run_requests or []:
            yield _asked(sensor.name, request, None if request.job_name else sensor.job_name)

    def _automated(self, sensor: dg.AutomationConditionSensorDefinition) -> Iterator[Asked]:
        """One request for all that the conditions ask for: none of these assets has partitions."""
        done = dg.evaluate_automation_conditions(
            self._definitions, self._instance, sensor.asset_selection, cursor=self._cursors.get(sensor.name)
        )
        self._cursors[sensor.name] = done.cursor
        keys = sensor.asset_selection.resolve(self._definitions.resolve_asset_graph())
        wanted = sorted((key for key in keys if done.get_num_requested(key)), key=str)
        self._note(sensor.name, None if wanted else "no condition holds")
        if wanted:
            tags = {"dagster/sensor_name": sensor.name}
            request = dg.RunRequest(job_name=ASSETS_JOB, asset_selection=wanted, tags=tags)
            yield _asked(sensor.name, request)

    def _note(self, name: str, why: str | None) -> None:
        self.said.pop(name, None)
        if why:
            self.said[name] = why


def _asked(trigger: str, request: dg.RunRequest, job: str | None = None) -> Asked:
    twin = request.partition_key or request.tags.get("dagster/partition")
    return Asked(trigger, str(request.job_name or job), twin, request)
