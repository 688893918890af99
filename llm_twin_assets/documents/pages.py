"""What a website put around an article: named pieces of Substack and Medium pages, cut away.

Only a text that shows the marks of such a page is touched, so that an author's own line
"Share" stays. Each step names what it removes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from llm_twin_assets.documents.furniture import blocks, emptied
from llm_twin_assets.documents.wrapping import join_wraps
from llm_twin_assets.sources.dates import as_date
from llm_twin_assets.sources.markdown import Line, headings, lines, plain

_GAP = r"[ \t]*\n\s*"
_COUNT = r"\d[\d.,]*[KM]?"
_BUTTON = r"(?:Copy link|Facebook|Email|Notes?|Other|More|LinkedIn|X|Twitter)"
# Share this post / #### its title / its site / Copy link / Facebook / ... with counts around.
_MENU = re.compile(
    rf"^(?:{_COUNT}{_GAP})?Share this post{_GAP}(?:#+ .*\n(?:.+\n)*\s*)?(?:[\w.-]+\.[a-z]+{_GAP})?"
    rf"(?:{_BUTTON}{_GAP}){{3,}}(?:{_COUNT}{_GAP})?(?:Share{_GAP})?",
    re.MULTILINE,
)
_SIGN_IN = re.compile(r"\A(?:#.*\n\s*)?Subscribe\s*Sign in[ \t]*\n\s*", re.MULTILINE)
_TITLES = re.compile(r"(?:#{1,6} .*\n(?:.+\n)*\s*){1,2}")
_TAIL = re.compile(
    r"^(?:#+ )?(?:Discussion about this (?:post|episode|video)|Ready for more\?\s+Subscribe"
    r"|This site requires JavaScript.*)$",
    re.MULTILINE,
)
_BYLINE_LINES, _BYLINE_WIDTH, _TOP_HEADINGS = 24, 80, 3

_STORY_HEAD = re.compile(
    r"\A.{0,900}?min read·(?:[A-Z][a-z]{2} \d{1,2}(?:, \d{4})?|\d+ \w+ ago|Yesterday|Just now)"
    r".{0,60}?Listen ?Share",
    re.DOTALL,
)
_STORY_TAIL = re.compile(
    r"Sign up to discover human stories that deepen your understanding of the world\."
    r"|To make Medium work, we log user data\."
)
# Medium's export lost every break: where a sentence's end, a caption's bracket, an emoji or a link
# stands directly before the next one's capital or number, or an arrow or a source's number directly
# behind a word, there was one.
_LOST_BREAK = re.compile(
    r"(?:(?<=[a-zA-Z\d)][.!?…:;])|(?<=[.!?…][)”\"]))(?=[A-Z“][\w’'-]*[ ?,])"
    r"|(?<=[a-zA-Z][.!?])(?=\d+\. ?(?:\d+\. ?)?[A-Z])|(?<=[\w.!?)])(?=[→🔗] )"
    r"|(?<=[\]\ufe0f↓←])(?=[A-Z“])|(?<=\.(?:com|org))(?=[A-Z][a-z])|(?<=[\w)])(?=\[\d{1,2}\] [A-Z])"
    r"|(?<=age by DALL-E)(?=[A-Z])"
)
# Substack puts every person or publication that is mentioned into a block of its own.
_PLAIN = r"^(?![#>*|\s-])"
_MENTION = re.compile(
    rf"(?:{_PLAIN}[^\n]*[\w,]\n\n)?{_PLAIN}[^\n]{{2,40}}"
    r"(?:\n\n(?:, )?(?:from|and|,|with|by)\n\n[^\n]{2,40})+(?:\n\n(?=[a-z,:;)]))?",
    re.MULTILINE,
)

_SITE = r"(?:[a-z\d-]+\.)+[a-z]{2,}"
_BUTTON_LINE = re.compile(
    r"\.|PreviousNext|Share|Subscribe(?: now)?|Sign in|Leave a comment|Listen|Get the app|Start Writing"
    r"|Upgrade to paid|Give a gift subscription|Get \d+% off[^\n]{0,40}|Refer a friend|Pledge your support"
    r"|[^\n]{1,60} is (?:a )?reader-supported(?: publication)?\. To receive new posts [^\n]*"
    r"|Thanks for reading [^\n]{1,60}! (?:Subscribe for free|This post is public)[^\n]*"
    r"|\[?Image by (?:the )?[Aa]uthor(?:, [^\n]{1,60})?\]?\.?|Image by DALL-E\.?"
    r"|(?:If not|Unless|Except where) (?:otherwise )?(?:stated|noted|mentioned|specified)(?: otherwise)?"
    r",? all (?:the )?(?:images|figures|pictures) [^\n]{0,30}by (?:the )?(?:authors?|me)\.?"
    rf"|[^\n]+…{_SITE}"
)
# A link to another story, shown as its title above its subtitle and its site.
_CARD = re.compile(rf"(?:\*\*|__)[^\n]+(?:\*\*|__) *\n *_[^\n]+_{_SITE} *")
_ESCAPED_BULLET = re.compile(r"^((?:#+ )?[*_]*)(?:\\([-+])|(\d+)\\([.)]))(?=\s)", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """An article cut out of its page; `title` is the one that stands on the page, if one does."""

    text: str
    title: str | None


def cut_out(text: str) -> Page | None:
    """The article on a captured page, or None where the text is none."""
    if _SIGN_IN.match(text) or _MENU.search(text):
        return _newsletter(text)
    story = _STORY_HEAD.match(text)
    return Page(_story(text[story.end() :]), None) if story else None


def tidied(text: str) -> str:
    """A cut-out article, its wrapped lines joined already, without buttons and repeated titles."""
    text = _ESCAPED_BULLET.sub(r"\1\2\3\4", _MENTION.sub(_on_one_line, text))
    found = lines(text)
    gone = {*_buttons(found), *_cards(found)}
    titles = {found[number].start for number in emptied(found, headings(text), gone)}
    dropped = {found[number].start for number in gone} | titles | set(_repeated_titles(text))
    return "\n".join(_trimmed(found, dropped))


def _newsletter(text: str) -> Page:
    tail = _TAIL.search(text)
    text = _MENU.sub("", text[: tail.start()] if tail else text)
    text = _SIGN_IN.sub("", text)
    titles = _TITLES.match(text)
    if titles is None:
        return Page(text, None)
    first = join_wraps(titles.group(), page=True).partition("\n")[0]
    title = plain(first.removeprefix("# ")) if first.startswith("# ") else None
    return Page(titles.group() + _without_byline(text[titles.end() :]), title)


def _without_byline(text: str) -> str:
    """The text after the line that holds nothing but the date, if one stands near its beginning."""
    start = 0
    for line in text.split("\n")[:_BYLINE_LINES]:
        start += len(line) + 1
        if as_date(line) and not line.strip().isdigit():
            return re.sub(rf"\A\s*{_COUNT}{_GAP}", "", text[start:])
        if len(line) > _BYLINE_WIDTH or line.startswith("#"):
            break
    return text


def _story(text: str) -> str:
    tail = _STORY_TAIL.search(text)
    return _LOST_BREAK.sub("\n\n", text[: tail.start()] if tail else text)


def _on_one_line(mention: re.Match[str]) -> str:
    words = re.sub(r" (?=[,:;)])", "", mention.group().replace("\n\n", " "))
    return words.rstrip(" ") if mention.string[mention.end() :][:1] in ",:;)" else words


def _trimmed(found: list[Line], dropped: set[int]) -> Iterator[str]:
    """The lines that stay, without a space before them or spaces at a paragraph's end."""
    for line, after in zip_longest(found, found[1:]):
        if line.start in dropped:
            continue
        last = after is None or not after.text.strip()
        words = re.sub(r"^ (?=\S)", "", line.text.rstrip() if last else line.text)
        # An empty line may stand inside code, which keeps its spaces.
        yield line.text if line.code or not line.text.strip() else words


def _buttons(found: list[Line]) -> Iterator[int]:
    """The numbers of the lines that are nothing but a button or a credit, alone between empty lines."""
    empty = [True, *(not line.text.strip() for line in found), True]
    for number, line in enumerate(found):
        alone = empty[number] and empty[number + 2] and not line.code
        if alone and _BUTTON_LINE.fullmatch(line.text.strip()):
            yield number


def _cards(found: list[Line]) -> Iterator[int]:
    """The numbers of the lines of links shown as cards, each alone between empty lines."""
    for block in blocks(found):
        if _CARD.fullmatch("\n".join(found[number].text for number in block)):
            yield from block


def _repeated_titles(text: str) -> Iterator[int]:
    """Where the headings begin that say again, near the top, what one above them says."""
    seen: set[str] = set()
    for heading in headings(text)[:_TOP_HEADINGS]:
        if heading.words.casefold() in seen:
            yield heading.start
        seen.add(heading.words.casefold())
