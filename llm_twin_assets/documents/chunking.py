"""Stretches of cleaned documents, short enough for the embedder, that stand at exact offsets."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

from llm_twin_assets.contracts import CHUNKS, chunk_id, empty, shaped
from llm_twin_assets.sources.markdown import Heading, headings
from llm_twin_assets.sources.preview import preview
from llm_twin_assets.sources.rows import records
from resources.embedder import Embedder
from resources.store import Store, Table

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MAX_TOKENS = 200
SPECIAL_TOKENS = 2
# A word of any length may be a single unknown token; no passage should be longer than this.
MAX_CHARACTERS = 1600
_ABOUT = ("title", "author", "uri", "platform", "kind", "published_at")

Span = tuple[int, int]


class Chunker:
    """Cuts texts where Markdown, then sentences, then words come apart.

    `tokenizer` counts without special tokens and must neither truncate nor pad.
    """

    def __init__(self, tokenizer: "Tokenizer", max_tokens: int = MAX_TOKENS) -> None:
        from semantic_text_splitter import MarkdownSplitter, TextSplitter

        self.max_tokens = max_tokens
        self._tokenizer = tokenizer
        self._markdown = MarkdownSplitter.from_huggingface_tokenizer(tokenizer, max_tokens)
        self._characters = TextSplitter(MAX_CHARACTERS)

    def count(self, text: str) -> int:
        """The tokens of a text, special ones not counted."""
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def counts(self, texts: list[str]) -> list[int]:
        """The tokens of each text."""
        encoded = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return [len(one.ids) for one in encoded]

    def spans(self, text: str) -> list[Span]:
        """The chunks' offsets in order, trimmed, none above the limit; gaps are white space only."""
        found = [piece for span in self._cut(text, 0) for piece in self._shortened(text, span)]
        return list(self._with_bodies(text, found))

    def _cut(self, text: str, offset: int) -> list[Span]:
        pieces = self._markdown.chunk_indices(text)
        return [(offset + start, offset + start + len(words)) for start, words in pieces]

    def _shortened(self, text: str, span: Span) -> Iterator[Span]:
        start, end = span
        if end - start <= MAX_CHARACTERS:
            yield span
            return
        for at, words in self._characters.chunk_indices(text[start:end]):
            # A part of an unknown word may be known, and then it is more tokens than the whole was.
            yield from self._cut(words, start + at)

    def _with_bodies(self, text: str, spans: list[Span]) -> Iterator[Span]:
        """The spans, where every heading stands with the beginning of what follows it, if it can."""
        known = headings(text)
        waiting = [part for span in spans for part in _without_last_headings(text, known, span)][::-1]
        while waiting:
            span = waiting.pop()
            joined = (
                self._joined(text, span, waiting[-1]) if waiting and _is_heading(text, known, span) else []
            )
            if joined:
                waiting[-1:] = joined[::-1]
            else:
                yield span

    def _joined(self, text: str, heading: Span, body: Span) -> list[Span]:
        """A heading with its body's beginning, and the rest of the body; nothing if they do not fit."""
        start, (middle, end) = heading[0], body
        cuts = (cut for cut in self._cuts(text[middle:end], middle - start, self.count(text[start:middle])))
        cut = next((middle + cut for cut in cuts if self._fits(text[start : middle + cut])), None)
        if cut is None:
            return []
        rest = cut + len(text[cut:end]) - len(text[cut:end].lstrip())
        return [(start, cut), (rest, end)] if rest < end else [(start, end)]

    def _cuts(self, body: str, characters: int, tokens: int) -> Iterator[int]:
        """Where a body's first part may end beside a heading of that size: at its end, or at a good place."""
        from semantic_text_splitter import TextSplitter

        yield len(body)
        room = self.max_tokens - tokens
        for size in (size for size in (room, room // 2) if size > 0):
            splitter = TextSplitter.from_huggingface_tokenizer(self._tokenizer, size)
            yield from (start + len(words) for start, words in splitter.chunk_indices(body)[:1])
        yield max(1, MAX_CHARACTERS - characters)  # one endless word

    def _fits(self, text: str) -> bool:
        return len(text) <= MAX_CHARACTERS and self.count(text) <= self.max_tokens


def build_chunks(store: Store, embedder: Embedder, recipe: str) -> Table:
    """The chunks of the store's cleaned documents; earlier ones are kept if the same recipe made them."""
    record = store.record("cleaned_chunks")
    same = record is not None and record.metadata.get("recipe") == recipe
    previous = store.read("cleaned_chunks") if same else empty(CHUNKS)
    limit = min(MAX_TOKENS, embedder.window - SPECIAL_TOKENS)
    table = chunk_documents(store.read("cleaned_documents"), previous, embedder.tokenizer(), limit)
    return Table(table.rows, metadata=table.metadata | {"recipe": recipe})


def chunk_documents(
    documents: pd.DataFrame, previous: pd.DataFrame, tokenizer: "Tokenizer", max_tokens: int = MAX_TOKENS
) -> Table:
    """The chunks of all documents, ordered by document and place.

    `previous` holds chunks that the same tokenizer and limit made: those of a document whose
    cleaned text is unchanged are kept, with what is known about the document brought up to date.
    """
    chunker = Chunker(tokenizer, max_tokens)
    before: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in records(previous):
        before.setdefault((row["document_id"], row["content_hash"]), []).append(row)
    columns: dict[str, list[Any]] = {name: [] for name in CHUNKS.columns}
    reused = 0
    for document in records(documents):
        kept = before.get((document["document_id"], document["content_hash"]))
        reused += kept is not None
        about = {name: document[name] for name in _ABOUT}
        for row in kept or _chunks(chunker, document):
            for name, column in columns.items():
                column.append(about[name] if name in about else row[name])
    table = shaped(pd.DataFrame(columns), CHUNKS)
    counts = {"reused_documents": reused, "computed_documents": len(documents) - reused}
    return Table(table, metadata=counts | _numbers(table))


def _chunks(chunker: Chunker, document: dict[str, Any]) -> list[dict[str, Any]]:
    text, name = document["text"], document["document_id"]
    spans = chunker.spans(text)
    words = [text[start:end] for start, end in spans]
    paths = _paths(text, spans)
    seen: Counter[str] = Counter()
    rows = []
    for ordinal, (span, tokens) in enumerate(zip(spans, chunker.counts(words), strict=True)):
        rows.append(
            {
                "chunk_id": chunk_id(name, words[ordinal], seen[words[ordinal]]),
                "document_id": name,
                "content_hash": document["content_hash"],
                "ordinal": ordinal,
                "start": span[0],
                "end": span[1],
                "heading_path": paths[ordinal],
                "text": words[ordinal],
                "n_tokens": tokens,
            }
        )
        seen[words[ordinal]] += 1
    return rows


def _paths(text: str, spans: list[Span]) -> list[str]:
    """For each span the headings above its first words that are no heading, as "A > B"."""
    known = headings(text)
    starts = [heading.start for heading in known]
    trails = _trails(known)
    # A span of headings only belongs to its last one.
    bodies = [min(_body(text, known, span), span[1] - 1) for span in spans]
    return [trails[bisect_right(starts, body)] for body in bodies]


def _trails(known: list[Heading]) -> list[str]:
    """The path that holds before the first heading, and after each."""
    trails, stack = [""], list[Heading]()
    for heading in known:
        stack = [above for above in stack if above.level < heading.level] + [heading]
        trails.append(" > ".join(above.words for above in stack if above.words))
    return trails


def _body(text: str, known: list[Heading], span: Span) -> int:
    """The offset of a span's first character that is no heading's; the span's end where none is."""
    start, end = span
    for heading in known:
        if heading.start <= start < heading.end:
            start = heading.end + len(text[heading.end : end]) - len(text[heading.end : end].lstrip())
    return min(start, end)


def _is_heading(text: str, known: list[Heading], span: Span) -> bool:
    return _body(text, known, span) == span[1]


def _without_last_headings(text: str, known: list[Heading], span: Span) -> list[Span]:
    """The span, or two where headings stand at its end: what is before them, and they."""
    start, end = span
    inside = [heading for heading in known if start < heading.start < end]
    last = next((heading.start for heading in inside if _is_heading(text, known, (heading.start, end))), None)
    if last is None or _is_heading(text, known, span):
        return [span]
    return [(start, start + len(text[start:last].rstrip())), (last, end)]


def _numbers(table: pd.DataFrame) -> dict[str, Any]:
    tokens = table["n_tokens"]
    largest, mean = (int(tokens.max()), float(tokens.mean())) if len(table) else (0, 0.0)
    shown = preview(table, ["title", "heading_path", "text", "n_tokens"])
    return {"largest_tokens": largest, "mean_tokens": round(mean, 1), "preview": shown}
