"""How a text is shown to a teacher: as data between marks that it cannot close itself."""

from typing import Final

from llm_twin_assets.datasets.units import MAX_WORDS

# Of a long text its opening is shown: as many words as a passage has at most.
_CUT: Final = " […]"


def delimited(name: str, text: str) -> str:
    """A text between <name> and </name>; where it holds such a mark itself, that is escaped."""
    inside = text.replace(f"</{name}", f"&lt;/{name}").replace(f"<{name}", f"&lt;{name}")
    return f"<{name}>\n{inside}\n</{name}>"


def opening(text: str, words: int = MAX_WORDS) -> str:
    """The first words of a text, and a sign that there are more."""
    found = text.split(maxsplit=words)
    return text if len(found) <= words else text[: len(text) - len(found[-1])].rstrip() + _CUT
