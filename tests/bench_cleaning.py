"""How much of an author's prose survives cleaning, and how much page furniture does.

python -m tests.bench_cleaning [twins file]

Nothing here knows the rules of documents/pages.py or documents/furniture.py. Of every raw document:

- Boundaries: on a newsletter page the article begins after the last line "Share" of the first 60 and
  ends before the first line "PreviousNext", "Share this post", "Discussion about this ..." or "Ready for
  more?"; on a story page it stands between "ListenShare" and "Sign up to discover human stories". Else
  it is the whole text.
- Furniture: a line outside of code and headings that stands, by its letters and digits, in at least 3
  documents of the corpus; its share is taken of all characters of the raw or the cleaned texts, white
  space aside. A sentence of 25 letters or more that stands in 3 raw documents is furniture, too, as
  wrapping hides lines, and so is a paragraph that ends in a site's name, as a link shown as a card does.
- Prose: what is left inside the boundaries without furniture, code, headings and lines without a letter.
- Words and signs of the raw article and the cleaned text are aligned (difflib). An apostrophe, quotation
  mark or dash of the prose is kept if it is aligned. A paragraph break is kept if the first word after
  it is, and an empty line stands between that and the last word that is kept before it. No break is one
  behind which a sentence goes on, small or with a comma: newsletter pages break around names.
- Code: a fenced or indented block inside the boundaries is kept if it stands there byte for byte.

The naive row replaces everything but letters, digits and . , ! ? by spaces and joins all lines. The row
held out takes the repeated lines from every second document of an author and cleans the others with
them. Targets: 99 % of every mark and break, all code, at most 1 % furniture.
"""

import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby, pairwise
from pathlib import Path
from typing import Final

from llm_twin_assets.contracts import RAW_DOCUMENTS, empty
from llm_twin_assets.documents.cleaning import clean
from llm_twin_assets.documents.furniture import line_hashes, repeated, without_furniture
from llm_twin_assets.sources.connectors import look, raw_documents
from llm_twin_assets.sources.markdown import headings, lines
from resources.catalog import Catalog
from resources.twins import load_twins

ROOT = Path(__file__).parents[1]
MARKS: Final = {
    "apostrophes": re.compile(r"(?<=\w)['’](?=\w)|(?<=s)['’](?= )"),
    "quotes": re.compile(r"[\"“”„«»‘]|(?<!\w)['’](?=\w)|(?<=[^\ws])['’](?!\w)"),
    "dashes": re.compile(r"[–—]|(?<= )-{1,2}(?= )|(?<=\w)--(?=\w)"),
}
KINDS: Final = (*MARKS, "breaks", "code")
PAGE_START = "Share"
PAGE_END = re.compile(r"(?:#+ )?(?:PreviousNext|Share this post|Discussion about this|Ready for more\?)")
STORY = re.compile(r"ListenShare(.*?)(?:Sign up to discover human stories|\Z)", re.DOTALL)
EMPTY_LINE = re.compile(r"\n[\s>]*\n")
# How a link to another story ends on both sites: its subtitle, cut off or slanted, and its site.
CARD = re.compile(r"[_…][\w-]+(?:\.[\w-]+)+\s*\Z")
TOKEN = re.compile(r"\w+|[^\w\s]")
SENTENCE = re.compile(r".+?(?:[.!?…]+[\"”’)*_]*|\Z)")


@dataclass(frozen=True)
class Common:
    """What stands in at least 3 documents: lines, and sentences by their letters and digits."""

    lines: frozenset[str]
    sentences: frozenset[str]


@dataclass(frozen=True)
class Token:
    """A word or a sign of a raw text, the number of its paragraph, and what kind of mark it is, if one."""

    text: str
    paragraph: int
    is_prose: bool
    mark: str | None


NOTHING = Common(frozenset(), frozenset())


@dataclass(frozen=True)
class Text:
    """A document of an author, as it was read."""

    author: str
    raw: str
    title: str


def main(config: str = "twins.yaml") -> None:
    """Print the table for a twins file, whose path is relative to the repository."""
    texts = read(config)
    raw, cleaned = [text.raw for text in texts], clean_all(texts)
    before, after = common_of(raw), common_of(cleaned)
    common = Common(before.lines | after.lines, before.sentences)
    print(f"cleaning of {config}: {len(texts)} documents; furniture is what was there -> what stays")
    print(f"{'':22} {'raw':>9} {'kept':>9}", *(f"{kind:>15}" for kind in (*KINDS, "furniture")))
    for author in (*sorted({text.author for text in texts}), "all"):
        chosen = [n for n, text in enumerate(texts) if author in ("all", text.author)]
        report(author, [texts[n] for n in chosen], [cleaned[n] for n in chosen], common)
    report("held out half", *clean_held_out(texts), common)
    plain = [naive(text) for text in raw]
    spoilt = common_of(plain).lines
    report("naive", texts, plain, Common(common.lines | spoilt, before.sentences), flat=True)


def read(config: str) -> list[Text]:
    """All documents of a twins file's sources, as their connectors read them."""
    twins = load_twins((ROOT / config).resolve())
    with tempfile.TemporaryDirectory() as home:
        catalog = Catalog(twins, Path(home))
        rows = raw_documents(catalog, look(catalog), empty(RAW_DOCUMENTS)).rows
    return [Text(str(row.author), str(row.text), str(row.title)) for row in rows.itertuples()]


def clean_all(texts: list[Text]) -> list[str]:
    """Every text cleaned structurally, and then of what repeats among its author's."""
    structural = [clean(text.raw, text.title).text for text in texts]
    found = {
        author: repeated(line_hashes(b) for a, b in zip(texts, structural, strict=True) if a.author == author)
        for author in {text.author for text in texts}
    }
    return [without_furniture(b, found[a.author]) for a, b in zip(texts, structural, strict=True)]


def clean_held_out(texts: list[Text]) -> tuple[list[Text], list[str]]:
    """Every second text of an author, cleaned with what repeats among the others only."""
    rest, cleaned = [], []
    for author in sorted({text.author for text in texts}):
        own = [text for text in texts if text.author == author]
        seen = repeated(line_hashes(clean(text.raw, text.title).text) for text in own[::2])
        rest += own[1::2]
        cleaned += [without_furniture(clean(text.raw, text.title).text, seen) for text in own[1::2]]
    return rest, cleaned


def naive(raw: str) -> str:
    return re.sub(r"[^A-Za-z0-9.,!? \n]", " ", raw)


def report(name: str, texts: list[Text], cleaned: list[str], common: Common, flat: bool = False) -> None:
    """Two rows: characters, the share and the number of everything kept, and the furniture that stays."""
    had: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    for text, after in zip(texts, cleaned, strict=True):
        for kind, is_kept in judged(text.raw, " ".join(after.split()) if flat else after, common):
            had[kind] += 1
            kept[kind] += is_kept
    sizes = [sum(len(text.raw) for text in texts), sum(map(len, cleaned))]
    rates = [f"{kept[kind] / had[kind]:.2%}" if had[kind] else "-" for kind in KINDS]
    before = furniture([text.raw for text in texts], common.lines)
    rates.append(f"{before:.2%} -> {furniture(cleaned, common.lines):.2%}")
    print(f"{name:22}", *(f"{size:9,}" for size in sizes), *(f"{rate:>15}" for rate in rates))
    print(" " * 42, *(f"{f'{kept[kind]}/{had[kind]}':>15}" for kind in KINDS))


def judged(raw: str, cleaned: str, common: Common) -> Iterator[tuple[str, bool]]:
    """Every mark, paragraph break and code block of a raw text's prose, with whether it is kept."""
    written = list(tokens(inside(raw), common))
    found = aligned([token.text for token in written], cleaned)
    for number, token in enumerate(written):
        if token.mark and token.is_prose:
            yield token.mark, number in found
    last = None
    for a, b in pairwise([n for n, token in enumerate(written) if token.is_prose and token.text.isalnum()]):
        last = a if a in found else last
        if written[a].paragraph != written[b].paragraph and not goes_on(written[a + 1 : b + 1]):
            between = cleaned[found[last][1] : found[b][0]] if last is not None and b in found else ""
            yield "breaks", b in found and (last is None or EMPTY_LINE.search(between) is not None)
    for block in code(inside(raw)):
        yield "code", f"\n{block}\n" in f"\n{cleaned}\n"


def goes_on(between: list[Token]) -> bool:
    """Whether a sentence goes on in the last token's paragraph, small or with a comma."""
    first = next(token.text for token in between if token.paragraph == between[-1].paragraph)
    return first == "," or first.islower()


def aligned(written: list[str], cleaned: str) -> dict[int, tuple[int, int]]:
    """Where the raw text's words and signs stand in the cleaned text: number -> start and end."""
    there = [match for match in TOKEN.finditer(cleaned) if match[0] != "\\"]
    blocks = SequenceMatcher(None, written, [match[0] for match in there]).get_matching_blocks()
    return {block.a + n: there[block.b + n].span() for block in blocks for n in range(block.size)}


def tokens(text: str, common: Common) -> Iterator[Token]:
    """The words and signs of a text, in order."""
    for paragraph, (words_of_it, is_prose) in passages(text, common):
        marks = {one.start(): kind for kind, mark in MARKS.items() for one in mark.finditer(words_of_it)}
        for sentence in SENTENCE.finditer(words_of_it):
            own = is_prose and letters(sentence[0]) not in common.sentences
            for match in TOKEN.finditer(words_of_it, *sentence.span()):
                if match[0] != "\\":
                    yield Token(match[0], paragraph, own, marks.get(match.start()))


def passages(text: str, common: Common) -> Iterator[tuple[int, tuple[str, bool]]]:
    """Lines that are prose, or are none, as one: the number of their paragraph, the words, which of both."""
    written = words(text)
    blocks = groupby(enumerate(text.split("\n")), lambda row: bool(row[1].strip()))
    for paragraph, (_, block) in enumerate(blocks):
        rows = [(row.strip(), n in written and letters(row) not in common.lines) for n, row in block]
        card = CARD.search(rows[-1][0]) is not None
        for is_prose, run in groupby(rows, lambda row: row[1]):
            yield paragraph, (" ".join(row for row, _ in run), is_prose and not card)


def inside(raw: str) -> str:
    """The article on a raw page, found by the marks of the two sites; the whole text where there are none."""
    story = STORY.search(raw)
    if story:
        return story[1]
    rows = raw.split("\n")
    start = max((n + 1 for n, row in enumerate(rows[:60]) if row.strip() == PAGE_START), default=0)
    ends = (n for n, row in enumerate(rows) if start and n > start and PAGE_END.match(row))
    return "\n".join(rows[start : next(ends, len(rows))])


def squeezed(text: str) -> str:
    return "".join(text.split())


def letters(sentence: str) -> str:
    return "".join(filter(str.isalnum, sentence.casefold()))


def words(text: str) -> set[int]:
    """The numbers of the lines that hold words outside of code and headings."""
    titles = {at for title in headings(text) for at in range(title.start, title.end + 1)}
    prose = [not row.code and row.start not in titles for row in lines(text)]
    return {n for n, row in enumerate(text.split("\n")) if prose[n] and re.search(r"[^\W\d_]", row)}


def code(text: str) -> Iterator[str]:
    """The code blocks of a text, each with the empty lines inside it."""
    for is_code, run in groupby(lines(text), lambda line: line.code or not line.text.strip()):
        block = list(run) if is_code else []
        coded = [n for n, line in enumerate(block) if line.code and line.text.strip()]
        if coded:
            yield "\n".join(line.text for line in block[coded[0] : coded[-1] + 1])


def common_of(texts: list[str]) -> Common:
    """The lines of words, and the sentences of 25 letters and more, of at least 3 of the texts."""
    rows, sentences = Counter[str](), Counter[str]()
    for text in texts:
        found = text.split("\n")
        rows.update({letters(found[n]) for n in words(text)})
        prose = [part for _, (part, is_prose) in passages(text, NOTHING) if is_prose]
        own = {letters(one[0]) for part in prose for one in SENTENCE.finditer(part)}
        sentences.update(one for one in own if len(one) >= 25)
    return Common(frozenset(most(rows)), frozenset(most(sentences)))


def most(counts: Counter[str]) -> Iterator[str]:
    return (one for one, count in counts.items() if count >= 3)


def furniture(texts: list[str], common: frozenset[str]) -> float:
    """The share of the texts' characters that stands in common lines, white space aside."""
    rows = [(text.split("\n"), words(text)) for text in texts]
    left = sum(len(squeezed(row[n])) for row, written in rows for n in written if letters(row[n]) in common)
    return left / sum(len(squeezed(text)) for text in texts)


if __name__ == "__main__":
    main(*sys.argv[1:])
