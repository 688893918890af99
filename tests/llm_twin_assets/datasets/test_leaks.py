"""Overlap of train and test: what shares thirteen words is found, whatever its case and punctuation."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.datasets.leaks import WORDS, crossings, grams, leak_numbers, leaking
from tests.prose import prose

# Two words only, so that long runs often are in both.
WORD = st.sampled_from(["ant", "bee"])


def rows(*triples):
    return pd.DataFrame(triples, columns=["split", "instruction", "answer"])


@given(st.lists(WORD, min_size=9, max_size=40), st.lists(WORD, min_size=9, max_size=40))
def test_a_leak_is_a_run_of_thirteen_words_in_both(one, other):
    runs = {tuple(one[at : at + WORDS]) for at in range(len(one) - WORDS + 1)}
    shared = any(tuple(other[at : at + WORDS]) in runs for at in range(len(other) - WORDS + 1))
    assert bool(leaking([" ".join(one), ", ".join(other).upper()], ["train", "test"])) == shared


def test_only_training_answers_leak_and_each_says_what(documents):
    text = prose(1, 2)
    assert leaking([text, text], ["validation", "test"]) == {}
    found = leaking([prose(2, 2), text, f"So: {text}"], ["train", "test", "train"])
    assert list(found) == [2]
    assert found[2] in grams(text)


def test_the_shares_are_of_held_out_rows():
    text = prose(1, 2)
    found = leak_numbers(
        rows(("train", "Why bees?", text), ("test", "why  bees", prose(2, 2)), ("validation", "How?", text))
    )
    assert found == {"leaks/answers": 0.5, "leaks/instructions": 0.5}
    assert leak_numbers(rows()) == {"leaks/answers": 0.0, "leaks/instructions": 0.0}


@pytest.mark.parametrize("split", ["train", "test"])
def test_near_copies_and_clusters_in_two_splits_are_found(documents, split):
    long = prose(1, 20)
    found = documents(("Ada Moor", "train", long), ("Ada Moor", split, f"{long} One more word."))
    found = pd.concat([found, documents(*[("Ada Moor", "train", prose(5, 5))] * 3).iloc[2:]])
    names = tuple(found["document_id"][:2])
    assert crossings(found) == ([names] if split == "test" else [])


def test_a_cluster_in_two_splits_is_found_however_unlike_its_documents(documents):
    found = documents(("Ada Moor", "train", prose(1, 20)), ("Ada Moor", "test", prose(2, 20)))
    assert crossings(found) == []
    assert len(crossings(found.assign(cluster_id="one"))) == 1
