"""The medium_export connector: the posts in the archive that Medium gives its authors."""

import hashlib
import re
from functools import partial
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from llm_twin_assets.contracts import digest
from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.archives import Archive, refused_entry
from llm_twin_assets.sources.dates import as_date
from llm_twin_assets.sources.handbook import canonical
from llm_twin_assets.sources.markdown import headings
from llm_twin_assets.sources.reading import Entry, Fields, Refused, author_of, decoded

PARSER = "1"
_BODY = "//section[@data-field='body']"
_MARKED = re.compile(r"⦗(\d{1,6})⦙(.*?)⦘", re.DOTALL)
_ADDRESS = "%:/?#[]@!$&'*+,;=~"  # all that an address may hold but parentheses
_WRAPPERS = ("section", "div", "figure", "aside", "header", "footer", "nav", "main", "article", "center")
_BLOCKS = ("p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "pre", "blockquote", "table")
# A text without headings that is no longer than this answers another, or is a note.
_POST_WORDS = 200


def medium_entries(name: str, data: bytes, author: str | None) -> list[Entry]:
    """The posts of an export, a zip file, not parsed yet; raises Refused where it is none."""
    archive = Archive(data, _is_post)
    if not archive.names:
        raise Refused(Reason.BROKEN_EXPORT_ITEM, "it holds no posts/*.html: name Medium's own export")
    return [_entry(name, archive, position, author) for position in range(len(archive.names))]


def page_tree(page: str) -> Any:
    """A page's root element (lxml); raises Refused where it holds none."""
    from trafilatura import load_html

    tree = load_html(page)
    if tree is None:
        raise Refused(Reason.BROKEN_EXPORT_ITEM, "no HTML page: export it again")
    return tree


def body_markdown(body: Any) -> str:
    """An element's headings, lists, code, emphasis and links as Markdown; changes the element.

    What belongs to the site goes first, because the extraction tells an article from what surrounds
    it by classes and wrappers, and here all of it is the article.
    """
    from trafilatura import extract
    from trafilatura.settings import use_config

    config = use_config()
    config.set("DEFAULT", "MIN_EXTRACTED_SIZE", "1")
    page = page_tree("<html><body><article></article></body></html>")
    _simplify(body)
    addresses = _mark_links(body)
    _fill(page.find(".//article"), body)
    kept = {"include_formatting": True, "include_comments": False, "fast": True, "favor_recall": True}
    text = extract(page, output_format="markdown", config=config, **kept) or ""
    return _MARKED.sub(partial(_link, addresses), text)


def first_text(tree: Any, path: str) -> str:
    """The words of the first element (or attribute) at an XPath, on one line; empty where there is none."""
    found = next(iter(tree.xpath(path)), "")
    return " ".join((found if isinstance(found, str) else found.text_content()).split())


def _is_post(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() == ".html" and path.parent.name == "posts"


def _entry(name: str, archive: Archive, position: int, author: str | None) -> Entry:
    member = archive.names[position]
    label = f"{name}#{member}"
    try:
        data = archive.read(position)
        if PurePosixPath(member).name.startswith("draft_"):
            raise Refused(Reason.NOT_PUBLIC, "a draft: it is read once it is published and exported again")
        uri = canonical(first_text(page_tree(decoded(data)), "//a[contains(@class, 'p-canonical')]/@href"))
    except Refused as refused:
        return refused_entry(label, refused)
    uri = uri or f"file:{label}"
    source_hash = digest(PARSER, author, hashlib.sha256(data).hexdigest())
    return Entry(label, uri, source_hash, partial(_parsed, uri, archive, position, author))


def _parsed(uri: str, archive: Archive, position: int, author: str | None) -> Fields:
    page = decoded(archive.read(position))
    tree = page_tree(page)
    bodies = tree.xpath(_BODY)
    text = body_markdown(bodies[0]) if bodies else ""
    if not text.strip():
        raise Refused(Reason.EMPTY, "its body holds no text: remove the post from the export")
    title = first_text(tree, "//h1[contains(@class, 'p-name')]") or first_text(tree, "//title")
    return Fields(
        text=text,
        title=title or PurePosixPath(archive.names[position]).stem,
        author=author_of(first_text(tree, "//a[contains(@class, 'p-author')]"), author),
        kind="post" if not headings(text) and len(text.split()) <= _POST_WORDS else "article",
        platform="medium",
        published_at=as_date(first_text(tree, "//time[contains(@class, 'dt-published')]/@datetime")),
        language=None,
        uri=uri,
        page=page,
    )


def _simplify(body: Any) -> None:
    """Leave of an element what its author wrote: links' addresses are the only attributes that stay."""
    for element in list(body.iter("script", "style", "hr", "img", "iframe")):
        element.drop_tree()
    for element in body.iter("pre"):
        _as_code(element)
    for element in list(body.iterdescendants(*_WRAPPERS)):
        element.drop_tag()
    for element in body.iter("figcaption"):
        element.tag = "p"
    for element in body.iter():
        for name in set(element.attrib) - {"href", "lang"}:
            del element.attrib[name]


def _mark_links(body: Any) -> list[str]:
    """Write marks around the words of each link, and give the addresses that they lead to.

    The extraction takes a paragraph or a list of links for navigation, and drops it.
    """
    addresses: list[str] = []
    for link in list(body.iter("a")):
        address = quote(link.get("href", "").strip(), safe=_ADDRESS)
        if address.startswith(("http://", "https://")) and link.text_content().strip():
            link.text = f"⦗{len(addresses)}⦙{link.text or ''}"
            link.tail = f"⦘{link.tail or ''}"
            addresses.append(address)
        link.drop_tag()
    return addresses


def _link(addresses: list[str], marked: re.Match[str]) -> str:
    number = int(marked[1])
    if number >= len(addresses):
        return marked[0]  # the author wrote these signs
    return f"[{' '.join(marked[2].split())}]({addresses[number]})"


def _fill(article: Any, body: Any) -> None:
    """Move what an element holds into an article, with words that stand in no block as paragraphs."""
    paragraph = article.makeelement("p")
    paragraph.text = body.text
    for element in [*body, None]:
        if element is None or element.tag in _BLOCKS:
            if len(paragraph) or (paragraph.text or "").strip():
                article.append(paragraph)
            paragraph = article.makeelement("p")
        if element is None:
            return
        if element.tag in _BLOCKS:
            paragraph.text, element.tail = element.tail, None
        (article if element.tag in _BLOCKS else paragraph).append(element)


def _as_code(element: Any) -> None:
    """Make an element one block of code, whose line breaks may be elements."""
    for line_break in element.iter("br"):
        line_break.tail = "\n" + (line_break.tail or "")
    words, tail = element.text_content(), element.tail
    element.clear()
    element.text, element.tail = f"{words.strip(chr(10))}\n", tail
    element.set("lang", "text")
