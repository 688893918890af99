"""What lies beside each Qdrant Edge shard: which index it is, and by what its chunks are compared."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from resources.files import listed, read_json, write_json
from resources.places import Place
from resources.vector_store import Chunk, Mark, UnknownIndex

MANIFEST: Final = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """What a shard holds; the file that is written last, so a shard with one is whole.

    dimension: of the vectors; None where an earlier version made the shard, without terms.
    """

    index_id: str
    model_id: str
    count: int
    document_ids: list[str]
    marks: dict[str, Mark]
    dimension: int | None = None


def manifest(
    index_id: str, model_id: str, chunks: Sequence[Chunk], marks: dict[str, Mark], dimension: int
) -> Manifest:
    """What is to be said of the shard of these chunks, which have these marks."""
    documents = sorted({chunk["document_id"] for chunk in chunks})
    return Manifest(index_id, model_id, len(chunks), documents, marks, dimension)


def whole(folder: Place) -> bool:
    """Whether a shard is there and finished."""
    return (folder / MANIFEST).is_file()


def write(folder: Place, made: Manifest) -> None:
    """Put the last file into a shard's folder."""
    write_json(folder / MANIFEST, asdict(made))


def read(folder: Place) -> Manifest:
    """The manifest of a shard; UnknownIndex where there is none."""
    stored = read_json(folder / MANIFEST)
    if stored is None:
        raise UnknownIndex(folder.name)
    marks = {chunk: Mark(**one) for chunk, one in stored.pop("marks").items()}
    return Manifest(**stored, marks=marks)


def newest(shards: Place, model_id: str) -> Manifest | None:
    """The manifest of the shard that was made last of those with vectors and terms of a model."""
    files = sorted(listed(shards, f"*/{MANIFEST}"), key=lambda file: -file.stat().st_mtime)
    of_model = (found for found in map(read, (file.parent for file in files)) if found.model_id == model_id)
    return next((found for found in of_model if found.dimension is not None), None)
