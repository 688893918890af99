"""Intents and the instructions that ask for them, in three registers.

An intent is read off the passage's form (its heading, its lists, its pronouns), never guessed from
its meaning. Which register and template a passage gets follows from the passage's own hash.
"""

import re
from typing import Final

REGISTERS: Final = ("terse", "polite", "chatty")
# Intents that ask for a whole document, not for one passage of it.
WHOLE: Final = ("post", "article")
TEMPLATES: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "explain": {
        "terse": ("Explain {topic}.", "{topic}: explain.", "Write about {topic}."),
        "polite": (
            "Could you explain {topic} to me, please?",
            "I would like to understand {topic}. Would you explain it?",
            "Please tell me about {topic}.",
        ),
        "chatty": (
            "So what's the story with {topic}?",
            "Hey, what can you tell me about {topic}?",
            "I keep hearing about {topic}. What is it all about?",
        ),
    },
    "question": {
        "terse": ("{topic}", "Answer this: {topic}", "Question: {topic}"),
        "polite": (
            "May I ask you something? {topic}",
            "I would be glad of your answer to this: {topic}",
            "Please help me with a question. {topic}",
        ),
        "chatty": ("Quick one: {topic}", "I've been wondering: {topic}", "Right, tell me: {topic}"),
    },
    "how_to": {
        "terse": ("Steps: {topic}.", "How is it done: {topic}?", "Show me how: {topic}."),
        "polite": (
            "Could you walk me through this, please: {topic}?",
            "Would you describe, step by step, {topic}?",
            "Please show me how one goes about {topic}.",
        ),
        "chatty": (
            "I'm stuck on {topic}. How do I go about it?",
            "How would you go about {topic}?",
            "I've never done this before: {topic}. Where do I start?",
        ),
    },
    "compare": {
        "terse": ("Compare: {topic}.", "{topic}: what differs?", "Weigh {topic} against each other."),
        "polite": (
            "Could you compare these for me, please: {topic}?",
            "Would you set out the differences in {topic}?",
            "Please help me choose: {topic}.",
        ),
        "chatty": (
            "{topic}: which would you pick, and why?",
            "I can't decide. What do you make of {topic}?",
            "So how do they stack up, {topic}?",
        ),
    },
    "list": {
        "terse": ("List: {topic}.", "{topic}, in points.", "Name what belongs to {topic}."),
        "polite": (
            "Could you list what matters about {topic}, please?",
            "Would you give me an overview of {topic} in points?",
            "Please sum up {topic} as a list.",
        ),
        "chatty": (
            "Give me the rundown on {topic}.",
            "What's on the list for {topic}?",
            "Run me through {topic}, point by point.",
        ),
    },
    "opinion": {
        "terse": ("Your view on {topic}?", "{topic}: what do you think?", "Your opinion of {topic}."),
        "polite": (
            "May I ask what you think of {topic}?",
            "I would value your opinion on {topic}.",
            "Please tell me how you see {topic}.",
        ),
        "chatty": (
            "What's your take on {topic}?",
            "Be honest, what do you make of {topic}?",
            "How do you feel about {topic}?",
        ),
    },
    "post": {
        "terse": ("Short post: {topic}.", "Write a post on {topic}.", "A few lines on {topic}."),
        "polite": (
            "Could you write a short post about {topic}, please?",
            "I would like a short text on {topic} for my readers.",
            "Please write a few lines about {topic}.",
        ),
        "chatty": (
            "Fancy writing a quick post about {topic}?",
            "Give me something short on {topic}.",
            "I need a post about {topic}. Can you do it?",
        ),
    },
    "article": {
        "terse": ("Article: {topic}.", "Write the article {topic}.", "A full text on {topic}."),
        "polite": (
            "Could you write an article called {topic}, please?",
            "I would like to read a whole article on {topic}.",
            "Please write a longer text about {topic}.",
        ),
        "chatty": (
            "Could you do a whole piece on {topic}?",
            "I'm after a proper article on {topic}. Will you write it?",
            "Take your time and write about {topic} from start to finish.",
        ),
    },
    "continue": {
        "terse": ("Continue: {topic}", "Go on from here: {topic}", "Finish this passage: {topic}"),
        "polite": (
            "Please continue this passage: {topic}",
            "Could you carry on from these words? {topic}",
            "Would you finish what begins like this? {topic}",
        ),
        "chatty": (
            "You'd started like this, so keep going: {topic}",
            "What comes next? {topic}",
            "Here's how it opens, now take it from there: {topic}",
        ),
    },
}

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


def instruction(intent: str, topic: str, seed: str) -> str:
    """The instruction that asks for a topic; `seed` is hexadecimal, the same seed gives the same words."""
    number = int(seed, 16)
    register = REGISTERS[number % len(REGISTERS)]
    choices = TEMPLATES[intent][register]
    return choices[number // len(REGISTERS) % len(choices)].format(topic=topic)
