"""Whose words a dataset holds: the author's rows pass, paraphrased ones and another's fail both tests."""

import random
import re

import pandas as pd
import pytest

from llm_twin_assets.datasets.flattening import flattened
from llm_twin_assets.datasets.instruct import instruct_rows
from llm_twin_assets.datasets.provenance import MOST_GAP, StyleGap, not_verbatim, style_gap
from llm_twin_assets.documents.splits import learnable
from llm_twin_assets.evaluation.delta import delta, profile, scale
from tests.prose import prose

# Delta counts words that two authors use: Cy speaks as Ada does.
ADA, BO, CY = "Ada Moor", "Bo Rask", "Cy Noone"
_THINGS = "harbour lantern garden bridge letter window kitchen winter river engine ladder island"
_KINDS = "old broken yellow narrow heavy distant patient crooked honest hungry silver wooden"
_DEEDS = "mend carry forget follow paint count borrow answer hide measure cross open"
SLOTS = {"thing": _THINGS.split(), "kind": _KINDS.split(), "deed": _DEEDS.split()}
_SAID = (
    "I can't {deed} my {kind} {thing}, and you'd {deed} it too if you'd a {thing}",
    "don't {deed} me the {thing}; I'm {kind}, and we're not to {deed} your {kind} {thing}",
    "you shouldn't {deed} it, I'd say, but we've {kind} {thing} and it's {kind}",
    "if you're {kind} you'll {deed} my {thing}, won't you, and I'll {deed} your {kind} {thing}",
    "I didn't {deed} our {thing} and I'm {kind}, so it's mine and you can't {deed} that {thing}",
)


def chatty(seed, split):
    """A paragraph in the first person, full of contractions; held-out ones have other nouns and verbs."""
    draw = random.Random(seed)
    half = slice(0, 6) if split == "train" else slice(6, 12)
    words = {slot: found[half] for slot, found in SLOTS.items()}
    said = [
        re.sub(r"{(\w+)}", lambda slot: draw.choice(words[slot[1]]), draw.choice(_SAID)) for _ in range(10)
    ]
    return " ".join(f"{one[0].upper()}{one[1:]}." for one in said)


def plain(seed, split):
    return prose(seed, 9)


@pytest.fixture(scope="module")
def shelf():
    splits = ["train"] * 4 + ["validation", "test"]
    return [
        (author, split, "\n\n".join(write(1000 * place + 10 * number + part, split) for part in range(8)))
        for place, (author, write) in enumerate([(ADA, chatty), (BO, plain), (CY, chatty)])
        for number, split in enumerate(splits)
    ]


@pytest.fixture
def library(documents, shelf):
    return documents(*shelf)


@pytest.fixture
def rows(library):
    return instruct_rows(library, "ada", ADA).rows


def of(library, author, *splits):
    own = learnable(library)
    return list(own[(own["author"] == author) & own["split"].isin(splits)]["text"])


@pytest.fixture
def gap(library):
    """The style gap of rows, by Burrows' Delta to the author's training documents."""
    train = {author: of(library, author, "train") for author in (ADA, BO, CY)}
    known = profile(scale(train), train[ADA])
    held = of(library, ADA, "validation", "test")
    return lambda rows: style_gap(rows, held, lambda texts: delta(known, texts).mean)


def test_the_authors_rows_pass_both(rows, library, gap):
    assert not_verbatim(rows, library) == []
    assert gap(rows).is_the_authors


def test_paraphrased_rows_fail_both(rows, library, gap):
    paraphrased = rows.assign(answer=rows["answer"].map(flattened))
    assert not_verbatim(paraphrased, library) == list(rows["row_id"])
    found = gap(paraphrased)
    assert not found.is_the_authors
    assert found.gap > gap(rows).gap


def test_another_authors_rows_fail_both(rows, library, gap):
    other = instruct_rows(library, "ada", BO).rows
    assert not gap(other).is_the_authors
    claimed = other.assign(document_id=rows["document_id"].iloc[0])
    assert not_verbatim(claimed, library) == list(other["row_id"])


def test_a_row_at_the_wrong_place_or_of_no_document_is_found(rows, library):
    moved = rows.copy()
    moved.loc[0, "start"] += 1
    moved.loc[1, "document_id"] = "nowhere"
    assert not_verbatim(moved, library) == list(rows["row_id"][:2])


def test_each_training_passage_is_measured_once(rows):
    heard = []
    twice = pd.concat([rows, rows.assign(passages='["one"]')])
    style_gap(twice, ["held"], lambda texts: float(heard.append(list(texts)) or 0))
    assert heard[1] == ["held"]
    assert len(set(heard[0])) == len(heard[0]) > 5
    whole = rows[rows["intent"].isin(["article", "continue"]) | (rows["split"] != "train")]
    assert not set(heard[0]) & set(whole["answer"])


def test_the_limit_is_part_of_what_may_be():
    assert StyleGap(0.5 + MOST_GAP, 0.5).is_the_authors
    assert not StyleGap(0.61, 0.5).is_the_authors
