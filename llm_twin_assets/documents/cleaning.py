"""From a raw document's text to the author's own: what one document needs, without looking at others."""

from dataclasses import dataclass
from itertools import groupby

import ftfy

from llm_twin_assets.documents.pages import cut_out, tidied
from llm_twin_assets.documents.wrapping import join_wraps
from llm_twin_assets.sources.markdown import lines

# Quotes, full-width letters, ligatures and entities are choices of the author, or let stand by them.
_UNICODE = ftfy.TextFixerConfig(
    uncurl_quotes=False, fix_character_width=False, fix_latin_ligatures=False, unescape_html=False
)


@dataclass(frozen=True)
class Cleaned:
    """A document's own text, and the title that stands on its page where it differs from the one given."""

    text: str
    title: str


def clean(text: str, title: str) -> Cleaned:
    """Unicode and line ends normalised, page furniture cut, hard-wrapped paragraphs joined.

    Nothing else changes: a text without these faults comes back as it is, and so does a cleaned one.
    """
    text = ftfy.fix_text(text, _UNICODE)
    page = cut_out(text)
    if page is None:
        return Cleaned(_spaced(join_wraps(text)), title)
    return Cleaned(_spaced(tidied(join_wraps(page.text, page=True))), page.title or title)


def _spaced(text: str) -> str:
    """One empty line where there were several, and none at the ends; code keeps its own."""
    runs = [(empty, list(run)) for empty, run in groupby(lines(text), lambda line: not line.text.strip())]
    kept: list[str] = []
    for position, (empty, run) in enumerate(runs):
        between = 0 < position < len(runs) - 1
        inside_code = between and runs[position - 1][1][-1].code and runs[position + 1][1][0].code
        kept += [line.text for line in run] if not empty or inside_code else [""]
    return "\n".join(kept).strip("\n")
