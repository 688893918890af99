"""What stands in the store, counted: for `llm-twin status`."""

from typing import Any

from resources.models import ModelStore
from resources.releases import Releases
from resources.store import Record, Store
from resources.twins import Twins
from resources.vector_store import VectorStore


def status(twins: Twins, resources: dict[str, Any]) -> dict[str, Any]:
    """Counts per stage, and per twin its rows by split, model, metrics, release and endpoint.

    What was never materialized is null, not an error.
    """
    store: Store = resources["store"]
    endpoint = resources["endpoint"].status()
    return {
        "stages": stages(store, resources["vectors"]),
        "base_model": _version(resources["models"].current("base_model")),
        "twins": {name: _twin(name, resources, endpoint) for name in twins.names},
        "endpoint": endpoint,
    }


def stages(store: Store, vectors: VectorStore) -> dict[str, Any]:
    """Documents, chunks, vectors and rejected items by reason."""
    live = vectors.live()
    rejected = store.rejected()["reason"].value_counts()
    return {
        "raw_documents": _rows(store.record("raw_documents")),
        "cleaned_documents": _rows(store.record("cleaned_documents")),
        "cleaned_chunks": _rows(store.record("cleaned_chunks")),
        "vectors": vectors.count(live) if live else None,
        "search_index": live,
        "rejected": {str(reason): int(count) for reason, count in rejected.items()},
    }


def listed(store: Store) -> dict[str, Any]:
    """Every document by its address, with author, split and why it is withheld; every rejected item."""
    columns = ["title", "author", "split", "withheld"]
    documents = store.read_or_empty("cleaned_documents").set_index("uri")[columns]
    documents = documents.astype(object).where(documents.notna(), None)
    return {
        "documents": documents.to_dict("index"),
        "rejected": store.rejected().to_dict("records"),
    }


def _twin(name: str, resources: dict[str, Any], endpoint: dict[str, Any]) -> dict[str, Any]:
    store, models, releases = _parts(resources)
    rows = store.read_or_empty("instruct_dataset", name)["split"].value_counts()
    evaluation = store.record("model_evaluation", name)
    return {
        "dataset_rows": {str(split): int(count) for split, count in rows.items()},
        "model": _version(models.current("aligned_model", name)),
        "metrics": _evaluated(store.report("model_evaluation", name)) if evaluation else None,
        "release_id": releases.desired(name),
        "endpoint": endpoint.get("url"),
    }


def _parts(resources: dict[str, Any]) -> tuple[Store, ModelStore, Releases]:
    return resources["store"], resources["models"], resources["releases"]


def _evaluated(report: dict[str, Any]) -> dict[str, Any]:
    return {key: report[key] for key in ("decision", "reason", "test_documents", "improvement")}


def _rows(record: Record | None) -> int | None:
    return int(record.metadata["dagster/row_count"]) if record else None


def _version(model: Any) -> str | None:
    return model.version if model else None
