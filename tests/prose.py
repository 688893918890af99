"""English prose of any length, other words for every seed: long enough to learn from, like nothing else."""

import random

_NOUNS = (
    "harbour lantern garden bridge letter window kitchen winter river engine ladder teacher island market "
    "violin pocket shadow mountain bicycle forest library sailor blanket mirror village carpenter thunder "
    "orchard needle chimney postman compass kettle meadow tunnel painter basket candle railway glacier "
    "neighbour daughter captain doctor farmer visitor stranger baker gardener printer"
)
_VERBS = (
    "watches mends carries forgets follows paints counts borrows answers hides measures warms crosses opens "
    "remembers repairs finds leaves holds visits turns lifts breaks cleans"
)
_LINKS = "while because before after although until since whenever unless where and but so for yet"
_ADJECTIVES = (
    "old quiet broken yellow careful narrow heavy distant patient little crooked honest hungry silver wooden "
    "early foreign gentle clever tired empty frozen famous lonely"
)
_ADVERBS = (
    "slowly|again|together|at night|in spring|by heart|on foot|without help|for years|in silence|late|"
    "every Sunday|almost never|with care|after all|once more"
)


def prose(seed: int, sentences: int = 8) -> str:
    """A paragraph of so many sentences, about 16 words each."""
    draw = random.Random(seed)
    return " ".join(_sentence(draw) for _ in range(sentences))


def _sentence(draw: random.Random) -> str:
    one, two, three, four = draw.sample(_NOUNS.split(), 4)
    first, second = draw.sample(_ADJECTIVES.split(), 2)
    verbs, link, end = (
        draw.sample(_VERBS.split(), 2),
        draw.choice(_LINKS.split()),
        draw.choice(_ADVERBS.split("|")),
    )
    return f"The {first} {one} of the {two} {verbs[0]} {link} a {second} {three} {verbs[1]} the {four} {end}."
