"""A picture of a measurement, small enough to stand in an asset's metadata."""

from typing import TYPE_CHECKING, Any

from llm_twin_assets.retrieval.measuring import METRICS, RETRIEVERS
from llm_twin_assets.sources.preview import data_uri

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def chart(report: dict[str, Any]) -> str:
    """A markdown image (PNG in a data URI): each retriever's metrics with their 95 % intervals.

    One panel for each set of queries that was measured; an empty text where none was.
    """
    measured = {name: found for name, found in report["metrics"].items() if found}
    if not measured:
        return ""
    return f"![Retrievers and metrics]({data_uri(_figure(measured, report))})"


def _figure(measured: dict[str, Any], report: dict[str, Any]) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.2 * len(measured)), layout="constrained")
    panels = figure.subplots(len(measured), squeeze=False)
    counts = {"headings": len(report["queries"]), "questions": len(report["questions"])}
    for axes, (name, found) in zip(panels[:, 0], measured.items(), strict=True):
        axes.set_title(f"{name} ({counts[name]})")
        _bars(axes, found)
    panels[0, 0].legend(ncols=len(RETRIEVERS), fontsize="small", loc="upper right")
    return figure


def _bars(axes: "Axes", found: dict[str, Any]) -> None:
    width = 0.8 / len(RETRIEVERS)
    for position, retriever in enumerate(RETRIEVERS):
        one = [found[retriever][metric] for metric in METRICS]
        heights = [metric["mean"] for metric in one]
        below = [metric["mean"] - metric["low"] for metric in one]
        above = [metric["high"] - metric["mean"] for metric in one]
        places = [metric + position * width for metric in range(len(one))]
        axes.bar(places, heights, width, yerr=[below, above], capsize=2, label=retriever)
    axes.set_xticks([metric + 0.4 - width / 2 for metric in range(len(METRICS))], list(METRICS))
    axes.set_ylim(0, 1.15)
