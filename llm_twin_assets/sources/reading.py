"""What connectors share: an entry to be parsed, a refusal, and the way from bytes to text."""

from collections.abc import Callable
from dataclasses import dataclass

from llm_twin_assets.reasons import Reason

MAX_BYTES = 10_000_000


class Refused(Exception):
    """One item cannot become a document, for a named reason; `detail` says what to mend."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Fields:
    """What a connector learns about a document; the rest of a row is computed from it.

    `page` is the HTML that the text was taken from, if it was: what is hidden there is looked through.
    """

    text: str
    title: str
    author: str
    kind: str
    platform: str
    published_at: str | None
    language: str | None
    uri: str
    page: str | None = None


@dataclass(frozen=True)
class Entry:
    """A document as its source holds it, not parsed yet.

    `identity` is the canonical URI, None where there is none; `source_hash` changes when the
    bytes behind the document change, or the author whom its source declares; `parse` raises Refused.
    """

    label: str
    identity: str | None
    source_hash: str
    parse: Callable[[], Fields]


def decoded(data: bytes, charset: str | None = None) -> str:
    """The text of a file's bytes, with \\n line ends and no byte order mark; raises Refused.

    Reads UTF-8, UTF-16 with a byte order mark, else the charset that the file itself declares.
    Nothing is guessed: a wrong guess would put wrong letters into quotations.
    """
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    if b"\0" in data and not wide:
        raise Refused(Reason.BINARY, "it holds zero bytes: convert it to text, or remove it")
    try:
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeError as error:
        text = _declared(data, charset, error)
    return with_newlines(text)


def with_newlines(text: str) -> str:
    """A text with \\n for every line end; no other character changes."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _declared(data: bytes, charset: str | None, error: UnicodeError) -> str:
    refused = Refused(Reason.UNDECODABLE, f"{error}: save it as UTF-8")
    if charset is None:
        raise refused
    try:
        return data.decode(charset)
    except (UnicodeError, LookupError):
        raise refused from None


def author_of(own: str | None, declared: str | None) -> str:
    """The author that an item names, else the one its source declares; raises Refused."""
    author = " ".join((own or declared or "").split())
    if not author:
        mend = "name its author in it, or write author: at its source in the twins file"
        raise Refused(Reason.NO_AUTHOR, f"no author is named: {mend}")
    return author
