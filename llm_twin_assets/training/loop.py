"""The training loop that pretraining and tuning share."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

REPORTS = 20
CLIP = 1.0


@dataclass(frozen=True)
class Fit:
    """What a training did: the loss of every step, how many tokens it read, and in how many seconds."""

    losses: list[float]
    tokens: int
    seconds: float

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

    schedules = [
        LambdaLR(optimizer, lambda step: min(1.0, 2 * (1 - step / steps))) for optimizer in optimizers
    ]
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
    value = float(loss.detach())
    if value != value:
        raise FloatingPointError("the training loss is no longer a number: lower the learning rate")
    return value


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
