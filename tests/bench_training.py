"""What training through TRL costs against a plain PyTorch loop over the same batches.

python -m tests.bench_training

On the CPU: the bundled model on rows made of this repository's manual, one thread, CPU seconds, because the
machine may be shared. All that `train` does counts, also what it does once (about a third of a second). A
round trains each variant for some steps, one after the other; figures are medians of the ratios within a
round. "ours and ..." is our trainer with one thing put back as TRL has it, so that it says what that thing
costs. Target: ours at least 0.95 of the plain loop.

With a CUDA device also: a Llama of eight billion random weights, LoRA of rank 32, packed rows of 2,048
tokens, bf16. MFU is 4 N tokens per second / the device's peak (989e12 per second for an H100): two
operations a weight and token forward, two backward, because frozen weights need no gradient of their own.
"""

import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import torch

from llm_twin_assets.training import corpus, lora, trainers
from llm_twin_assets.training.bundled import VOCABULARY, new_model, train_tokenizer
from llm_twin_assets.training.chat import answer_ids, prompt_ids
from llm_twin_assets.training.corpus import Window
from llm_twin_assets.training.loop import fit

MANUAL = Path(__file__).parents[1] / "docs" / "manual"
ROUNDS, STEPS = 3, 60
HOW = lora.recipe(True, 1)
PEAK = 989e12
LONG = 2_048


def rows(tokenizer: Any, texts: list[str], length: int) -> list[Window]:
    """Every paragraph of some length as an answer to its document's title."""
    found = []
    for text in texts:
        prompt = prompt_ids(tokenizer, [{"role": "user", "content": text.strip().splitlines()[0]}])
        for paragraph in text.split("\n\n"):
            if len(paragraph.split()) >= 60:
                found += corpus.answer_windows(prompt, answer_ids(tokenizer, paragraph), length)
    return found


def plain(model: Any, windows: list[Window], steps: trainers.Steps) -> float:
    """CPU seconds of the plain loop."""
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=HOW["rate"], weight_decay=0.0, fused=True)
    batches = (corpus.padded([windows[at] for at in batch]) for batch in steps.batches)
    started = time.process_time()
    fit(model, batches, len(steps.batches), [optimizer], lambda line: None)
    return time.process_time() - started


def trained(
    model: Any,
    windows: list[Window],
    steps: trainers.Steps,
    kind: Any,
    collate: Callable[..., Any] | None,
    clock: Callable[[], float] = time.process_time,
    **changes: Any,
) -> float:
    """Seconds of a training with TRL; `collate` None for TRL's own, with the attention mask it makes."""
    from transformers import PrinterCallback
    from trl import SFTConfig

    own = {"dataset_kwargs": {"skip_prepare_dataset": True}, "save_strategy": "no"}
    with tempfile.TemporaryDirectory() as folder:
        base, count = model.get_base_model(), len(steps.batches)
        args = trainers.arguments(SFTConfig, Path(folder), HOW, base, count, False, **(own | changes))
        trainer = kind(model, args, train_dataset=lora._dataset(windows), processing_class=TOKENIZER[0])
        trainer.remove_callback(PrinterCallback)
        trainer.steps, trainer.tell, trainer.started = steps, lambda line: None, time.perf_counter()
        trainer.collate = collate or trainer.data_collator
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
            started = clock()
            trainer.train()
            return clock() - started


TOKENIZER: list[Any] = []


def variants() -> dict[str, Callable[..., float]]:
    """By its name, what trains a model on windows in steps and returns its seconds."""
    from trl import SFTConfig, SFTTrainer

    ours = lora.sft_trainer()

    class TheirLoss(trainers.Ours, SFTTrainer):
        """TRL's loss: all positions in its fused layer, entropy and accuracy counted."""

    class TheirStep(ours):
        """All modules told that they are trained, all weights looked through for gradients, at each step."""

        training_step = SFTTrainer.training_step
        _clip_grad_norm = SFTTrainer._clip_grad_norm

    class TheirCount(ours):
        floating_point_ops = SFTTrainer.floating_point_ops

    class TheirLoader(SFTTrainer):
        """TRL as it comes, but for the batches."""

        get_train_dataloader = trainers.Ours.get_train_dataloader
        _loader = trainers.Ours._loader

    defaults = SFTConfig(output_dir="unused", report_to="none", use_cpu=not torch.cuda.is_available())
    names = ("bf16", "gradient_checkpointing", "logging_steps", "optim", "disable_tqdm")
    as_it_comes = {name: getattr(defaults, name) for name in names} | {"logging_nan_inf_filter": True}

    def one(kind: Any, collate: Any = lora._collate, **changes: Any) -> Callable[..., float]:
        return lambda model, windows, steps: trained(model, windows, steps, kind, collate, **changes)

    return {
        "plain loop": plain,
        "ours": one(ours),
        "TRL as it comes": one(TheirLoader, None, **as_it_comes),
        "ours and TRL's loss": one(TheirLoss, _without_columns),
        "ours and TRL's step": one(TheirStep),
        "ours and activation checkpointing": one(ours, gradient_checkpointing=True),
        "ours and bf16 autocast": one(ours, bf16=True),
        "ours and counted operations": one(TheirCount),
        "ours and a log line at each step": one(ours, logging_steps=1, disable_tqdm=False),
        "ours, packed": one(ours, lora._collate_packed),
    }


def _without_columns(found: list[dict[str, Any]]) -> dict[str, Any]:
    ids, labels = corpus.padded(lora._as_windows(found))
    return {"input_ids": ids, "labels": labels, "attention_mask": torch.ones_like(ids)}


def on_cpu() -> None:
    """The table of variants."""
    torch.set_num_threads(1)
    texts = [file.read_text().split("---", 2)[2] for file in sorted(MANUAL.glob("*.md"))]
    tokenizer = train_tokenizer(texts, VOCABULARY)
    TOKENIZER[:] = [tokenizer]
    windows = rows(tokenizer, texts, 256)
    lengths = [len(window.ids) for window in windows]
    batches = corpus.similar(lengths, HOW["batch"], random.Random(0))[:STEPS]
    real = sum(lengths[at] for batch in batches for at in batch)
    steps = trainers.Steps(batches, [0] * len(batches))
    padded = sum(max(lengths[at] for at in batch) * len(batch) for batch in batches)
    print(f"{STEPS} steps, {padded:,} tokens, {1 - real / padded:.1%} of them padding; {ROUNDS} rounds")
    seconds: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for name, run in variants().items():
            torch.manual_seed(0)
            model = lora.new_adapter(new_model(tokenizer), HOW)
            seconds.setdefault(name, []).append(run(model, windows, steps))
    for name, found in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(seconds["plain loop"], found, strict=True))
        ours = statistics.median(a / b for a, b in zip(found, seconds["ours"], strict=True))
        speed = padded / statistics.median(found)
        print(f"{name:36} {speed:8,.0f} tokens/CPU s, {ratio:.3f} of plain, {ours:.3f} x ours' time")


def on_gpu() -> None:
    """Our trainer and TRL's defaults on an eight-billion Llama, or that there is no GPU."""
    if not torch.cuda.is_available():
        print("eight billion weights on a GPU: not run: no GPU")
        return
    from trl import SFTTrainer

    class Defaults(SFTTrainer):
        get_train_dataloader = trainers.Ours.get_train_dataloader
        _loader = trainers.Ours._loader

    texts = [file.read_text() for file in sorted(MANUAL.glob("*.md"))]
    TOKENIZER[:] = [train_tokenizer(texts, VOCABULARY)]
    windows = rows(TOKENIZER[0], texts, 512)
    packs = corpus.packs([len(window.ids) for window in windows], LONG, random.Random(0))[:20]
    tokens = sum(len(windows[at].ids) for pack in packs for at in pack)
    steps = trainers.Steps(packs, [0] * len(packs))
    for name, kind, collate, changes in (
        ("ours", lora.sft_trainer(), lora._collate_packed, {}),
        ("TRL's defaults", Defaults, None, {"gradient_checkpointing": True, "logging_steps": 10}),
    ):
        model = lora.new_adapter(_eight_billion(), HOW | {"rank": 32})
        torch.cuda.reset_peak_memory_stats()
        trained(model, windows, trainers.Steps(packs[:3], [0] * 3), kind, collate, _synchronized, **changes)
        seconds = trained(model, windows, steps, kind, collate, _synchronized, **changes)
        speed, weights = tokens / seconds, model.get_base_model().num_parameters()
        print(
            f"{name}: {speed:,.0f} tokens/s, {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB, "
            f"MFU {4 * weights * speed / PEAK:.1%} (4 N tokens/s / {PEAK:.3g})"
        )
        del model
        torch.cuda.empty_cache()


def _synchronized() -> float:
    torch.cuda.synchronize()
    return time.perf_counter()


def _eight_billion() -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=128_256,
        hidden_size=4_096,
        intermediate_size=14_336,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=8,
        max_position_embeddings=8_192,
        dtype="bfloat16",
    )
    with torch.device("cuda"):
        torch.set_default_dtype(torch.bfloat16)
        model = LlamaForCausalLM(config)
        torch.set_default_dtype(torch.float32)
    return model


def main() -> None:
    """What this machine can measure."""
    on_cpu()
    on_gpu()


if __name__ == "__main__":
    main()
