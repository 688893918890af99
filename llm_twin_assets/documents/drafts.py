"""A document on its way from raw to cleaned, in two steps: its own faults first, then what repeats.

The steps are apart because a line is page furniture only when other documents of the author hold it
too. What a document's result hangs on is kept with it, so that it is computed again only when that
changed: its raw row and the rules, and which of its lines are furniture.
"""

from dataclasses import dataclass

from llm_twin_assets.contracts import content_hash, digest
from llm_twin_assets.documents.byline import guest
from llm_twin_assets.documents.cleaning import clean
from llm_twin_assets.documents.furniture import found_in, line_hashes, without_furniture
from llm_twin_assets.documents.language import language_of
from llm_twin_assets.documents.quality import failing
from llm_twin_assets.documents.redaction import redact
from llm_twin_assets.documents.rules import CLEANED_FROM, Row, Rules
from llm_twin_assets.documents.shingles import signature
from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.quarantine import look_through
from llm_twin_assets.sources.reading import Refused
from llm_twin_assets.sources.repository_files import is_source


@dataclass(frozen=True)
class Draft:
    """A raw row, and its own text and title without page and faults; None where `old` may still stand."""

    raw: Row
    made_of: str
    lines: bytes
    text: str | None
    title: str
    old: Row | None

    @property
    def is_code(self) -> bool:
        """Whether it is a source file, which is kept to the letter."""
        return is_code(self.raw)


def is_code(row: Row) -> bool:
    """Whether a document is a source file of a repository."""
    return row["kind"] == "repository" and is_source(row["uri"])


def draft(raw: Row, old: Row | None, rules: Rules) -> Draft:
    """The first step, done only where the stored row was made of something else."""
    made_of = rules.made_of(raw)
    if old is not None and old["made_of"] == made_of:
        return Draft(raw, made_of, old["lines"], None, old["title"], old)
    text, title = _own(raw)
    return Draft(raw, made_of, b"" if is_code(raw) else line_hashes(text), text, title, None)


def finish(made: Draft, repeated: frozenset[bytes], rules: Rules) -> Row:
    """The second step: the cleaned row, as it was where neither document nor furniture changed.

    Its `withheld` says why no model may learn from it, None where one may; its `author` is a guest
    where the by-line names one. Raises Refused for what is no document.
    """
    furniture = digest([line.hex() for line in sorted(found_in(made.lines, repeated))])
    if made.old is not None and made.old["furniture"] == furniture:
        return made.old
    text, title = (made.text, made.title) if made.text is not None else _own(made.raw)
    if not made.is_code:
        text = without_furniture(text, repeated)
    public = rules.public.get(made.raw["author"], ())
    text, title = (redact(words, public, rules.more).text for words in (text, title))
    by = None if made.is_code else guest(made.raw["text"], made.raw["title"], made.raw["author"])
    if made.raw["document_id"] not in rules.trusted:
        look_through(text)
    withheld = _withheld(made, text, by)
    return {name: made.raw[name] for name in CLEANED_FROM} | {
        "text": text,
        "title": title,
        "author": by or made.raw["author"],
        "language": made.raw["language"] or (None if made.is_code else language_of(text)),
        "content_hash": content_hash(text),
        "withheld": withheld.value if withheld else None,
        "made_of": made.made_of,
        "furniture": furniture,
        "lines": made.lines,
        "signature": signature(text),
    }


def _own(raw: Row) -> tuple[str, str]:
    if is_code(raw):
        return raw["text"], raw["title"]
    cleaned = clean(raw["text"], raw["title"])
    return cleaned.text, cleaned.title


def _withheld(made: Draft, text: str, by: str | None) -> Reason | None:
    """Why no model may learn from a document; raises Refused where nothing of it is left."""
    if not text.strip():
        raise Refused(Reason.NOTHING_LEFT, f"{made.raw['uri']}: it was page furniture only")
    if made.is_code:
        return Reason.SOURCE_CODE
    if by:
        return Reason.GUEST_BYLINE
    # A repository's prose is judged like any other; its source files do not come this far.
    kind = "article" if made.raw["kind"] == "repository" else made.raw["kind"]
    failure = failing(text, kind)
    return failure[0] if failure else None
