"""Intents, and the instructions that ask for a topic.

An intent is read off the passage's form (its heading, its lists, its pronouns), never guessed from
its meaning. Which register and wording a passage gets follows from the passage's own hash.
"""

import re
from collections.abc import Iterator
from typing import Final

from llm_twin_assets.contracts import digest
from llm_twin_assets.datasets.wordings import REGISTERS, WORDINGS

# Intents that ask for a whole document, not for one passage of it.
WHOLE: Final = ("post", "article")

_STEPS = re.compile(r"^\s{0,3}\d{1,3}[.)]\s", re.MULTILINE)
_ITEMS = re.compile(r"^\s{0,3}(?:[-*+•]|\d{1,3}[.)])\s", re.MULTILINE)
_HOW_TO = re.compile(
    r"(?:how to|step \d|add|apply|build|check|choose|configure|create|declare|deploy|download|evaluate|find"
    r"|fine-tune|fix|get|implement|improve|install|keep|load|make|merge|move|open|prepare|put|quantize|read|remove|run|save"
    r"|set|start|stop|test|train|try|turn|update|upload|use|verify|wait|watch|write)\b",
    re.IGNORECASE,
)
_COMPARES = re.compile(r"\b(?:vs\.?|versus|or|compared (?:to|with))\b", re.IGNORECASE)
_SELF = re.compile(r"\b(?:I|me|my|mine|we|us|our)\b")
_JUDGES = re.compile(
    r"\b(?:absurd|agree|bad|beautiful|believe|best|better|delight|disagree|doubt|fear|foolish|good|hate|honest|hope"
    r"|love|ought|perfect|prefer|rather|should|suspect|terrible|think|true|ugly|wise|wish|wonderful|worse|worst|wrong)\b",
    re.IGNORECASE,
)


def intent_of(heading: str, passage: str) -> str:
    """What a passage under a heading ("" where it has none) answers, judged by its form."""
    if heading.endswith("?"):
        return "question"
    if _HOW_TO.match(heading) or len(_STEPS.findall(passage)) >= 3:
        return "how_to"
    if _COMPARES.search(heading):
        return "compare"
    if len(_ITEMS.findall(passage)) >= 3:
        return "list"
    if len(_SELF.findall(passage)) >= 2 and _JUDGES.search(passage):
        return "opinion"
    return "explain"


def instructions(intent: str, topic: str, seed: str) -> Iterator[str]:
    """Every instruction that asks for a topic, in an order that the seed alone decides."""
    wordings = [wording for register in REGISTERS for wording in WORDINGS[intent][register]]
    for wording in sorted(wordings, key=lambda wording: digest(seed, wording)):
        yield wording.format(topic=topic)


def register_of(intent: str, instruction: str) -> str:
    """The register of an instruction that `instructions` gave."""
    fits = [
        (sum(map(len, parts)), register)
        for register in REGISTERS
        for wording in WORDINGS[intent][register]
        if _is_worded(instruction, parts := wording.split("{topic}"))
    ]
    # A topic may itself begin or end as a wording does: the one that says most is meant.
    return max(fits, key=lambda fit: fit[0])[1]


def _is_worded(instruction: str, parts: list[str]) -> bool:
    return instruction.startswith(parts[0]) and instruction.endswith(parts[1])
