"""The training loop that pretraining and tuning share."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

REPORTS = 20
CLIP = 1.0


@dataclass(frozen=True)
class Fit:
    """What a training did: its losses, how many tokens it read, and the speed it read them at.

    `losses` are means over equally many steps each (over one, where `steps` is not given). `seconds` are
    those of this process, in which it read `timed` tokens (all, where that is not given): a training that
    was resumed at a step has read the others before. `validation` holds (step, loss) pairs, `more` what
    only some trainings can say, `weights` the trained ones where no process holds them all.
    """

    losses: list[float]
    tokens: int
    seconds: float
    steps: int = 0
    timed: int = 0
    validation: list[tuple[int, float]] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, Any] | None = None

    @property
    def first_loss(self) -> float:
        """Mean loss (nats per token) over the first quarter of the steps."""
        return _mean(self.losses[: self._quarter])

    @property
    def final_loss(self) -> float:
        """Mean loss (nats per token) over the last quarter of the steps."""
        return _mean(self.losses[-self._quarter :])

    @property
    def _quarter(self) -> int:
        return max(1, len(self.losses) // 4)


def fit(
    model: Any,
    batches: "Iterator[tuple[torch.Tensor, torch.Tensor]]",
    steps: int,
    optimizers: "list[torch.optim.Optimizer]",
    tell: Callable[[str], None],
) -> Fit:
    """Train for `steps` batches of (ids, labels); rates are constant, then fall linearly over the last half.

    Raises FloatingPointError when the loss is no longer a number.
    """
    from torch.optim.lr_scheduler import LambdaLR

    schedules = [LambdaLR(optimizer, falling(steps)) for optimizer in optimizers]
    losses: list[float] = []
    tokens, started = 0, time.perf_counter()
    model.train()
    for step in range(1, steps + 1):
        ids, labels = next(batches)
        losses.append(_step(model, ids, labels, optimizers))
        for schedule in schedules:
            schedule.step()
        tokens += ids.numel()
        if step % max(1, steps // REPORTS) == 0 or step == steps:
            speed = tokens / (time.perf_counter() - started)
            tell(f"step {step} of {steps} ({step / steps:.0%}): loss {losses[-1]:.3f}, {speed:,.0f} tokens/s")
    return Fit(losses, tokens, time.perf_counter() - started)


def falling(steps: int) -> Callable[[int], float]:
    """The share of the rate at each step: all of it for half the steps, then linearly down to nothing."""
    return lambda step: min(1.0, 2 * (1 - step / steps))


def check(loss: float) -> float:
    """The loss; raises FloatingPointError when it is no longer a number."""
    if not math.isfinite(loss):
        raise FloatingPointError("the training loss is no longer a number: lower the learning rate")
    return loss


def _step(
    model: Any, ids: "torch.Tensor", labels: "torch.Tensor", optimizers: "list[torch.optim.Optimizer]"
) -> float:
    import torch
    from torch.nn.functional import cross_entropy

    logits = model(input_ids=ids, use_cache=False).logits[:, :-1]
    loss = cross_entropy(logits.flatten(0, 1).float(), labels[:, 1:].flatten())
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return check(float(loss.detach()))


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
