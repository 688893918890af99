"""Pictures of an evaluation, as PNG in data URIs: small enough for a page or an asset's metadata."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from llm_twin_assets.evaluation.reporting import models
from llm_twin_assets.sources.preview import data_uri

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_METRICS: Final = ("style_score", "delta", "rouge_l", "grounded", "repeated_4grams", "memorised_8grams")
_SHORTEST: Final = 24


def documents_plot(report: Mapping[str, Any]) -> str:
    """Bits per byte of each test document under each model; an empty text where none was measured."""
    scores = {name: report["bits_per_byte"].get(version, {}) for name, version in models(report).items()}
    if not any(scores.values()):
        return ""
    figure = _figure(7, 1.2 + 0.3 * len(report["titles"]))
    axes = figure.subplots()
    for name, found in scores.items():
        there = [(at, found[one]) for at, one in enumerate(report["titles"]) if one in found]
        axes.plot([one["bits"] / one["bytes"] for _, one in there], [at for at, _ in there], "o", label=name)
    axes.set_yticks(range(len(report["titles"])), [title[:_SHORTEST] for title in report["titles"].values()])
    axes.invert_yaxis()
    axes.set_xlabel("bits per byte, lower is better")
    axes.legend(fontsize="small")
    return data_uri(figure)


def arms_plot(report: Mapping[str, Any]) -> str:
    """Each arm's metrics with their 95 % intervals; an empty text where no arm answered."""
    named = {metric: _measured(report, metric) for metric in _METRICS}
    panels = {metric: found for metric, found in named.items() if found}
    if not any(arm["items"] for arm in report["arms"].values()):
        return ""
    figure = _figure(7, 1.8 * len(panels))
    for axes, (metric, found) in zip(
        figure.subplots(len(panels), squeeze=False)[:, 0], panels.items(), strict=True
    ):
        _bars(axes, found)
        axes.set_title(metric, fontsize="medium")
    return data_uri(figure)


def _measured(report: Mapping[str, Any], metric: str) -> dict[str, Any]:
    found = ((name, arm["metrics"].get(metric)) for name, arm in report["arms"].items())
    return {name: one for name, one in found if one}


def _bars(axes: "Axes", found: Mapping[str, Any]) -> None:
    means = [one["mean"] for one in found.values()]
    ends = [[_end(one, end) for one in found.values()] for end in ("low", "high")]
    below, above = ([abs(mean - end) for mean, end in zip(means, side, strict=True)] for side in ends)
    axes.barh(range(len(means)), means, xerr=[below, above], capsize=2)
    axes.set_yticks(range(len(means)), list(found), fontsize="small")
    axes.invert_yaxis()


def _end(found: Mapping[str, Any], end: str) -> float:
    """An interval's end, the mean where it has none."""
    return float(found["mean"] if found[end] is None else found[end])


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=80, layout="constrained")
