"""From chosen sentences to an answer's text: quotations, each followed by its mark, and their sources."""

from dataclasses import dataclass, replace

from llm_twin_assets.serving.sentences import Sentence


@dataclass(frozen=True)
class Passage:
    """A retrieved chunk: `text` stands at `start` of its cleaned document; `score` is a cosine."""

    chunk_id: str
    document_id: str
    uri: str
    title: str
    text: str
    start: int
    score: float


@dataclass(frozen=True)
class Citation:
    """A quotation's place: `quote == cleaned_document[start:end]`."""

    uri: str
    title: str
    document_id: str
    chunk_id: str
    start: int
    end: int
    quote: str


class Quotations:
    """Takes the sentences of an answer one by one and says what to write for each.

    Sentences that follow each other directly become one quotation, with the white space
    that lies between them in the document.
    """

    def __init__(self) -> None:
        self.citations: list[Citation] = []

    def add(self, passage: Passage, sentence: Sentence) -> str:
        """The piece of the answer that this sentence brings, with what must stand before it."""
        if self._continues(passage, sentence):
            last = self.citations[-1]
            piece = _between(passage, last.end, sentence.end)
            self.citations[-1] = replace(last, end=sentence.end, quote=last.quote + piece)
            return piece
        before = f"{self.close()} " if self.citations else ""
        self.citations.append(cited(passage, sentence))
        return before + sentence.text

    def close(self) -> str:
        """The mark after the last quotation."""
        return f" [{len(self.citations)}]"

    def _continues(self, passage: Passage, sentence: Sentence) -> bool:
        if not self.citations or self.citations[-1].chunk_id != passage.chunk_id:
            return False
        return follows(passage, self.citations[-1].end, sentence.start)


def follows(passage: Passage, end: int, start: int) -> bool:
    """Whether only white space lies between two places of a passage's document."""
    return end <= start and not _between(passage, end, start).strip()


def cited(passage: Passage, sentence: Sentence) -> Citation:
    """The citation of a sentence of a passage."""
    return Citation(
        uri=passage.uri,
        title=passage.title,
        document_id=passage.document_id,
        chunk_id=passage.chunk_id,
        start=sentence.start,
        end=sentence.end,
        quote=sentence.text,
    )


def _between(passage: Passage, start: int, end: int) -> str:
    return passage.text[start - passage.start : end - passage.start]
