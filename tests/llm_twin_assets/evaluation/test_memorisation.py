"""Runs of training text in an answer: found where they are, and not where they were quoted."""

from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.evaluation.memorisation import GRAM, Memory, longest_run, memorised_share, unquoted

_FIRST = "the old lamp in the harbour was lit by a widow who never once in forty years let it go out"
_SECOND = "we keep our nets in the long shed behind the church and mend them there until the spring"
LEARNED, OTHER = _FIRST.split(), _SECOND.split()
MEMORY = Memory([LEARNED, OTHER])


def plain_runs(tokens, texts):
    """What Memory.runs promises, in the slowest way."""

    def stands(run):
        return any(run == text[at : at + len(run)] for text in texts for at in range(len(text)))

    found = []
    for start in range(len(tokens)):
        lengths = [size for size in range(1, len(tokens) - start + 1) if stands(tokens[start : start + size])]
        longest = max(lengths, default=0)
        found.append(longest if longest >= GRAM else 0)
    return found


TEXTS = st.lists(st.lists(st.integers(0, 2), max_size=30), max_size=3)


@given(st.lists(st.integers(0, 3), max_size=30), TEXTS)
def test_runs_are_those_of_plain_search(tokens, texts):
    assert Memory(texts).runs(tokens) == plain_runs(tokens, texts)


def test_a_run_is_as_long_as_what_stands_in_one_text():
    answer = ["well", *LEARNED[2:14], "and", *OTHER[:9]]
    assert longest_run(answer, MEMORY) == 12
    assert longest_run([*LEARNED[-5:], *OTHER[:5]], MEMORY) == 0


def test_less_than_a_gram_is_no_run():
    assert longest_run(LEARNED[: GRAM - 1], MEMORY) == 0
    assert longest_run(LEARNED[:GRAM], MEMORY) == GRAM
    assert longest_run([], MEMORY) == 0


def test_what_the_model_was_shown_is_not_memorised():
    shown = Memory([LEARNED[:10]])
    assert longest_run(LEARNED, MEMORY) == len(LEARNED)
    assert longest_run(LEARNED, MEMORY, shown) == len(LEARNED) - 10
    assert longest_run(LEARNED[:10], MEMORY, Memory([LEARNED[2:10]])) == 0
    assert memorised_share(LEARNED[:10], MEMORY, shown) == 0


def test_the_share_counts_grams():
    answer = [*LEARNED[:9], *(f"new{at}" for at in range(4))]
    assert memorised_share(answer, MEMORY) == 2 / 6
    assert memorised_share(["short"], MEMORY) == 0


def test_quotations_are_left_out():
    text = 'He wrote “the old lamp” and "it is lit" once.\n> quoted line\nBut don\'t ask.'
    assert unquoted(text).split() == ["He", "wrote", "and", "once.", "But", "don't", "ask."]
    assert unquoted('an open " mark\nstays') == 'an open " mark\nstays'
