"""A replay as a picture and as one HTML page, which asks nothing of anybody."""

import base64
import io
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Final

from llm_twin_assets.replay.timeline import Entry

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The rows of the lower panel, from the top.
LANES: Final = ("document", "feedback", "run", "release", "alert")
# A p-value of 0 cannot come, but the axis needs an end.
SMALLEST: Final = 1e-4
_POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}td{border-bottom:1px solid #ddd;padding:.2rem .5rem;"
    "vertical-align:top}td:first-child{text-align:right;color:#666}td:nth-child(2){white-space:nowrap}"
    "img{max-width:100%}"
    "tr.scene td:first-child{font-weight:bold;text-align:left;color:inherit;padding-top:1.5rem}"
    "tr.sensors,tr.asked{color:#666}"
    "tr.alert td:nth-child(2),tr.drifts td:nth-child(2){color:#b00020}"
    "tr.release td:nth-child(2){color:#0a6b2d}"
)


def page(twin: str, timeline: Sequence[Entry]) -> str:
    """The page's HTML; every text is escaped."""
    title = f"A replay of twin {escape(twin)}"
    return "".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1>",
            "<p>Played through a copy of the home: questions over HTTP, real sensors, real runs.</p>",
            f'<img src="{_svg(picture(timeline))}" alt="The drift p-value and the events over the hours">',
            f"<table>{''.join(_rows(timeline))}</table></body></html>\n",
        ]
    )


def picture(timeline: Sequence[Entry]) -> "Figure":
    """Above, the p-value of the questions' drift at each hour; below, what happened when."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 5.2), dpi=100, layout="constrained")
    above, below = figure.subplots(2, sharex=True, height_ratios=[3, 2])
    _p_values(above, [one for one in timeline if one.kind == "drift"])
    _events(below, timeline)
    return figure


def _rows(timeline: Sequence[Entry]) -> Iterator[str]:
    for one in timeline:
        if one.kind == "scene":
            yield f'<tr class="scene"><td colspan="3">{escape(one.text)}</td></tr>'
            continue
        name = "drifts" if one.numbers.get("state") == "drift" else one.kind
        cells = (str(one.hour), one.kind.replace("_", " "), one.text)
        yield f'<tr class="{name}">{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}</tr>'


def _p_values(axes: "Axes", verdicts: Sequence[Entry]) -> None:
    looked = [one for one in verdicts if "adjusted" in one.numbers]
    waits = [one.hour for one in verdicts if "adjusted" not in one.numbers]
    values = [max(one.numbers["adjusted"], SMALLEST) for one in looked]
    axes.plot(
        [one.hour for one in looked], values, ".-", color="tab:blue", label="questions, the last window"
    )
    rings = [(one.hour, value) for one, value in zip(looked, values, strict=True) if one.numbers["is_alarm"]]
    axes.plot(*_columns(rings), "o", markersize=10, fillstyle="none", color="tab:red", label="alarm")
    drifted = [one.hour for one in verdicts if one.numbers.get("state") == "drift"]
    for hour in drifted:
        axes.axvspan(hour - 0.5, hour + 0.5, color="tab:red", alpha=0.12, lw=0)
    if waits:
        axes.axvspan(min(waits) - 0.5, max(waits) + 0.5, color="silver", alpha=0.3, lw=0, label="too few yet")
    for alpha in {one.numbers["alpha"] for one in looked}:
        axes.axhline(alpha, color="black", linestyle=":", linewidth=1)
    axes.set_yscale("log")
    axes.set_ylim(SMALLEST / 2, 1.5)
    axes.set_ylabel("p-value of drift")
    axes.legend(fontsize="small", loc="lower left")


def _events(axes: "Axes", timeline: Sequence[Entry]) -> None:
    for row, lane in enumerate(LANES):
        found = [one for one in timeline if one.kind == lane]
        bad = [one.hour for one in found if one.numbers.get("succeeded") is False]
        good = [one.hour for one in found if one.numbers.get("succeeded") is not False]
        axes.plot(good, [row] * len(good), "o", color="tab:blue", alpha=0.7)
        axes.plot(bad, [row] * len(bad), "X", color="tab:red")
    axes.set_yticks(range(len(LANES)), LANES)
    axes.set_ylim(len(LANES) - 0.5, -0.5)
    axes.grid(axis="x", alpha=0.3)
    axes.set_xlabel("hours of the replay")


def _columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [across for across, _ in points], [up for _, up in points]


def _svg(figure: "Figure") -> str:
    written = io.BytesIO()
    figure.savefig(written, format="svg", metadata={"Date": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(written.getvalue()).decode()}"
