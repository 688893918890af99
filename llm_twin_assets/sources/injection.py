"""Whether a document carries orders to the language model that will read it.

Text that a reader sees is judged with its context, because articles quote such orders when they write
about them; text that no reader sees needs less to be refused.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.encoded_text import (
    Encoded,
    disguised,
    encoded,
    is_suspect,
    readings,
    smuggled,
    without_invisible,
)
from llm_twin_assets.sources.exfiltration import carries_data, order_to_render
from llm_twin_assets.sources.hidden_text import Parts, markdown_unseen, split_html
from llm_twin_assets.sources.instructions import excerpt, is_discussion, may_order, order
from llm_twin_assets.sources.markdown import lines
from llm_twin_assets.sources.order_channels import CUT, DECODED, HIDDEN

_INLINE_CODE = re.compile(r"(?<!`)(`{1,3})(?!`)([^`\n]{1,400})\1(?!`)")
_QUOTED = re.compile(
    r"\"(?<!\w\")(?=\S)[^\"\n]{1,600}\"(?!\w)|“[^“”]{1,600}”|«[^«»]{1,600}»|»[^«»]{1,600}«|"
    r"„[^„“”\"]{1,600}[“”\"]|"
    r"['‘](?<!\w['‘])(?=\w)[^\n'‘’]{1,200}(?:['’]\w[^\n'‘’]{0,200}){0,3}[.,!?]?['’](?!\w)"
)
_LIST = re.compile(r"\s{0,6}(?:[-*+•]|\d{1,3}[.)])\s")
_NEW_LINE = re.compile(r"\s*(?:[-*+•#>|\[<{]|\d{1,3}[.)]\s|[\w ]{1,24}:)")
_POINTS_AT = re.compile(
    r"\b(?:said|says|reads?|written|contain\w*|follow\w*|this|these|hidden|here|below|one)\b", re.I
)
_SENTENCE = re.compile(r"[.!?…][\"”»']?\s+|\n")
_DECODE = re.compile(
    r"\b(?:decode|decipher|decrypt|unscramble)\b.{0,200}?\b(?:follow|execute|obey|do|carry|act|comply|"
    r"perform)\b",
    re.I | re.S,
)
_WHOLE = 0.8
_LEAD = 400
_A_SENTENCE = 3


@dataclass(frozen=True)
class Finding:
    """Why a document is refused, and at most 120 characters of what it says, decoded."""

    reason: Reason
    excerpt: str


def scan(text: str) -> Finding | None:
    """The first order to a language model in a Markdown or plain text, with or without HTML; else None.

    Never raises; costs time linear in the text.
    """
    prose = _without_code(text)
    return _scan(text, split_html(prose), prose)


def scan_html(page: str) -> Finding | None:
    """The first order to a language model in an HTML page, also where it does not show it; else None.

    Looks at hidden elements, comments, attributes and metadata, and at what the page shows, as `scan`.
    """
    parts = split_html(page)
    shown = re.sub(r"\n[ \t]+", "\n", parts.shown)
    prose = _without_code(shown)
    return _scan(shown, Parts(prose, parts.unseen, parts.urls), prose)


def _scan(text: str, parts: Parts, prose: str) -> Finding | None:
    """Hidden channels first, each with its own reason, then what stands open."""
    invisible = _invisible([text, *parts.unseen])
    if invisible:
        return Finding(Reason.INJECTION_ZERO_WIDTH, excerpt(invisible))
    for words in parts.unseen + markdown_unseen(prose):
        found = _in_unseen(without_invisible(words))
        if found:
            return found
    data = [url for url in parts.urls if url.startswith("data:text")]
    decoded = _decoded("\n\n".join([without_invisible(text), *data]))
    if decoded:
        return Finding(Reason.INJECTION_BASE64, decoded)
    url = carries_data(without_invisible(prose), parts.urls)
    if url:
        return Finding(Reason.INJECTION_IMAGE, url)
    return _in_open(without_invisible(parts.shown))


def _invisible(texts: list[str]) -> str | None:
    """What invisible characters say, or what they cut into pieces."""
    for text in filter(is_suspect, texts):
        words = smuggled(text) or next(filter(None, map(_cut, re.split(r"\n[ \t]*\n", text))), None)
        if words:
            return words
        for words in disguised(text):
            if order(words, DECODED):
                return words
    return None


def _cut(paragraph: str) -> str | None:
    """An order that a paragraph gives only once its invisible characters are left out."""
    for bare, apart in readings(paragraph):
        found = order(bare, CUT)
        if found and order(apart, CUT) is None:
            return found
    return None


def _in_unseen(words: str) -> Finding | None:
    found = order(_QUOTED.sub(" “” ", " ".join(words.split())), HIDDEN) or _decoded(words)
    if found:
        return Finding(Reason.INJECTION_HIDDEN_HTML, found)
    url = carries_data(words, []) or order_to_render(words)
    return Finding(Reason.INJECTION_IMAGE, url) if url else None


def _in_open(shown: str) -> Finding | None:
    for block in _blocks(shown):
        found = order_to_render(block) and order_to_render(_unquoted(block))
        if found:
            return Finding(Reason.INJECTION_IMAGE, found)
        found = order(_unquoted(block)) if may_order(block) else None
        if found:
            return Finding(Reason.INJECTION_VISIBLE, found)
    return None


def _decoded(text: str) -> str | None:
    """What an encoded passage of a text orders, unless the text around it talks about it."""
    before = ""
    for paragraph in re.split(r"\n[ \t]*\n", text):
        for passage in encoded(paragraph):
            around = paragraph[: passage.start] + paragraph[passage.end :]
            if _orders(passage) and not _is_shown_off(around, before):
                return excerpt(passage.words)
        before = paragraph if paragraph.strip() else before
    return None


def _orders(passage: Encoded) -> bool:
    """Whether a decoded passage orders something; what was unreadable needs little for it."""
    if len(passage.words.split()) < _A_SENTENCE:
        return False
    return order(passage.words, DECODED if passage.opaque else CUT) is not None


def _is_shown_off(around: str, before: str) -> bool:
    """Whether an encoded passage is an exhibit: its paragraph, or the sentence that leads to it, says so."""
    leading = _SENTENCE.split(before.rstrip()[-_LEAD:])[-1]
    fenced = around.lstrip().startswith(("```", "~~~")) or leading.rstrip().endswith(":")
    if _DECODE.search(around) or (fenced and _DECODE.search(leading)):
        return False
    return is_discussion(around) or (fenced and is_discussion(leading))


def _without_code(text: str) -> str:
    """A text whose fenced code is left out, and whose code inside lines is one backtick."""
    kept: list[str] = []
    fenced = False
    for line in lines(text):
        opens = line.text.lstrip(" ").startswith(("```", "~~~")) and line.code
        fenced = line.code and (fenced or opens)
        kept.append("" if fenced else _INLINE_CODE.sub(" ` ", line.text) if "`" in line.text else line.text)
    return "\n".join(kept)


def _blocks(prose: str) -> Iterator[str]:
    """The paragraphs of a text as they count: quotations cut out, exhibits left out, headings joined on."""
    before, lead, exhibits = "", "", False
    for paragraph in re.split(r"\n[ \t]*\n", prose):
        if not paragraph.strip():
            continue
        apart = paragraph.lstrip().startswith(">") or paragraph.startswith(("    ", "\t"))
        listed = _LIST.match(paragraph) is not None
        exhibits = _introduces(before, apart) or (exhibits and (apart or listed))
        if not exhibits:
            yield lead + _joined(paragraph)
        ends = paragraph.rstrip().endswith(":") or paragraph.lstrip().startswith("#")
        lead = _joined(paragraph) + "\n" if ends and not exhibits else ""
        before = paragraph


def _introduces(before: str, apart: bool) -> bool:
    """Whether a paragraph leads to an exhibit: by a colon after a discussion, or to a quotation."""
    if not before:
        return False
    leading = _SENTENCE.split(before.rstrip()[-_LEAD:])[-1]
    colon = leading.rstrip().rstrip("*_").endswith(":")
    if apart:
        return colon or is_discussion(leading) or _POINTS_AT.search(leading) is not None
    return colon and is_discussion(leading)


def _joined(paragraph: str) -> str:
    """A paragraph with its hard-wrapped lines joined, and without the signs of a block quotation."""
    joined: list[str] = []
    ends = True
    for line in re.sub(r"^\s*>+ ?", "", paragraph, flags=re.M).split("\n"):
        joined.append("\n" if ends or _NEW_LINE.match(line) else " ")
        joined.append(line)
        ends = line.rstrip().endswith((".", "!", "?", ":", ">", "]")) or line.startswith("#")
    return "".join(joined).lstrip("\n")


def _unquoted(block: str) -> str:
    """A block without its quotations, unless it is nothing else."""
    left = _QUOTED.sub(" “” ", block)
    return block.strip(" \n\"'“”«»„‘’") if len(left.strip()) < len(block) * (1 - _WHOLE) else left
