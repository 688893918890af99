"""What the orchestrator's pages show of a stage: tables in Markdown, and pictures inside a text."""

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROWS = 5
WIDTH = 80


def preview(frame: pd.DataFrame, columns: list[str], rows: int = ROWS) -> str:
    """The first rows of some columns as a Markdown table; long values are cut."""
    cells = frame[columns].head(rows).astype(object).to_numpy().tolist()
    return table(columns, ([_cell(value) for value in row] for row in cells))


def table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; a cell stands there as its text, whatever that is."""
    return "\n".join(map(_line, [head, ["---"] * len(head), *rows]))


def mean_and_interval(found: Mapping[str, Any] | None) -> str:
    """A mean with the ends of its interval, where it has any; a dash where there is no mean."""
    if not found:
        return "–"
    if found["low"] is None or found["high"] is None:
        return f"{found['mean']:.3f}"
    return f"{found['mean']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"


def data_uri(figure: "Figure") -> str:
    """A figure as a PNG in a data URI, which a Markdown image or an <img> may name."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    written = io.BytesIO()
    FigureCanvasAgg(figure).print_png(written)
    return f"data:image/png;base64,{base64.b64encode(written.getvalue()).decode()}"


def _line(cells: Sequence[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _cell(value: object) -> str:
    words = "" if pd.isna(value) else " ".join(str(value).split())  # type: ignore[call-overload]
    return words[:WIDTH].replace("\\", "\\\\").replace("|", "\\|")
