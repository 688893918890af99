"""Executing the graph's jobs in this process, on the instance that `dagster dev` shows."""

import logging
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
from dagster import DagsterEventType as EventType

from jobs.sensors import source_event
from jobs.triggers import HEAVY, WORK
from llm_twin_assets.definitions import build_definitions
from resources.locks import Locks
from resources.settings import Settings
from resources.twins import Twins

LOCAL = "llm_twin/local"
UNFINISHED = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
ERRORS_ONLY = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def use_instance_of(home: Path) -> None:
    """Make `home`/dagster the instance of this process and of those it starts."""
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "dagster.yaml"
    if not file.exists():
        file.write_text(
            "telemetry: {enabled: false}\n"
            "nux: {enabled: false}\n"
            "run_coordinator:\n"
            "  module: dagster._core.run_coordinator\n"
            "  class: QueuedRunCoordinator\n"
            "  config:\n"
            "    max_concurrent_runs: 2\n"
            f"    tag_concurrency_limits: [{{key: {WORK}, value: {HEAVY[WORK]}, limit: 1}}]\n"
        )
    os.environ["DAGSTER_HOME"] = str(folder)


class Runner:
    """Runs jobs one after the other; each holds a lock named by its run id while it lives.

    definitions: the graph to run; ours over these resources, where none is given.
    """

    def __init__(
        self,
        settings: Settings,
        twins: Twins,
        resources: dict[str, Any],
        tell: Callable[[str], None],
        definitions: dg.Definitions | None = None,
    ) -> None:
        use_instance_of(settings.local)
        self.instance = dg.DagsterInstance.get()
        self.definitions = definitions or build_definitions(settings, twins, resources)
        self._assets = {
            key.to_user_string() for key in self.definitions.resolve_asset_graph().materializable_asset_keys
        }
        self._locks = Locks(settings.local / "locks", tell)
        self._tell = tell

    def bury_the_dead(self) -> int:
        """Mark runs of ours as failed whose process is gone; returns how many."""
        left = self.instance.get_runs(dg.RunsFilter(tags={LOCAL: "true"}, statuses=UNFINISHED))
        dead = [run for run in left if self._locks.is_free(_lock(run.run_id))]
        for run in dead:
            self.instance.report_run_failed(run, "its process is gone")
        return len(dead)

    def report_sources(self, fingerprint: str) -> None:
        """Say which state of the sources this run reads, as the sensor would."""
        event = source_event(fingerprint)
        known = self.instance.get_latest_materialization_event(event.asset_key)
        if known is None or (known.asset_materialization or event).tags != event.tags:
            self.instance.report_runless_asset_event(event)

    def execute(
        self,
        job: str,
        twin: str | None = None,
        assets: list[str] | None = None,
        config: dict[str, Any] | None = None,
        tags: dict[str, str] | None = None,
    ) -> list[str]:
        """Run a job, or some of its assets, under more tags; returns the errors, none when it succeeded."""
        run_id = str(uuid.uuid4())
        progress = _Progress(self._tell, self._assets)
        self.instance.add_event_listener(run_id, progress)
        with self._locks.held(_lock(run_id)):
            defined = self.definitions.resolve_job_def(job)
            # What a job was defined with is not applied by itself where a run has other configuration.
            own = dict(defined.get_run_config_for_partition_key(twin)) if twin else {}
            result = defined.execute_in_process(
                instance=self.instance,
                run_id=run_id,
                partition_key=twin,
                asset_selection=[dg.AssetKey(name) for name in assets] if assets else None,
                run_config=own | ERRORS_ONLY | (config or {}),
                tags=(tags or {}) | {LOCAL: "true"},
                raise_on_error=False,
            )
        (self._locks.folder / f"{_lock(run_id)}.lock").unlink(missing_ok=True)
        return [] if result.success else (progress.errors or [f"{job} failed: see its run in `make dev`"])


def _lock(run_id: str) -> str:
    return f"run.{run_id}"


class _Progress:
    """Tells what each step does, and keeps why one failed."""

    def __init__(self, tell: Callable[[str], None], assets: set[str]) -> None:
        self._tell = tell
        self._assets = assets
        self._started = time.monotonic()
        self.errors: list[str] = []

    def __call__(self, entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        if event is None:
            self._log(entry)
        elif event.event_type == EventType.STEP_START:
            self._started = time.monotonic()
            if event.step_key in self._assets:
                self._tell(f"  {event.step_key} ...")
        elif event.event_type == EventType.ASSET_MATERIALIZATION:
            self._tell(f"  {event.step_key}: {self._outcome(entry)}")
        elif event.event_type == EventType.ASSET_CHECK_EVALUATION:
            self._check(event.asset_check_evaluation_data)
        elif event.event_type == EventType.STEP_FAILURE:
            self._failure(event)

    def _log(self, entry: dg.EventLogEntry) -> None:
        if entry.level == logging.INFO and not entry.user_message.startswith("[pipes]"):
            self._tell(f"    {entry.user_message}")

    def _outcome(self, entry: dg.EventLogEntry) -> str:
        materialization = entry.asset_materialization
        metadata = materialization.metadata if materialization else {}
        reused = metadata.get("reused")
        rows = metadata.get("dagster/row_count")
        what = "unchanged" if reused and reused.value else "done"
        count = f", {rows.value} rows" if rows else ""
        return f"{what}{count} ({time.monotonic() - self._started:.1f} s)"

    def _check(self, evaluation: dg.AssetCheckEvaluation) -> None:
        if evaluation.passed:
            return
        text = f"check {evaluation.check_name} of {evaluation.asset_key.to_user_string()}"
        why = evaluation.description or "did not pass"
        if evaluation.severity == dg.AssetCheckSeverity.ERROR:
            self.errors.append(f"{text}: {why}")
        self._tell(f"  {evaluation.severity.value}: {text}: {why}")

    def _failure(self, event: dg.DagsterEvent) -> None:
        error = event.step_failure_data.error
        while error is not None and error.cause is not None:
            error = error.cause
        message = error.message.strip() if error else "unknown error"
        if not self.errors or "AssetCheck" not in message:
            self.errors.append(f"{event.step_key}: {message}")
        self._tell(f"  FAILED {event.step_key}: {message}")
