"""When documents are enough for another training: decided from materializations alone.

A base model is asked for when the cleaned documents changed since it was last looked at; the
asset itself decides whether it must be trained again. A twin is asked for when its base changed
or its author's training words did, by a threshold, with a pause between and one run at a time.
"""

from typing import Any, Final

import dagster as dg

from jobs.triggers import in_flight, may_train, tags, told, version
from resources.locks import Locks
from resources.twins import Twin, Twins

TRIGGER: Final = "new_training_data"


def base_request(instance: dg.DagsterInstance, locks: Locks) -> list[dg.RunRequest]:
    """A request for base_job when the documents are newer than its last look; none while one runs."""
    documents = latest(instance, "cleaned_documents")
    if documents is None or in_flight(instance, locks, "base_job"):
        return []
    base = latest(instance, "base_model")
    if base is not None and _input_version(base, "cleaned_documents") == version(documents):
        return []
    reason = "the base model is missing" if base is None else "the cleaned documents changed"
    numbers = {"documents_version": version(documents), "train_words": _train_words(documents)}
    return [dg.RunRequest(job_name="base_job", tags=tags(TRIGGER, reason, numbers))]


def twin_requests(instance: dg.DagsterInstance, locks: Locks, twins: Twins) -> list[dg.RunRequest]:
    """A request with its partition key for each twin that should learn anew."""
    documents, base = latest(instance, "cleaned_documents"), latest(instance, "base_model")
    if documents is None or base is None or in_flight(instance, locks, "base_job"):
        return []
    authors = told(documents).get("authors", {})
    asked = []
    for twin in twins.twins:
        why = _reason(instance, twin, authors.get(twin.author), version(base))
        if why and may_train(instance, locks, twin):
            asked.append(dg.RunRequest(job_name="twin_job", partition_key=twin.name, tags=why))
    return asked


def _reason(
    instance: dg.DagsterInstance, twin: Twin, author: dict[str, Any] | None, base_version: str
) -> dict[str, str] | None:
    """The tags of a training that is called for, with why and the numbers; None where none is."""
    if author is None or not author["train_words"]:
        return None
    dataset = latest(instance, "instruct_dataset", twin.name)
    model = latest(instance, "fine_tuned_model", twin.name)
    numbers = {"train_words": author["train_words"], "base_version": base_version}
    if dataset is None or model is None:
        return tags(TRIGGER, "the twin was never trained", numbers)
    if _input_version(model, "base_model") != base_version:
        return tags(TRIGGER, "the base model is new", numbers)
    known = told(dataset)
    if known["train_hash"] == author["train_hash"]:
        return None
    changed, enough = abs(author["train_words"] - known["train_words"]), twin.thresholds.min_new_words
    if changed < enough:
        return None
    reason = f"the training words changed by {changed}, {enough} are enough"
    return tags(TRIGGER, reason, numbers | {"words_changed": changed, "words_known": known["train_words"]})


def latest(
    instance: dg.DagsterInstance, asset: str, partition: str | None = None
) -> dg.EventLogRecord | None:
    """The last materialization of an asset, of one partition where given."""
    wanted = dg.AssetRecordsFilter(
        dg.AssetKey(asset), asset_partitions=[partition] if partition is not None else None
    )
    records = instance.fetch_materializations(wanted, limit=1).records
    return records[0] if records else None


def _train_words(documents: dg.EventLogRecord) -> int:
    """How many words all authors together have to learn from."""
    return sum(author["train_words"] for author in told(documents).get("authors", {}).values())


def _input_version(record: dg.EventLogRecord, upstream: str) -> str:
    event = record.asset_materialization
    return (event.tags or {}).get(f"dagster/input_data_version/{upstream}", "") if event else ""
