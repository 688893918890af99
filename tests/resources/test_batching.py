from hypothesis import given
from hypothesis import strategies as st

from resources.batching import filled, padded


@given(st.lists(st.integers(1, 300), max_size=60), st.integers(1, 1000))
def test_filled_groups_hold_every_position_in_order_and_keep_the_budget(lengths, budget):
    groups = list(filled(lengths, budget))
    assert [position for group in groups for position in group] == list(range(len(lengths)))
    sums = [sum(lengths[position] for position in group) for group in groups]
    assert all(total <= budget or len(group) == 1 for group, total in zip(groups, sums, strict=True))
    firsts = [lengths[group[0]] for group in groups[1:]]
    assert all(total + first > budget for total, first in zip(sums, firsts, strict=False))


@given(st.lists(st.integers(0, 300), max_size=60), st.integers(1, 1000))
def test_padded_batches_hold_every_text_once_and_keep_the_budget(lengths, budget):
    made = list(padded(lengths, budget))
    assert sorted(position for batch in made for position in batch) == list(range(len(lengths)))
    for batch in made:
        longest = max(lengths[position] for position in batch)
        assert len(batch) == 1 or longest * len(batch) <= budget
    firsts = [lengths[batch[0]] for batch in made]
    assert firsts == sorted(firsts, reverse=True)
