"""When documents are enough for another training: decided from materializations alone.

A base model is asked for when the cleaned documents changed since it was last looked at; the
asset itself decides whether it must be trained again. A twin is asked for when its base changed
or its author's training words did, by a threshold, with a pause between and one run at a time.
"""

from typing import Any

import dagster as dg

from jobs.triggers import in_flight, may_train
from resources.locks import Locks
from resources.twins import Twin, Twins


def base_request(instance: dg.DagsterInstance, locks: Locks) -> list[dg.RunRequest]:
    """A request for base_job when the documents are newer than its last look; none while one runs."""
    documents = latest(instance, "cleaned_documents")
    if documents is None or in_flight(instance, locks, "base_job"):
        return []
    base = latest(instance, "base_model")
    if base is not None and _input_version(base, "cleaned_documents") == _version(documents):
        return []
    reason = "the base model is missing" if base is None else "the cleaned documents changed"
    return [dg.RunRequest(job_name="base_job", tags={"llm_twin/reason": reason})]


def twin_requests(instance: dg.DagsterInstance, locks: Locks, twins: Twins) -> list[dg.RunRequest]:
    """A request with its partition key for each twin that should learn anew."""
    documents, base = latest(instance, "cleaned_documents"), latest(instance, "base_model")
    if documents is None or base is None or in_flight(instance, locks, "base_job"):
        return []
    authors = _metadata(documents).get("authors", {})
    asked = []
    for twin in twins.twins:
        reason = _reason(instance, twin, authors.get(twin.author), _version(base))
        if reason and may_train(instance, locks, twin):
            tags = {"llm_twin/reason": reason}
            asked.append(dg.RunRequest(job_name="twin_job", partition_key=twin.name, tags=tags))
    return asked


def _reason(
    instance: dg.DagsterInstance, twin: Twin, author: dict[str, Any] | None, base_version: str
) -> str | None:
    if author is None or not author["train_words"]:
        return None
    dataset = latest(instance, "instruct_dataset", twin.name)
    model = latest(instance, "fine_tuned_model", twin.name)
    if dataset is None or model is None:
        return "the twin was never trained"
    if _input_version(model, "base_model") != base_version:
        return "the base model is new"
    known = _metadata(dataset)
    if known["train_hash"] == author["train_hash"]:
        return None
    changed = abs(author["train_words"] - known["train_words"])
    if changed < twin.thresholds.min_new_words:
        return None
    return f"the training words changed by {changed}"


def latest(
    instance: dg.DagsterInstance, asset: str, partition: str | None = None
) -> dg.EventLogRecord | None:
    """The last materialization of an asset, of one partition where given."""
    wanted = dg.AssetRecordsFilter(
        dg.AssetKey(asset), asset_partitions=[partition] if partition is not None else None
    )
    records = instance.fetch_materializations(wanted, limit=1).records
    return records[0] if records else None


def _metadata(record: dg.EventLogRecord) -> dict[str, Any]:
    event = record.asset_materialization
    return {key: value.value for key, value in event.metadata.items()} if event else {}


def _tag(record: dg.EventLogRecord, name: str) -> str:
    event = record.asset_materialization
    return (event.tags or {}).get(name, "") if event else ""


def _version(record: dg.EventLogRecord) -> str:
    return _tag(record, "dagster/data_version")


def _input_version(record: dg.EventLogRecord, upstream: str) -> str:
    return _tag(record, f"dagster/input_data_version/{upstream}")
