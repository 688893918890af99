"""What a search found, for a person at a terminal and for a program."""

from typing import Any, Final

from llm_twin_assets.retrieval.search import Found
from resources.vector_store import Hit

EXCERPT: Final = 240
# Of a first search, reading the question loads the model: only these tell of the search itself.
STEPS: Final = ("retrieval", "rerank")
SHOWN: Final = (
    "title", "heading_path", "author", "uri", "platform", "kind", "published_at", "start", "end", "text",
)  # fmt: skip
# In the order in which a question meets them.
RETRIEVERS: Final = ("dense", "sparse", "hybrid", "mmr", "rerank")


def told(found: Found, milliseconds: dict[str, float]) -> dict[str, Any]:
    """Everything about a search as one JSON object."""
    return {
        "index_id": found.index_id,
        **found.understood(),
        "milliseconds": milliseconds,
        "hits": [_row(rank, hit) for rank, hit in enumerate(found.hits, 1)],
    }


def as_text(found: Found, milliseconds: dict[str, float]) -> str:
    """A block for each hit, best first, after a line that says how the question was read."""
    blocks = [_head(found, milliseconds)]
    blocks += [_block(rank, hit) for rank, hit in enumerate(found.hits, 1)]
    return "\n\n".join(blocks if found.hits else [*blocks, "nothing was found"])


def _row(rank: int, hit: Hit) -> dict[str, Any]:
    payload = hit.payload
    scores = {"hybrid": hit.score} | hit.scores
    return {
        "rank": rank,
        "chunk_id": hit.chunk_id,
        "document_id": payload["document_id"],
        "scores": {name: round(value, 4) for name, value in scores.items()},
        **{name: payload[name] for name in SHOWN},
    }


def _head(found: Found, milliseconds: dict[str, float]) -> str:
    understood = found.understood()
    spent = ", ".join(f"{name} {milliseconds[name]:.1f} ms" for name in STEPS if name in milliseconds)
    lines = [f"index {found.index_id[:12]}: {spent}"]
    if understood["filters"]:
        lines.append("only " + ", ".join(f"{name} {value}" for name, value in understood["filters"].items()))
    if found.widened:
        lines.append("what the question itself asks to narrow by left nothing, so it was left out")
    if found.wordings[1:]:
        lines.append("also searched for: " + " | ".join(found.wordings[1:]))
    return "\n".join(lines)


def _block(rank: int, hit: Hit) -> str:
    row = _row(rank, hit)
    scores = "  ".join(f"{name} {row['scores'][name]:.3f}" for name in RETRIEVERS if name in row["scores"])
    place = " > ".join(part for part in (row["title"], row["heading_path"]) if part)
    about = ", ".join(str(row[name]) for name in ("author", "platform", "published_at") if row[name])
    excerpt = " ".join(row["text"].split())
    cut = excerpt if len(excerpt) <= EXCERPT else f"{excerpt[:EXCERPT]}…"
    return f"{rank:2}. {place}\n    {scores}\n    {about}  {row['uri']}\n    {cut}"
