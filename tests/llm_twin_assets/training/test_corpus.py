"""Windows: what is learned is learned once, in pieces that fit."""

import itertools
import random

import torch
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.training.corpus import (
    IGNORED,
    Window,
    answer_windows,
    batches,
    packed,
    packs,
    padded,
    text_windows,
)

LENGTHS = st.integers(8, 40)


def learned(windows):
    return [label for window in windows for label in window.labels if label != IGNORED]


@given(st.integers(1, 60), st.integers(1, 300), LENGTHS)
def test_an_answer_is_learned_once_whole_and_in_order(prompt_size, answer_size, length):
    prompt, answer = list(range(1000, 1000 + prompt_size)), list(range(answer_size))
    windows = answer_windows(prompt, answer, length)
    assert learned(windows) == answer
    for window in windows:
        assert len(window.ids) == len(window.labels) <= length
        assert all(label in (IGNORED, token) for token, label in zip(window.ids, window.labels, strict=True))
        # Its first label has something before it, else the shifted loss would never see it.
        assert window.labels[0] == IGNORED


@given(st.integers(1, 60), st.integers(1, 300), LENGTHS)
def test_a_later_window_begins_with_what_stood_before_it(prompt_size, answer_size, length):
    ids = list(range(prompt_size + answer_size))
    windows = answer_windows(ids[:prompt_size], ids[prompt_size:], length)
    for before, after in itertools.pairwise(windows):
        assert after.ids[: length // 4] == before.ids[-(length // 4) :]


def test_the_prompt_is_context_only_and_keeps_its_end():
    window = answer_windows(list(range(10)), [100, 101], 8)[0]
    assert window.ids == [6, 7, 8, 9, 100, 101]
    assert window.labels == [IGNORED] * 4 + [100, 101]


@given(st.integers(0, 200), st.integers(2, 20), st.integers(0, 19))
def test_text_windows_are_neighbouring_pieces_of_one_length(size, length, offset):
    stream = list(range(size))
    windows = text_windows(stream, length, offset)
    joined = [token for window in windows for token in window.ids]
    assert all(len(window.ids) == length and window.ids == window.labels for window in windows)
    assert joined == stream[offset : offset + len(joined)]
    assert size - offset - len(joined) < length


@given(st.lists(st.integers(1, 30), min_size=1, max_size=80), st.integers(1, 6), st.integers(0, 3))
def test_batches_hold_every_window_once_and_the_same_seed_the_same_order(sizes, size, seed):
    windows = [Window([number] * count, [number] * count) for number, count in enumerate(sizes)]
    drawn = list(batches(windows, size, random.Random(seed)))
    assert sorted(window.ids[0] for batch in drawn for window in batch) == list(range(len(sizes)))
    assert all(1 <= len(batch) <= size for batch in drawn)
    assert drawn == list(batches(windows, size, random.Random(seed)))


def test_batches_put_like_lengths_together():
    sizes = [5] * 32 + [50] * 32
    windows = [Window([0] * size, [0] * size) for size in sizes]
    for batch in batches(windows, 4, random.Random(0)):
        assert len({len(window.ids) for window in batch}) == 1


def test_padding_stands_at_the_end_and_is_not_learned():
    ids, labels = padded([Window([1, 2, 3], [1, 2, 3]), Window([4], [4])])
    assert torch.equal(ids, torch.tensor([[1, 2, 3], [4, 0, 0]]))
    assert torch.equal(labels, torch.tensor([[1, 2, 3], [4, IGNORED, IGNORED]]))


@given(st.lists(st.integers(1, 30), max_size=80), st.integers(30, 90), st.integers(0, 3))
def test_packs_hold_every_window_once_and_fit(sizes, room, seed):
    drawn = packs(sizes, room, random.Random(seed))
    assert sorted(at for pack in drawn for at in pack) == list(range(len(sizes)))
    assert all(sum(sizes[at] for at in pack) <= room for pack in drawn)
    for before, after in itertools.pairwise(drawn):
        assert sum(sizes[at] for at in before) + sizes[after[0]] > room
    assert drawn == packs(sizes, room, random.Random(seed))


def test_a_window_longer_than_the_room_stands_alone():
    assert sorted(map(len, packs([50, 3, 4], 10, random.Random(0)))) in ([1, 2], [1, 1, 1])


def test_packed_windows_are_read_as_if_each_stood_alone(tiny):
    windows = [Window([5, 6, 7, 8], [IGNORED, IGNORED, 7, 8]), Window([9, 5, 9], [IGNORED, 5, 9])]
    ids, labels, positions = packed(windows)
    assert positions.tolist() == [[0, 1, 2, 3, 0, 1, 2]]
    assert labels.tolist() == [[IGNORED, IGNORED, 7, 8, IGNORED, 5, 9]]
    with torch.no_grad():
        together = tiny(input_ids=ids, position_ids=positions, use_cache=False).logits[0]
        alone = [tiny(input_ids=torch.tensor([window.ids])).logits[0] for window in windows]
        mixed = tiny(input_ids=ids, use_cache=False).logits[0]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(mixed[4:], alone[1], atol=1e-3)
