"""What TRL's trainers do differently here, whatever they train: the steps are ours, and so is what is kept.

- Every batch of a training is decided beforehand (`Steps`), so that a training that is gone on from a
  checkpoint sees the same batches as one that was not killed.
- The rate falls as in the pretraining loop.
- What costs time at each step and tells nobody anything is left out (tests/bench_training.py).
"""

import os
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from llm_twin_assets.training import checkpoints
from llm_twin_assets.training.loop import CLIP, REPORTS, Fit, check, falling
from llm_twin_assets.training.precision import autocasts

if TYPE_CHECKING:
    from collections.abc import Iterator

Tell = Callable[[str], None]

# How often a training is looked at from outside: points of its loss curve; checkpoints and validations.
POINTS: Final = 100
STOPS: Final = 8
# Steps between two checkpoints: no fewer, because saving takes about as long as one; no more, so that
# little is lost when a long training is killed.
FEWEST_BETWEEN: Final = 5
MOST_BETWEEN: Final = 500
# Validations in a row without a lower loss, after which nothing better is waited for.
PATIENCE: Final = 3
# With fewer rows than this the validation loss says more about the rows than about the model.
FEWEST_VALIDATION: Final = 8
# Measuring more would cost more than it tells.
MOST_VALIDATION: Final = 64


@dataclass(frozen=True)
class Steps:
    """The batches of a whole training (positions in its dataset), and how many tokens each makes."""

    batches: list[list[int]]
    tokens: list[int]

    def of(self, rank: int, processes: int) -> list[list[int]]:
        """One process's batches, as many as each other's: the first come again where they do not go up."""
        short = -len(self.batches) % processes
        return (self.batches + self.batches[:short])[rank::processes]


def between(steps: int) -> int:
    """How many steps lie between two checkpoints of a training of so many steps."""
    return min(MOST_BETWEEN, max(FEWEST_BETWEEN, steps // STOPS))


class Ours:
    """To be put before a TRL trainer: `steps`, `collate` and `tell` are set before it is trained."""

    steps: Steps
    collate: Callable[[list[dict[str, Any]]], dict[str, Any]]
    tell: Tell
    started: float
    # The library's own.
    args: Any
    state: Any
    accelerator: Any
    optimizer: Any
    lr_scheduler: Any
    train_dataset: Any
    eval_dataset: Any
    is_fsdp_enabled: bool
    compute_loss: Callable[..., Any]
    compute_loss_context_manager: Callable[[], Any]
    _prepare_inputs: Callable[[dict[str, Any]], dict[str, Any]]
    _initial_global_step: int

    def get_train_dataloader(self) -> Any:
        """This process's batches, in their order."""
        own = self.steps.of(self.args.process_index, self.args.world_size)
        return self._loader(self.train_dataset, own)

    def get_eval_dataloader(self, eval_dataset: Any = None) -> Any:
        """The validation rows in their order; every process sees all of them."""
        size, count = self.args.per_device_eval_batch_size, len(self.eval_dataset)
        batches = [list(range(at, min(at + size, count))) for at in range(0, count, size)]
        return self._loader(self.eval_dataset, batches)

    def _loader(self, dataset: Any, batches: list[list[int]]) -> Any:
        from torch.utils.data import DataLoader

        return DataLoader(
            dataset,
            batch_sampler=batches,
            collate_fn=self.collate,
            pin_memory=self.args.dataloader_pin_memory,
        )

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """The rate of the pretraining loop."""
        from torch.optim.lr_scheduler import LambdaLR

        if self.lr_scheduler is None:
            self.lr_scheduler = LambdaLR(optimizer or self.optimizer, falling(num_training_steps))
        return self.lr_scheduler

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Any:
        """Forward and backward; the library's also goes through every module, to say what it is told once."""
        if not model.training:
            model.train()
        inputs = self._prepare_inputs(inputs)
        with self.compute_loss_context_manager():
            loss = self.compute_loss(model, inputs, num_items_in_batch=num_items_in_batch)
        self.accelerator.backward(loss)
        return loss.detach()

    def _clip_grad_norm(self, model: Any) -> Any:
        """Of the adapter alone; the library's goes through the frozen weights too."""
        from torch.nn.utils import clip_grad_norm_

        if self.is_fsdp_enabled:
            return super()._clip_grad_norm(model)  # type: ignore[misc]
        trained = (weight for group in self.optimizer.param_groups for weight in group["params"])
        return clip_grad_norm_(trained, self.args.max_grad_norm)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Keep the figures, tell the progress; raises FloatingPointError when the loss is no number."""
        if "loss" in logs:
            check(logs["loss"])
            self._tell_progress(logs["loss"])
        super().log(logs, start_time)  # type: ignore[misc]

    def _tell_progress(self, loss: float) -> None:
        step, steps = self.state.global_step, self.state.max_steps
        points = max(1, steps // POINTS)
        if step % max(points, steps // REPORTS // points * points) and step != steps:
            return
        speed = self.timed() / (time.perf_counter() - self.started)
        self.tell(f"step {step} of {steps} ({step / steps:.0%}): loss {loss:.3f}, {speed:,.0f} tokens/s")

    def read(self, step: int) -> int:
        """How many tokens all processes have read after so many steps."""
        return sum(self.steps.tokens[: step * self.args.world_size])

    def timed(self) -> int:
        """How many of them since this process began."""
        return self.read(self.state.global_step) - self.read(self._initial_global_step)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)  # type: ignore[misc]
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            name = f"{checkpoints.PREFIX}{self.state.global_step}"
            checkpoints.seal(Path(self.args.output_dir) / name, self._about())

    def resumed(self) -> Path | None:
        """The checkpoint that this training goes on from, if there is one."""
        with self.accelerator.main_process_first():
            return checkpoints.newest(Path(self.args.output_dir), self._about())

    def _about(self) -> dict[str, Any]:
        return {"steps": len(self.steps.batches), "processes": self.args.world_size}

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """No card: an adapter is described by its metadata."""

    def _send_telemetry(self) -> None:
        pass

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """Not counted: it goes through every weight at each step."""
        return 0


def arguments(
    kind: Any, folder: Path, how: dict[str, Any], base: Any, steps: int, validated: bool, **more: Any
) -> Any:
    """The configuration of class `kind`: what every training of ours has in common, changed by `more`."""
    import torch

    gpu = torch.cuda.is_available()
    common: dict[str, Any] = {
        "output_dir": str(folder),
        "num_train_epochs": 1,
        "per_device_train_batch_size": how["batch"],
        "per_device_eval_batch_size": how["batch"],
        "learning_rate": how["rate"],
        "weight_decay": 0.0,
        "max_grad_norm": CLIP,
        "optim": "adamw_torch_fused",
        "seed": how["seed"],
        "bf16": autocasts(base),
        "gradient_checkpointing": False,
        "use_cpu": not gpu,
        # Set by `accelerate launch`; a single process has no group.
        "ddp_backend": "gloo" if "WORLD_SIZE" in os.environ and not gpu else None,
        # An adapter has no weight that a step leaves out.
        "ddp_find_unused_parameters": False,
        "dataloader_pin_memory": gpu,
        "logging_steps": max(1, steps // POINTS),
        "logging_nan_inf_filter": False,
        "save_steps": between(steps),
        # The best, the newest, and the one before, while the newest is not sealed yet.
        "save_total_limit": 3,
        "eval_on_start": validated,
        "eval_strategy": "steps" if validated else "no",
        "eval_steps": between(steps),
        "load_best_model_at_end": validated,
        "metric_for_best_model": "eval_loss" if validated else None,
        "greater_is_better": False,
        "prediction_loss_only": True,
        "remove_unused_columns": False,
        "disable_tqdm": True,
        "report_to": "none",
    }
    return kind(**(common | more))


@contextmanager
def place_for(folder: Path | None) -> "Iterator[Path]":
    """The folder for checkpoints, or one that is gone afterwards."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    with tempfile.TemporaryDirectory() as temporary:
        yield Path(temporary)


def run(trainer: Any, tell: Tell) -> Fit:
    """Train from the newest sound checkpoint, or from the start; the trainer's model is then the best one."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)
    trainer.tell = tell if trainer.is_world_process_zero() else _nothing
    checkpoint = trainer.resumed()
    if checkpoint is not None:
        trainer.tell(f"going on from {checkpoint.name}")
    trainer.started = time.perf_counter()
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    return _fit(trainer, time.perf_counter() - trainer.started)


def _fit(trainer: Any, seconds: float) -> Fit:
    state, history = trainer.state, trainer.state.log_history
    # Once more at the step where a training was gone on from.
    validation = {int(one["step"]): float(one["eval_loss"]) for one in history if "eval_loss" in one}
    last = state.global_step
    more = {
        "planned_steps": state.max_steps,
        "resumed_at_step": trainer._initial_global_step,
        "stopped_early_at_step": last if last < state.max_steps else None,
        "best_step": state.best_global_step,
        "precision": "bf16" if trainer.args.bf16 else "fp32",
        "processes": trainer.args.world_size,
    }
    losses = [float(one["loss"]) for one in history if "loss" in one]
    more |= _rewards(history)
    # Under FSDP each process holds a part of the weights only.
    weights = trainer.accelerator.get_state_dict(trainer.model) if trainer.is_fsdp_enabled else None
    return Fit(
        losses, trainer.read(last), seconds, last, trainer.timed(), sorted(validation.items()), more, weights
    )


def _rewards(history: list[dict[str, float]]) -> dict[str, float]:
    """What a preference training says of the pairs: how often the better answer won, and by how much."""
    names = ("rewards/accuracies", "rewards/margins", "eval_rewards/accuracies", "eval_rewards/margins")
    last = {name: one[name] for one in history for name in names if name in one}
    return {name.replace("/", "_").replace("eval_", "validation_"): value for name, value in last.items()}


def _nothing(line: str) -> None:
    pass
