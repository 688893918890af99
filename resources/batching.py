"""Which texts a model computes together, by their lengths in tokens."""

from collections.abc import Iterator, Sequence


def filled(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Positions in order, grouped so that a group's lengths sum to `budget` at most.

    A text longer than the budget is a group of its own.
    """
    group: list[int] = []
    taken = 0
    for position, length in enumerate(lengths):
        if group and taken + length > budget:
            yield group
            group, taken = [], 0
        group.append(position)
        taken += length
    if group:
        yield group


def padded(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Positions grouped by falling length, so that a padded batch holds at most `budget` tokens.

    A text longer than the budget is a batch of its own.
    """
    order = sorted(range(len(lengths)), key=lambda position: (-lengths[position], position))
    start = 0
    while start < len(order):
        size = max(1, budget // max(1, lengths[order[start]]))
        yield order[start : start + size]
        start += size
