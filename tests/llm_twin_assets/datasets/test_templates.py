"""Templates: enough of them, every one uses its topic, and the seed alone chooses."""

import string

import pytest

from llm_twin_assets.contracts import digest
from llm_twin_assets.datasets.templates import REGISTERS, TEMPLATES, WHOLE, instruction, intent_of


@pytest.mark.parametrize("intent", TEMPLATES)
def test_every_intent_has_three_registers_and_at_least_eight_different_templates(intent):
    assert tuple(TEMPLATES[intent]) == REGISTERS
    every = [template for templates in TEMPLATES[intent].values() for template in templates]
    assert len(set(every)) == len(every) >= 8
    for template in every:
        assert [field for _, field, _, _ in string.Formatter().parse(template) if field] == ["topic"]


@pytest.mark.parametrize("intent", TEMPLATES)
def test_seeds_reach_every_template_and_the_same_seed_gives_the_same_words(intent):
    seeds = [digest(number) for number in range(300)]
    said = [instruction(intent, "bees", seed) for seed in seeds]
    assert len(set(said)) == sum(len(templates) for templates in TEMPLATES[intent].values())
    assert said == [instruction(intent, "bees", seed) for seed in seeds]


def test_braces_in_a_topic_stay_as_they_are():
    assert "{x} {topic}" in instruction("explain", "{x} {topic}", "0")


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
    assert set(WHOLE) < set(TEMPLATES)
