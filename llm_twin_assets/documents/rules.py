"""By which rules documents are cleaned, and what a cleaned document hangs on."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from llm_twin_assets.contracts import digest, document_id
from llm_twin_assets.documents.redaction import Search
from llm_twin_assets.documents.shingles import SIGNER
from resources.settings import Settings
from resources.twins import Twins

# Names the rules of every module that cleans: a new rule is a new name, and all documents are done again.
CLEANER: Final = "2"
CLEANED_FROM: Final = (
    "document_id",
    "uri",
    "title",
    "author",
    "kind",
    "platform",
    "published_at",
    "language",
    "content_hash",
)
Row = dict[str, Any]


@dataclass(frozen=True)
class Rules:
    """How documents are cleaned.

    `trusted` are ids of documents that may instruct a model. `public` is what each author publishes of
    their own data, `redaction` names the searches for personal data, of which `more` is a further one.
    """

    trusted: frozenset[str] = frozenset()
    public: Mapping[str, Collection[str]] = field(default_factory=dict)
    redaction: str = "patterns"
    more: Search | None = None

    def version(self) -> str:
        """A hash of everything that would clean documents otherwise."""
        public = sorted((author, sorted(handles)) for author, handles in self.public.items())
        return digest(CLEANER, SIGNER, self.redaction, public, sorted(self.trusted))

    def made_of(self, raw: Row) -> str:
        """A hash of all that one document's result hangs on, but for its furniture."""
        public = sorted(self.public.get(raw["author"], ()))
        trusted = raw["document_id"] in self.trusted
        return digest(CLEANER, SIGNER, self.redaction, public, trusted, [raw[name] for name in CLEANED_FROM])


def rules_of(settings: Settings, twins: Twins) -> Rules:
    """The rules that the settings and the twins file ask for."""
    public = {twin.author: tuple(twin.public) for twin in twins.twins}
    trusted = frozenset(document_id(uri) for uri in twins.trusted)
    if settings.redaction == "patterns":
        return Rules(trusted, public)
    from llm_twin_assets.documents.presidio import presidio_findings

    return Rules(trusted, public, settings.redaction, presidio_findings)
