"""Training windows: pieces of token sequences no longer than a context, and what is learned in each."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

IGNORED = -100
# Batches of one length are drawn from this many batches' worth of shuffled windows.
POOL = 16


@dataclass(frozen=True)
class Window:
    """Token ids, and for each the label to learn, or IGNORED where it is context only."""

    ids: list[int]
    labels: list[int]


def text_windows(stream: list[int], length: int, offset: int) -> list[Window]:
    """A token stream from `offset` on, cut into windows of exactly `length`; a shorter rest is left out."""
    starts = range(offset, len(stream) - length + 1, length)
    return [Window(stream[at : at + length], stream[at : at + length]) for at in starts]


def answer_windows(prompt: list[int], answer: list[int], length: int) -> list[Window]:
    """Prompt and answer as windows of at most `length` tokens; only the answer is learned, each token once.

    A long answer goes on in further windows that begin with the quarter window before them, as context.
    A prompt keeps at most its last half window.
    """
    prompt = prompt[-(length // 2) :]
    ids = prompt + answer
    windows = []
    learned, start = len(prompt), 0
    while learned < len(ids):
        end = min(start + length, len(ids))
        labels = [IGNORED] * (learned - start) + ids[learned:end]
        windows.append(Window(ids[start:end], labels))
        learned, start = end, end - length // 4
    return windows


def batches(windows: list[Window], size: int, order: random.Random) -> Iterator[list[Window]]:
    """Every window once, in batches of `size` windows of similar length, in random order."""
    lengths = [len(window.ids) for window in windows]
    return ([windows[at] for at in batch] for batch in similar(lengths, size, order))


def similar(lengths: list[int], size: int, order: random.Random) -> list[list[int]]:
    """Positions of windows of these lengths, each once: batches of `size` similar ones, in random order."""
    shuffled = order.sample(range(len(lengths)), len(lengths))
    pools = (shuffled[at : at + POOL * size] for at in range(0, len(shuffled), POOL * size))
    drawn = [
        pool[at : at + size]
        for pool in (sorted(pool, key=lengths.__getitem__) for pool in pools)
        for at in range(0, len(pool), size)
    ]
    return order.sample(drawn, len(drawn))


def packs(lengths: list[int], room: int, order: random.Random) -> list[list[int]]:
    """Positions of windows of these lengths, each once, in random order: as many together as have room.

    A window longer than `room` tokens stands alone.
    """
    drawn: list[list[int]] = []
    left = 0
    for at in order.sample(range(len(lengths)), len(lengths)):
        if lengths[at] > left:
            drawn.append([])
            left = room
        drawn[-1].append(at)
        left -= lengths[at]
    return drawn


def padded(batch: list[Window]) -> "tuple[torch.Tensor, torch.Tensor]":
    """Ids and labels as two int64 tensors (windows, longest window).

    Padding stands at the end with its label ignored; under causal attention nothing before it sees it.
    """
    import torch

    length = max(len(window.ids) for window in batch)
    ids = [window.ids + [0] * (length - len(window.ids)) for window in batch]
    labels = [window.labels + [IGNORED] * (length - len(window.ids)) for window in batch]
    return torch.tensor(ids), torch.tensor(labels)


def packed(batch: list[Window]) -> "tuple[torch.Tensor, torch.Tensor, torch.Tensor]":
    """Ids, labels and positions as three int64 tensors (1, tokens of all windows), without any padding.

    Positions begin again at 0 with each window, by which a transformers model keeps their attention apart;
    each window's first label is ignored, because what stands before it belongs to another.
    """
    import torch

    ids = [token for window in batch for token in window.ids]
    labels = [label for window in batch for label in [IGNORED, *window.labels[1:]]]
    positions = [at for window in batch for at in range(len(window.ids))]
    return torch.tensor([ids]), torch.tensor([labels]), torch.tensor([positions])
