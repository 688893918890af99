"""What a verdict of drift asks for, once a window: training for the twin, or fresh documents.

That two windows in a row must agree is part of the verdict. Where all that is wrong is that answers cite
what has changed, no training would help: the documents are read and indexed anew.
"""

from typing import Any, Final

import dagster as dg

from jobs.training_data import latest
from jobs.triggers import in_flight, may_train, tags, told, version, was_asked
from resources.locks import Locks
from resources.twins import Twin, Twins

REPORT: Final = "drift_report"
STALE: Final = "stale"


def drift_requests(instance: dg.DagsterInstance, locks: Locks, twins: Twins) -> list[dg.RunRequest]:
    """A request of twin_job, with its key, for each twin that drifted, and one for stale documents."""
    training: list[dg.RunRequest] = []
    stale: dict[str, str] = {}
    for twin in twins.twins:
        report = latest(instance, REPORT, twin.name)
        verdict, window = told(report), _window(twin, version(report))
        if verdict.get("state") != "drift" or was_asked(instance, window):
            continue
        if drifted(verdict) == {STALE}:
            stale |= window | {f"llm_twin/reason.{twin.name}": str(verdict.get("reason", ""))}
        elif may_train(instance, locks, twin):
            training.append(_training(twin, verdict, window))
    return training + _documents(instance, locks, stale)


def drifted(verdict: dict[str, Any]) -> set[str]:
    """The signals that drifted, from a report's metadata."""
    return {name.strip() for name in str(verdict.get("drifted", "")).split(",")} - {""}


def _window(twin: Twin, data_version: str) -> dict[str, str]:
    """The tag that says which verdict a run answers; a report that is reused keeps its version."""
    return {f"llm_twin/drift_window.{twin.name}": data_version}


def _training(twin: Twin, verdict: dict[str, Any], window: dict[str, str]) -> dg.RunRequest:
    numbers = {name: value for name, value in verdict.items() if type(value) in (int, float)}
    why = tags("drift", str(verdict.get("reason", "")), numbers)
    return dg.RunRequest(job_name="twin_job", partition_key=twin.name, tags=why | window)


def _documents(instance: dg.DagsterInstance, locks: Locks, stale: dict[str, str]) -> list[dg.RunRequest]:
    if not stale or in_flight(instance, locks, "documents_job"):
        return []
    why = tags("drift", "answers cite what is no longer live", {})
    return [dg.RunRequest(job_name="documents_job", tags=stale | why)]
