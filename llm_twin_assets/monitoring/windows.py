"""A stretch of traffic: what was asked, in which session, and how it was answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from llm_twin_assets.monitoring.sessions import halves


@dataclass(frozen=True)
class Window:
    """Questions in the order they were asked, n of them.

    vectors: [n, d], the questions' embeddings. sessions: the name of each question's session. scores: by
    name, [n] each, NaN where a request was not measured. label: what to call the window, as its first moment.
    Raises ValueError where a length differs.
    """

    vectors: NDArray[np.floating]
    sessions: Sequence[str]
    scores: Mapping[str, NDArray[np.floating]] = field(default_factory=dict)
    label: str = ""

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or len(self.vectors) != len(self.sessions):
            raise ValueError(
                f"vectors: shape {self.vectors.shape}, but there are {len(self.sessions)} sessions"
            )
        for name, values in self.scores.items():
            if values.shape != (len(self.sessions),):
                raise ValueError(f"scores[{name!r}]: shape {values.shape}, not one for each question")

    def __len__(self) -> int:
        return len(self.sessions)

    def rows(self, chosen: NDArray[np.intp]) -> "Window":
        """Some of the questions, under the same label."""
        return Window(
            self.vectors[chosen],
            [self.sessions[row] for row in chosen.tolist()],
            {name: values[chosen] for name, values in self.scores.items()},
            self.label,
        )


def halved(window: Window) -> tuple[Window, Window]:
    """The earlier and the later sessions of a window; a session stays whole."""
    early, late = halves(window.sessions)
    return window.rows(early), window.rows(late)


def cut(stream: Window, size: int, labels: Sequence[str]) -> list[Window]:
    """The whole windows of `size` questions in a stream, one after the other; a rest is not yet one.

    labels: one for each question; a window is called after its first. A session on a boundary is cut in two.
    Windows that were once cut stay as they are when the stream goes on.
    """
    starts = range(0, len(stream) - size + 1, size)
    pieces = (stream.rows(np.arange(start, start + size)) for start in starts)
    return [
        Window(piece.vectors, piece.sessions, piece.scores, labels[start])
        for start, piece in zip(starts, pieces, strict=True)
    ]
