"""What a training reports about itself: numbers, and the loss curve as a picture."""

import resource
import sys
import time
from typing import Any

from llm_twin_assets.sources.preview import data_uri
from llm_twin_assets.training.loop import Fit


def figures(fit: Fit) -> dict[str, Any]:
    """Losses in nats per token, tokens and their speed, this process's CPU seconds and peak memory."""
    numbers = {
        "first_loss": round(fit.first_loss, 4),
        "final_loss": round(fit.final_loss, 4),
        "steps": fit.steps or len(fit.losses),
        "tokens": fit.tokens,
        "tokens_per_second": round((fit.timed or fit.tokens) / fit.seconds, 1),
        "cpu_seconds": round(time.process_time(), 1),
        "loss_curve": loss_curve(fit),
    }
    return numbers | _memory() | _validation(fit) | fit.more


def loss_curve(fit: Fit) -> str:
    """A markdown image, with the picture inside it, of the losses in training and on validation rows."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3), dpi=80, layout="tight")
    axes = figure.subplots()
    every = (fit.steps or len(fit.losses)) / len(fit.losses)
    axes.plot(
        [every * (at + 1) for at in range(len(fit.losses))], fit.losses, linewidth=0.8, label="training"
    )
    if fit.validation:
        axes.plot(*zip(*fit.validation, strict=True), "o-", linewidth=0.8, markersize=3, label="validation")
        axes.legend()
    axes.set(xlabel="step", ylabel="loss (nats per token)")
    return f"![loss curve]({data_uri(figure)})"


def _memory() -> dict[str, int]:
    """The largest memory of this process, and of its GPU where it has one (MB)."""
    torch = sys.modules.get("torch")
    # Linux counts kilobytes, macOS bytes.
    unit = 1_000_000 if sys.platform == "darwin" else 1_000
    found = {"peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit}
    if torch is not None and torch.cuda.is_available():
        found["peak_gpu_memory_mb"] = torch.cuda.max_memory_allocated() // 1_000_000
    return found


def _validation(fit: Fit) -> dict[str, float]:
    if not fit.validation:
        return {}
    losses = [loss for _, loss in fit.validation]
    return {
        "first_validation_loss": round(losses[0], 4),
        "best_validation_loss": round(min(losses), 4),
        "final_validation_loss": round(losses[-1], 4),
    }
