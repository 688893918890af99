"""What a text with HTML or Markdown in it holds, but does not show to its reader."""

import html
import re
from dataclasses import dataclass, field

_TAG = re.compile(
    r"<!--(?P<comment>(?:[^-]|-(?!->))*+)(?:-->|$)|"
    r"<(?P<close>/?)(?P<name>[a-zA-Z][a-zA-Z0-9]{0,15})(?![\w@:.|])(?P<attributes>(?:[^<>\"']|\"[^\"<]*+\"|"
    r"'[^'<]*+'|[\"'])*+)>"
)
_ATTRIBUTE = re.compile(r"([\w:-]++)(?:\s*+=\s*+(\"[^\"]*+\"|'[^']*+'|[^\s\"'>]++))?")
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
)
_UNSEEN = frozenset(("noscript", "template", "object", "noframes", "noembed"))
_ADDRESSES = frozenset(("src", "href", "srcset", "action", "poster", "background", "data-src"))
_RAW = frozenset(("script", "style"))
_SPOKEN = re.compile(
    r"(?:alt|title|aria-(?:label|description|placeholder)|placeholder|summary|longdesc|data-[\w-]+)"
)
_UNSEEN_STYLE = re.compile(
    r"display:none|visibility:(?:hidden|collapse)|opacity:0?(?:\.0\d*)?(?:[;!%]|$)|font-size:(?:0|"
    r"[01](?:\.\d+)?px|0?\.\d+)|(?:^|;)(?:left|top|right|text-indent|margin-left|margin-top):-\d{3,}|(?:^|"
    r";)(?:max-)?(?:height|width):[01](?:px)?(?:[;!]|$)|clip:rect\(|clip-path:(?:inset\((?:50|100)|"
    r"circle\(0|polygon\(00)|transform:(?:scale\(0|translate[xy]?\(-\d{3,})|mso-hide:all|(?:^|"
    r";)color:transparent|content-visibility:hidden|z-index:-\d{2,}"
)
_COLOUR = re.compile(r"(?:^|;)color:([^;!]+)")
_BACKGROUND = re.compile(r"(?:^|;)background(?:-color)?:([^;!]+)")
_WHITE = re.compile(
    r"(?:white|snow|ivory|ghostwhite|#f[0-9a-f]f[0-9a-f]f[0-9a-f]|#f[ef]f|#fff[0-9a-f]?|"
    r"rgba?\((?:25\d,){2}25\d.*|rgba\(.*,0(?:\.0\d*)?\)|hsl\(.*100%\))"
)
_RULE = re.compile(r"([^{}]{1,200})\{([^{}]{0,2000})\}")
_SELECTOR = re.compile(r"([.#][\w-]+)\s*(?:,|$)")
_BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "br", "dd", "div", "dl", "dt", "figcaption",
    "figure",
    "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "head", "header", "hr", "html", "li", "main", "nav",
    "ol", "p", "pre", "section", "table", "td", "th", "title", "tr", "ul",
))  # fmt: skip
_INLINE = frozenset((
    "a", "abbr", "b", "bdi", "bdo", "big", "button", "caption", "center", "cite", "code", "data", "del",
    "details", "dfn", "dialog", "em", "fieldset", "font", "i", "iframe", "ins", "kbd", "label",
    "legend", "map", "mark",
    "meter", "option", "picture", "q", "s", "samp", "select", "small", "span", "strike", "strong", "sub",
    "summary", "sup", "svg", "tbody", "textarea", "tfoot", "thead", "time", "tt", "u", "var", "video",
    "audio", "canvas",
))  # fmt: skip
_NAMES = _BLOCKS | _INLINE | _VOID | _UNSEEN | _RAW
_MARKDOWN_COMMENT = re.compile(
    r"^ {0,3}\[[^\]\n]{1,60}\]:[ \t]*(?:#|<>)[ \t]+[\"'(]([^\n]{3,})[\"')][ \t]*$", re.MULTILINE
)
_LINK_TITLE = re.compile(r"\]\([^()\s]{1,500}[ \t]+\"([^\"\n]{3,500})\"\)")
_LATEX = re.compile(
    r"\\(?:text)?color\{(?:white|#?f{6}|#?f{3}|transparent)\}\s*\{?([^}\n]{3,1000})|"
    r"\\phantom\{([^}\n]{3,1000})"
)


@dataclass
class Parts:
    """A text taken apart: what it shows, the passages it does not show, and the addresses in its tags."""

    shown: str
    unseen: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)


def split_html(text: str) -> Parts:
    """What a text with HTML in it shows, holds without showing, and links to.

    Shown elements leave line breaks, quotation marks and backticks where HTML means them. Comments,
    attributes that are read aloud, and elements hidden by style, class rule or attribute are not shown.
    """
    if "<" not in text:
        return Parts(text)
    return _Page(text).split()


def markdown_unseen(text: str) -> list[str]:
    """Passages that Markdown or LaTeX does not render: comments, titles of links, text in white."""
    found = [match[1] for match in _MARKDOWN_COMMENT.finditer(text)] if "]:" in text else []
    found += [match[1] for match in _LINK_TITLE.finditer(text)] if "](" in text else []
    if "color{" in text or "phantom{" in text:
        found += [match[1] or match[2] for match in _LATEX.finditer(text)]
    return found


class _Page:
    """A walk over the tags of a text, which knows at every place whether a reader sees it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.rules = _hiding_rules(text)
        self.shown: list[str] = []
        self.unseen: list[str] = []
        self.urls: list[str] = []
        self.run: list[str] = []
        self.open: list[tuple[str, bool]] = []
        self.hidden = 0

    def split(self) -> Parts:
        position, raw = 0, ""
        for match in _TAG.finditer(self.text):
            name = (match["name"] or "").lower()
            if raw and not (name == raw and match["close"]):
                continue
            if name and name not in _NAMES:
                continue
            self._text("" if raw else self.text[position : match.start()])
            position, raw = match.end(), name if name in _RAW and not match["close"] else ""
            if match["comment"] is not None:
                self.unseen.append(html.unescape(match["comment"]))
            else:
                self._tag(name, bool(match["close"]), match["attributes"])
        self._text("" if raw else self.text[position:])
        self._end_run()
        return Parts(html.unescape("".join(self.shown)), self.unseen, self.urls)

    def _text(self, words: str) -> None:
        if self.hidden:
            self.run.append(words)
        elif any(name == "blockquote" for name, _ in self.open[-8:]) and words.strip():
            self.shown.append("\n> " + words.strip().replace("\n", "\n> "))
        else:
            self.shown.append(words)

    def _end_run(self) -> None:
        """Hand over what stands in the hidden element that ends here."""
        words = html.unescape("".join(self.run))
        self.run = []
        if words.strip():
            self.unseen.append(words)

    def _tag(self, name: str, closes: bool, written: str) -> None:
        attributes = {
            key.lower(): html.unescape(value.strip("\"'")) for key, value in _ATTRIBUTE.findall(written)
        }
        if closes:
            self._close(name)
        else:
            self._attributes(name, attributes)
            if name not in _VOID and not written.endswith("/"):
                self._open(name, self._hides(name, attributes))
        (self.run if self.hidden else self.shown).append(_mark(name))

    def _open(self, name: str, hides: bool) -> None:
        # An open paragraph ends where the next one begins, so that pages without end tags do not nest.
        if (
            name in ("p", "li", "tr", "td", "th", "dd", "dt", "option")
            and self.open
            and self.open[-1][0] == name
        ):
            self.hidden -= self.open.pop()[1]
        self.open.append((name, hides))
        self.hidden += hides

    def _close(self, name: str) -> None:
        depth = next((step for step, one in enumerate(reversed(self.open[-40:]), 1) if one[0] == name), 0)
        for _ in range(depth):
            self.hidden -= self.open.pop()[1]
        if not self.hidden:
            self._end_run()

    def _attributes(self, name: str, attributes: dict[str, str]) -> None:
        for key, value in attributes.items():
            if key in _ADDRESSES:
                self.urls.append(value)
            hidden_input = name == "input" and key == "value"
            if len(value) > 12 and (
                _SPOKEN.fullmatch(key) or hidden_input or (name == "meta" and key == "content")
            ):
                self.unseen.append(value)

    def _hides(self, name: str, attributes: dict[str, str]) -> bool:
        style = re.sub(r"\s+", "", attributes.get("style", "").lower())
        marks = [f".{one}" for one in attributes.get("class", "").split()] + [f"#{attributes.get('id', '')}"]
        pale = name == "font" and _WHITE.fullmatch(attributes.get("color", "").lower())
        return (
            name in _UNSEEN
            or "hidden" in attributes
            or attributes.get("aria-hidden") == "true"
            or bool(pale)
            or is_unseen_style(style)
            or any(mark in self.rules for mark in marks)
        )


def is_unseen_style(style: str) -> bool:
    """Whether CSS declarations, in lower case without spaces, make text unreadable."""
    if _UNSEEN_STYLE.search(style):
        return True
    colour, background = _COLOUR.search(style), _BACKGROUND.search(style)
    if colour is None:
        return False
    same = background is not None and background[1].startswith(colour[1])
    return same or (background is None and _WHITE.fullmatch(colour[1]) is not None)


def _hiding_rules(text: str) -> frozenset[str]:
    """The classes and ids that a style element of the text hides."""
    if "<style" not in text.lower():
        return frozenset()
    found: set[str] = set()
    for match in _RULE.finditer(text):
        if is_unseen_style(re.sub(r"\s+", "", match[2].lower())):
            found.update(_SELECTOR.findall(match[1]))
    return frozenset(found)


def _mark(name: str) -> str:
    if name == "pre":
        return "\n\n```\n\n"
    if name in ("code", "kbd", "samp", "tt", "var"):
        return "`"
    if name == "q":
        return '"'
    return "\n\n" if name in _BLOCKS else ""
