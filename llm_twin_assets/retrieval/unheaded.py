"""Chunks without the headings that are asked for: what is searched must not contain the question."""

import re
from collections.abc import Collection, Iterable
from typing import Final

from llm_twin_assets.sources.markdown import headings, plain
from resources.vector_store import Chunk

PATH: Final = " > "
_SIGNS: Final = re.compile(r"^\s*#{1,6}\s+|\s+#+\s*$")
_UNDERLINE: Final = re.compile(r"\s*(=+|-{2,})\s*")


def normal(words: str) -> str:
    """A heading or title as it is compared: without marks, case folded, one space between words."""
    return plain(words).casefold()


def unheaded(chunk: Chunk, asked: Collection[str]) -> Chunk:
    """A chunk as if the headings and the title that are asked for (normalised) had not been written.

    They leave its heading path, its title and the lines of its text. A chunk that stands below none
    of them is given back itself.
    """
    parts = chunk["heading_path"].split(PATH)
    own = {normal(words) for words in (*parts, chunk["title"])}.intersection(asked)
    if not own:
        return chunk
    return chunk | {
        "heading_path": PATH.join(part for part in parts if normal(part) not in own),
        # A title often is its first heading with a word more.
        "title": "" if any(words in normal(chunk["title"]) for words in own) else chunk["title"],
        "text": _without(chunk["text"], own),
    }


def all_unheaded(chunks: Iterable[Chunk], asked: Collection[str]) -> list[Chunk]:
    """Chunks without what is asked for; those of whose text nothing is left are left out."""
    bare = (unheaded(chunk, asked) for chunk in chunks)
    return [chunk for chunk in bare if chunk["text"].strip()]


def is_only_headings(text: str) -> bool:
    """Whether a text says nothing beside its headings."""
    rest = text
    for heading in reversed(headings(text)):
        rest = rest[: heading.start] + rest[heading.end :]
    return not rest.strip()


def _without(text: str, asked: Collection[str]) -> str:
    kept: list[str] = []
    below_heading = False
    for line in text.split("\n"):
        is_underline = below_heading and _UNDERLINE.fullmatch(line) is not None
        below_heading = normal(_SIGNS.sub("", line)) in asked
        if not (is_underline or below_heading):
            kept.append(line)
    return "\n".join(kept).strip()
