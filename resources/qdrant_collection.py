"""A collection on a Qdrant server: how it is stored and indexed there, and what may be asked of it.

The client's own memory has none of these settings, so there a collection is only created.
"""

from typing import TYPE_CHECKING, Any, Final

from resources.vector_store import DENSE, SPARSE, WrongVectors

if TYPE_CHECKING:
    from qdrant_client import QdrantClient, models

# Strict mode refuses to return more than this at once, or to work longer.
MOST: Final = 1000
SECONDS: Final = 60
# How many times the asked-for candidates are taken by their int8 vectors and scored by the real ones.
OVERSAMPLING: Final = 2.0


def ensure(client: "QdrantClient", collection: str, model_id: str, dimension: int, served: bool) -> None:
    """Make the collection, or what a kill left out of it; WrongVectors where another one is there."""
    if not client.collection_exists(collection):
        settings = _server_settings() if served else {}
        client.create_collection(
            collection,
            vectors_config={DENSE: _dense(dimension, served)},
            sparse_vectors_config={SPARSE: _sparse()},
            metadata={"model_id": model_id, "earlier": [], "torn": True},
            **settings,
        )
    info = client.get_collection(collection)
    check(info, collection, model_id, dimension)
    if served:
        _index(client, collection, info)


def check(info: "models.CollectionInfo", collection: str, model_id: str, dimension: int) -> None:
    """Raise WrongVectors unless a collection is of this model and of vectors this long."""
    made_with = (info.config.metadata or {}).get("model_id")
    if made_with != model_id:
        raise WrongVectors(f"collection {collection} is of the model {made_with}, not of {model_id}")
    if length(info) != dimension:
        raise WrongVectors(
            f"the index of {model_id} holds vectors of {length(info)} numbers, but one of {dimension} came: "
            "set LLM_TWIN_EMBEDDING_MODEL back to the model of the index, or give the new model another name"
        )


def length(info: "models.CollectionInfo") -> int | None:
    """How many numbers a vector of the collection has; None where it has no vectors of ours."""
    vectors = info.config.params.vectors
    return vectors[DENSE].size if isinstance(vectors, dict) and DENSE in vectors else None


def _index(client: "QdrantClient", collection: str, info: "models.CollectionInfo") -> None:
    for column, schema in _payload_indexes().items():
        if column not in info.payload_schema:
            client.create_payload_index(collection, column, field_schema=schema, wait=True)
    # Only now: before its indexes are there, strict mode would forbid to ask for a document.
    strict = info.config.strict_mode_config
    if strict is None or not strict.enabled:
        client.update_collection(collection, strict_mode_config=_strict())


def _dense(dimension: int, served: bool) -> "models.VectorParams":
    from qdrant_client import models

    on_disk = True if served else None
    return models.VectorParams(size=dimension, distance=models.Distance.COSINE, on_disk=on_disk)


def _sparse() -> "models.SparseVectorParams":
    from qdrant_client import models

    return models.SparseVectorParams(modifier=models.Modifier.IDF)


def _server_settings() -> dict[str, Any]:
    """int8 vectors in memory, all else on disk; a graph for all chunks and links within each author's."""
    from qdrant_client import models

    int8 = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, quantile=0.99, always_ram=True)
    return {
        "on_disk_payload": True,
        "quantization_config": models.ScalarQuantization(scalar=int8),
        "hnsw_config": models.HnswConfigDiff(m=16, payload_m=16, ef_construct=128),
    }


def _payload_indexes() -> dict[str, Any]:
    from qdrant_client import models

    def keyword(**more: bool) -> models.KeywordIndexParams:
        return models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, **more)

    # No graph for what is never searched in, or hardly: documents are counted, dates are ranges.
    date = models.DatetimeIndexParams(type=models.DatetimeIndexType.DATETIME, enable_hnsw=False)
    return {
        "author": keyword(is_tenant=True),
        "platform": keyword(),
        "kind": keyword(),
        "document_id": keyword(enable_hnsw=False),
        "published_at": date,
    }


def _strict() -> "models.StrictModeConfig":
    from qdrant_client import models

    return models.StrictModeConfig(
        enabled=True,
        max_query_limit=MOST,
        max_timeout=SECONDS,
        unindexed_filtering_retrieve=False,
        unindexed_filtering_update=False,
        search_max_oversampling=OVERSAMPLING,
    )
