"""The reference that a twin's traffic is held to: made of stored requests, and kept as numbers.

Of a reference its embeddings and scores are kept, not its words, and its sessions under numbers, so it
outlives the requests that it was made of.
"""

import json
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from llm_twin_assets.monitoring.drift_signals import STALE, novel
from llm_twin_assets.monitoring.sessions import numbered, sessions_of
from llm_twin_assets.monitoring.windows import Window
from llm_twin_assets.retrieval.embedding import space
from resources.embedder import Embedder
from resources.files import fetched, replacing
from resources.places import Place

# Of a stale answer these are low because it is stale, which is told once, and mended otherwise.
QUOTED: Final = ("grounded", "cited")
WATCHED: Final = ("style", "grounded", "cited", STALE, "refused", "repeated", "length")


@dataclass(frozen=True)
class Pinned:
    """A reference, and what it is the reference of.

    release_id and space: of the release that was asked, and of the embeddings. declining: the cosine below
    which a question is novel. first and last: the ids of its first and last request; since and until: when
    these were asked.
    """

    window: Window
    release_id: str
    space: str
    declining: float
    first: str
    last: str
    since: str
    until: str

    @property
    def about(self) -> dict[str, Any]:
        """Everything but the questions."""
        return {name: value for name, value in vars(self).items() if name != "window"}


def window_of(rows: pd.DataFrame, vectors: NDArray[np.float32], declining: float) -> Window:
    """Rows of production_traces with their questions' embeddings [n, d], and the scores that are watched.

    declining: the cosine below which a question is novel.
    """
    threads = [None if pd.isna(one) else str(one) for one in rows["thread_id"]]
    nearest = rows["nearest"].to_numpy(dtype=float)
    scores = {name: rows[name].to_numpy(dtype=float) for name in WATCHED}
    for name in QUOTED:
        scores[name] = np.where(scores[STALE] == 1, np.nan, scores[name])
    scores["novel"] = np.where(np.isnan(nearest), np.nan, novel(nearest.tolist(), declining))
    return Window(vectors, sessions_of(threads, list(map(str, rows["trace_id"]))), scores)


def questions(rows: pd.DataFrame) -> list[str]:
    """Each question as it was understood from its conversation."""
    complete = rows["standalone"].fillna("")
    return [str(text) for text in complete.where(complete != "", rows["question"])]


def pin(path: Place, rows: pd.DataFrame, embedder: Embedder, declining: float) -> Pinned:
    """Keep these requests, all answered by one release, as the reference."""
    window = window_of(rows, embedder.encode(questions(rows)), declining)
    release_id, (first, last) = str(rows["release_id"].iloc[0]), rows["trace_id"].iloc[[0, -1]]
    since, until = rows["created_at"].iloc[[0, -1]]
    pinned = Pinned(window, release_id, space(embedder), declining, first, last, since, until)
    names, scores = np.array(list(window.scores)), np.array(list(window.scores.values()))
    sessions, about = numbered(window.sessions), np.array(json.dumps(pinned.about))
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, about=about, vectors=window.vectors, sessions=sessions, names=names, scores=scores)
    # Sessions are drawn in the order of their names: from now on these are the numbers.
    return replace(pinned, window=replace(window, sessions=_names(sessions)))


def read_pinned(path: Place) -> Pinned | None:
    """What is pinned; None before the first time."""
    kept = fetched(path)
    if kept is None:
        return None
    with np.load(kept, allow_pickle=False) as stored:
        scores = dict(zip(stored["names"].tolist(), stored["scores"], strict=True))
        window = Window(stored["vectors"], _names(stored["sessions"]), scores)
        return Pinned(window, **json.loads(str(stored["about"])))


def _names(numbers: NDArray[np.intp]) -> list[str]:
    return [str(number) for number in numbers.tolist()]
