"""Forgetting a document: where its words are, and what is left of them afterwards."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from llm_twin_assets.contracts import document_id
from llm_twin_assets.reasons import Reason
from resources.files import drop_copies
from resources.models import ModelStore
from resources.opik_outbox import drop_experiments
from resources.places import Place, is_remote, scratch_of
from resources.releases import Releases
from resources.store import Store
from resources.twins import Twins

if TYPE_CHECKING:
    import pandas as pd


# What a twin learns from, in the order in which it is made.
_LEARNED: Final = ("accepted_feedback", "instruct_dataset", "preference_dataset")


@dataclass(frozen=True)
class Footprint:
    """Where a document is: counts of its rows, and the ids of what was made of it.

    `adapters` and `releases` are by twin; what was trained on a document keeps what it learned until
    it is trained again. `indexes` are all that hold a chunk of it, live or not. `traces` counts the
    answers that were given from it, which stay. `copies` are documents that were left out as copies of
    it and would step into its place.
    """

    uri: str
    document_id: str
    known: bool
    chunks: int
    vectors: int
    dataset_rows: dict[str, int] = field(default_factory=dict)
    indexes: list[str] = field(default_factory=list)
    base_models: list[str] = field(default_factory=list)
    adapters: dict[str, list[str]] = field(default_factory=dict)
    releases: dict[str, list[str]] = field(default_factory=dict)
    traces: int = 0
    copies: list[str] = field(default_factory=list)
    chunk_ids: list[str] = field(default_factory=list)

    @property
    def is_gone(self) -> bool:
        """Whether nothing that is searched, quoted or learned from holds it any more."""
        return not (self.known or self.chunks or self.vectors or self.indexes or self.dataset_rows)

    def told(self) -> dict[str, Any]:
        """As it is printed."""
        return {name: value for name, value in asdict(self).items() if name != "chunk_ids"}


def footprint(
    uri: str, twins: Twins, resources: dict[str, Any], before: Footprint | None = None
) -> Footprint:
    """Everything that holds, or was made of, the document at an address.

    `before` is what was found earlier: its chunks are looked for again although no table names them now.
    """
    identity = document_id(uri)
    store, models, releases = resources["store"], resources["models"], resources["releases"]
    standing = _chunks(store, identity)
    chunks = standing | set(before.chunk_ids if before else ())
    adapters = _by_twin(twins, lambda twin: _adapters(models, identity, twin))
    return Footprint(
        uri=uri,
        document_id=identity,
        known=_is_known(store, identity),
        chunks=len(standing),
        vectors=_vectors(resources["vectors"], chunks),
        dataset_rows=_rows(store, twins, identity),
        indexes=resources["vectors"].holding(identity),
        base_models=_trained_on(models, identity, "base_model", None),
        adapters=adapters,
        releases=_by_twin(twins, lambda twin: _released(releases, twin, adapters.get(twin, []))),
        traces=_traces(resources["traces"], twins, chunks),
        copies=_copies(store, uri),
        chunk_ids=sorted(chunks),
    )


def summary(before: Footprint, after: Footprint, dry_run: bool) -> str:
    """In words: what there was, what is left, and what still knows the document by having learned it."""
    lines = [f"{before.uri} ({'would be' if dry_run else 'is'} forgotten)"]
    for name in ("chunks", "vectors", "dataset_rows", "indexes"):
        had, left = getattr(before, name), getattr(after, name)
        lines.append(f"  {name}: {_short(had)}" + ("" if dry_run else f" -> {_short(left)}"))
    lines.append(f"  answers given from it stay in the traces: {before.traces}")
    for copy in before.copies:
        lines.append(f"  {copy} is a copy of it and takes its place: forget it too")
    for base in before.base_models:
        lines.append(f"  base model {base[:12]} learned from it: the next base_job trains another")
    for twin, adapters in before.adapters.items():
        served = ", ".join(before.releases.get(twin, [])) or "none"
        names = ", ".join(adapter[:12] for adapter in adapters)
        lines.append(f"  adapters of {twin} learned from it: {names} (in releases: {served})")
    return "\n".join(lines)


def _short(value: Any) -> str:
    if isinstance(value, list):
        return str(len(value))
    return (
        ", ".join(f"{twin} {count}" for twin, count in value.items()) or "0"
        if isinstance(value, dict)
        else str(value)
    )


def forget(uri: str, twins: Twins, resources: dict[str, Any], run: Callable[..., list[str]]) -> list[str]:
    """Take a document out of everything that is searched, quoted or learned from; returns the errors.

    `run` executes a job by name. The address is noted first, so that a run that is killed is finished by
    the next one. Models keep what they learned: base_job sees by itself that a text of theirs is gone.
    """
    catalog = resources["catalog"]
    catalog.forgotten.add(uri)
    local = scratch_of(resources["store"].home)
    # What a teacher wrote of its passages, and what a training that was cut short has learned.
    for left in ("teacher_cache.db", "teacher_cache.db-wal", "teacher_cache.db-shm"):
        (local / left).unlink(missing_ok=True)
    shutil.rmtree(local / "checkpoints", ignore_errors=True)
    _forget_jobs(resources["store"].home)
    drop_experiments(resources["store"].home)
    for address in _read_from(resources["store"], uri):
        catalog.fetcher.forget(address)
    errors = run("documents_job")
    for twin in twins.names if not errors else ():
        if resources["store"].record("instruct_dataset", twin):
            errors += run("twin_job", twin=twin, assets=list(_LEARNED))
        if resources["store"].record("feedback_dataset", twin):
            errors += run("monitoring_job", twin=twin, assets=["feedback_dataset"])
    drop_copies(resources["store"].home)
    return errors


def _forget_jobs(home: Place) -> None:
    """Remove what training jobs read and made for a home in S3."""
    if is_remote(home):
        for left in ("inputs", "checkpoints", "output"):
            (home / "training" / left).rmtree()


def _copies(store: Store, uri: str) -> list[str]:
    """The addresses of documents that the rejected table calls copies of this one."""
    left = store.rejected()
    copies = left[left["reason"].isin([Reason.DUPLICATE.value, Reason.NEAR_DUPLICATE.value])]["detail"]
    return sorted(
        detail.partition(": ")[0]
        for detail in copies
        if f" of {uri}, kept" in detail or f" as {uri}, kept" in detail
    )


def _read_from(store: Store, uri: str) -> set[str]:
    """The addresses whose stored copies hold a document: its own, its page's and its feed's."""
    rows = store.read_or_empty("raw_documents")
    return {uri, *rows[rows["document_id"] == document_id(uri)]["item"]}


def _is_known(store: Store, identity: str) -> bool:
    stages = ("raw_documents", "cleaned_documents")
    return any(identity in set(store.read_or_empty(stage)["document_id"]) for stage in stages)


def _chunks(store: Store, identity: str) -> set[str]:
    rows = store.read_or_empty("cleaned_chunks")
    return set(rows[rows["document_id"] == identity]["chunk_id"])


def _vectors(vectors: Any, chunks: set[str]) -> int:
    live = vectors.live()
    return len(vectors.ids(live) & chunks) if live else 0


def _rows(store: Store, twins: Twins, identity: str) -> dict[str, int]:
    counts = {twin: _rows_of(store, twin, identity) for twin in twins.names}
    return {twin: count for twin, count in counts.items() if count}


def _rows_of(store: Store, twin: str, identity: str) -> int:
    """How many rows of a twin's datasets and of its feedback have words of the document."""
    tables = (store.read_or_empty(asset, twin) for asset in (*_LEARNED, "feedback_dataset"))
    return sum(_naming(table, identity) for table in tables)


def _naming(table: "pd.DataFrame", identity: str) -> int:
    sides = table.filter(items=["document_id", "rejected_document_id"])
    return int(sides.isin([identity]).any(axis=1).sum())


def _adapters(models: ModelStore, identity: str, twin: str) -> list[str]:
    assets = ("fine_tuned_model", "aligned_model")
    return sorted({name for asset in assets for name in _trained_on(models, identity, asset, twin)})


def _trained_on(models: ModelStore, identity: str, asset: str, twin: str | None) -> list[str]:
    return [model.version for model in models.versions(asset, twin) if identity in model.learned_from]


def _released(releases: Releases, twin: str, adapters: list[str]) -> list[str]:
    return [name for name in releases.all(twin) if releases.manifest(twin, name).adapter in adapters]


def _traces(traces: Any, twins: Twins, chunks: set[str]) -> int:
    answered = (trace for twin in twins.names for trace in traces.since(twin))
    return sum(chunks & {passage["chunk_id"] for passage in _retrieved(trace)} != set() for trace in answered)


def _retrieved(trace: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(trace["retrieved"])
    return found


def _by_twin(twins: Twins, find: Callable[[str], list[str]]) -> dict[str, list[str]]:
    found = {twin: find(twin) for twin in twins.names}
    return {twin: names for twin, names in found.items() if names}
