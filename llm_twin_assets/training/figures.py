"""What a training reports about itself: numbers, and the loss curve as a picture."""

import base64
import io
import resource
import sys
import time
from typing import Any

from llm_twin_assets.training.loop import Fit


def figures(fit: Fit) -> dict[str, Any]:
    """Losses in nats per token, tokens and their speed, this process's CPU seconds and peak memory."""
    # Linux counts kilobytes, macOS bytes.
    unit = 1_000_000 if sys.platform == "darwin" else 1_000
    return {
        "first_loss": round(fit.first_loss, 4),
        "final_loss": round(fit.final_loss, 4),
        "steps": len(fit.losses),
        "tokens": fit.tokens,
        "tokens_per_second": round(fit.tokens / fit.seconds, 1),
        "cpu_seconds": round(time.process_time(), 1),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit,
        "loss_curve": loss_curve(fit.losses),
    }


def loss_curve(losses: list[float]) -> str:
    """A markdown image, with the picture inside it, of the loss at every step."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3), dpi=80, layout="tight")
    axes = figure.subplots()
    axes.plot(range(1, len(losses) + 1), losses, linewidth=0.8)
    axes.set(xlabel="step", ylabel="loss (nats per token)")
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return f"![loss curve](data:image/png;base64,{base64.b64encode(picture.getvalue()).decode()})"
