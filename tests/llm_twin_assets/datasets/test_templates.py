"""Wordings: enough of them in every register, every one uses its topic, and the seed alone orders them."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.contracts import digest
from llm_twin_assets.datasets.templates import WHOLE, instructions, intent_of, register_of
from llm_twin_assets.datasets.wordings import REGISTERS, WORDINGS
from llm_twin_assets.documents.shingles import normalised


def every(intent):
    return [wording for register in REGISTERS for wording in WORDINGS[intent][register]]


@pytest.mark.parametrize("intent", WORDINGS)
def test_every_intent_has_eight_wordings_in_each_of_three_registers(intent):
    assert tuple(WORDINGS[intent]) == REGISTERS == ("terse", "polite", "chatty")
    assert all(len(wordings) >= 8 for wordings in WORDINGS[intent].values())
    for wording in every(intent):
        assert [field for _, field, _, _ in string.Formatter().parse(wording) if field] == ["topic"]


def test_no_two_wordings_differ_only_in_case_or_punctuation():
    plain = [normalised(wording) for intent in WORDINGS for wording in every(intent)]
    assert len(set(plain)) == len(plain)


@pytest.mark.parametrize("intent", WORDINGS)
def test_a_seed_orders_all_wordings_always_the_same_way_and_any_may_come_first(intent):
    seeds = [digest(number) for number in range(400)]
    for seed in seeds[:3]:
        found = list(instructions(intent, "bees", seed))
        assert found == list(instructions(intent, "bees", seed))
        assert sorted(found) == sorted(wording.format(topic="bees") for wording in every(intent))
    assert len({next(instructions(intent, "bees", seed)) for seed in seeds}) == len(every(intent))


def test_braces_in_a_topic_stay_as_they_are():
    assert "{x} {topic}" in next(instructions("explain", "{x} {topic}", "0"))


@given(
    st.sampled_from(sorted(WORDINGS)),
    st.sampled_from(REGISTERS),
    st.integers(0, 7),
    st.text("ab :.?", min_size=1),
)
def test_the_register_of_an_instruction_is_found_again(intent, register, number, topic):
    assert register_of(intent, WORDINGS[intent][register][number].format(topic=f"x{topic}x")) == register


@pytest.mark.parametrize(
    ("heading", "passage", "intent"),
    [
        ("Why do bees hum?", "They shiver.", "question"),
        ("How to smoke a hive", "Light it.", "how_to"),
        ("Install the package", "Type this.", "how_to"),
        ("A morning's work", "1. Wake.\n2. Dress.\n3. Leave.", "how_to"),
        ("Smoke vs. water", "Both calm them.", "compare"),
        ("Tools on my bench", "- a saw\n- a plane\n- a chisel", "list"),
        ("The old hive", "I think my hive is the best.", "opinion"),
        ("The old hive", "A hive has six frames.", "explain"),
        ("", "A hive has six frames.", "explain"),
        ("Settlement patterns", "It grew.", "explain"),
        ("The Orchard", "It grew.", "explain"),
    ],
)
def test_the_intent_is_read_off_the_form(heading, passage, intent):
    assert intent_of(heading, passage) == intent


def test_whole_document_intents_have_templates():
    assert set(WHOLE) < set(WORDINGS)
