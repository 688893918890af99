"""Pictures of drift, as PNG in data URIs: small enough for a page or an asset's metadata."""

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from llm_twin_assets.monitoring.drift_rule import Verdict
from llm_twin_assets.monitoring.drift_signals import sample
from llm_twin_assets.monitoring.projection import fixed_on
from llm_twin_assets.monitoring.windows import Window
from llm_twin_assets.sources.preview import data_uri

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BINS: Final = 24
# A p-value of 0 cannot come, but the axis needs an end.
SMALLEST: Final = 1e-4


def scores_plot(reference: Window, window: Window) -> str:
    """How each score is distributed in the reference and in a window; an empty text where both have none."""
    names = [
        name for name in sorted({*reference.scores, *window.scores}) if _measured(reference, window, name)
    ]
    if not names:
        return ""
    figure = _figure(7, 1.5 * len(names) + 0.4)
    panels = figure.subplots(len(names), squeeze=False)[:, 0]
    for axes, name in zip(panels, names, strict=True):
        _histograms(axes, sample(reference, name).values, sample(window, name).values)
        axes.set_title(name, fontsize="medium")
    panels[0].legend(fontsize="small")
    return data_uri(figure)


def projection_plot(reference: Window, window: Window) -> str:
    """The questions of the reference and of a window on the reference's two principal axes."""
    projection = fixed_on(reference.vectors)
    figure = _figure(6, 4.5)
    axes = figure.subplots()
    for one, name, colour in ((reference, "reference", "silver"), (window, "window", "tab:red")):
        across, up = projection.of(one.vectors).T
        axes.scatter(
            across, up, s=9, c=colour, alpha=0.7, linewidths=0, label=f"{name}, {len(one)} questions"
        )
    first, second = projection.shares
    axes.set_xlabel(f"first axis, {first:.0%} of the reference's variance")
    axes.set_ylabel(f"second axis, {second:.0%}")
    axes.legend(fontsize="small")
    return data_uri(figure)


def p_values_plot(verdict: Verdict) -> str:
    """Each signal's adjusted p-value over the windows; an empty text where nothing was looked at."""
    looks = {name: signal.looks for name, signal in verdict.signals.items() if signal.looks}
    if not looks:
        return ""
    figure = _figure(7, 3.6, bottom=1.0)
    axes = figure.subplots()
    for name, seen in looks.items():
        values = [max(look.adjusted, SMALLEST) for look in seen]
        (line,) = axes.plot([look.window for look in seen], values, ".-", label=name)
        rings = [at for at, look in enumerate(seen) if look.is_alarm]
        axes.plot(
            [seen[at].window for at in rings],
            [values[at] for at in rings],
            "o",
            markersize=9,
            fillstyle="none",
            color=line.get_color(),
        )
    _over_windows(axes, verdict, {look.window: look.label for seen in looks.values() for look in seen})
    return data_uri(figure)


def _over_windows(axes: "Axes", verdict: Verdict, labels: dict[int, str]) -> None:
    axes.axhline(verdict.thresholds.alpha, color="black", linestyle=":", linewidth=1)
    axes.set_yscale("log")
    axes.set_ylim(SMALLEST, 1.3)
    axes.set_ylabel("p-value; a ring is an alarm")
    ticks = sorted(labels)
    axes.set_xticks(
        ticks, [labels[at] or str(at + 1) for at in ticks], rotation=30, ha="right", fontsize="small"
    )
    axes.legend(fontsize="small", ncols=2)


def _histograms(axes: "Axes", first: NDArray[np.floating], second: NDArray[np.floating]) -> None:
    edges = np.histogram_bin_edges(np.concatenate([first, second]), BINS).tolist()
    for values, name, colour in ((first, "reference", "silver"), (second, "window", "tab:red")):
        weights = np.full(len(values), 1 / max(len(values), 1))
        axes.hist(values, edges, weights=weights, histtype="stepfilled", alpha=0.6, color=colour, label=name)
    axes.set_ylabel("share", fontsize="small")


def _measured(reference: Window, window: Window, name: str) -> bool:
    return len(sample(reference, name)) + len(sample(window, name)) > 0


def _figure(width: float, height: float, bottom: float = 0.5) -> "Figure":
    """A figure with margins in inches; to have matplotlib find them takes twice as long as to draw."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=80)
    figure.subplots_adjust(0.75 / width, bottom / height, 1 - 0.15 / width, 1 - 0.3 / height, hspace=0.65)
    return figure
