"""Pages that keep a reader out: bot walls, log-in forms and paywalls that come in an article's place.

A page that only writes about them is none. So a wall is told by a mark that its makers put into the
page and no article shows; by the notice of a paywall that stands alone; or by a wall's words where
there is hardly any text beside them.
"""

import re

from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.pages import shown_text

# An article is longer than a wall; and in a text of a few words, a wall's words may stand anywhere.
SHORT = 200
TINY = 50
# Makers put their marks near the top, and no page may cost more than its first part.
_HEAD = 300_000

# Real tags only: what an article quotes has its < escaped. Data that a page hands to its scripts is text too.
_TAG, _SCRIPT = r"<[a-z][^<>]{0,500}", r"<script\b(?![^<>]{0,500}json)[^<>]{0,500}>[^<]{0,5000}"
_ATTRIBUTE = _TAG + r"\b(?:id|class|src|action|name)\s*=\s*[\"']?[^\"'<>]{0,300}"
_BOT_MARKS = {
    "Cloudflare": rf"{_ATTRIBUTE}(?:\bcf-chl|\bchallenge-(?:running|error-title)\b|\borchestrate/chl)"
    rf"|{_SCRIPT}\b_cf_chl_opt\s*=",
    "DataDome": rf"{_ATTRIBUTE}\bcaptcha-delivery\.com",
    "PerimeterX": rf"{_ATTRIBUTE}\bpx-captcha\b",
    "Imperva": r"<iframe\b[^<>]{0,300}_Incapsula_Resource",
    "AWS WAF": rf"{_SCRIPT}\bgokuProps\b",
    "Anubis": rf"{_ATTRIBUTE}\banubis_challenge\b",
    "Google": rf"{_ATTRIBUTE}\bcaptcha-form\b",
}
_LOGIN_MARKS = {
    "LinkedIn": rf"{_TAG}\b(?:id|class)\s*=\s*[\"'][^\"'<>]{{0,300}}\bauthwall\b|{_SCRIPT}/authwall\?",
}
_PAYWALL = re.compile(
    r"this (?:post|episode) is for pa(?:id|ying) subscribers(?: only)?"
    r"|create an account to read the full story|the author made this story available to .{0,20}members only",
    re.IGNORECASE,
)
_BOT_WORDS = re.compile(
    r"just a moment(?:\.\.\.|…|, please|$)|checking (?:your browser|if the site connection is secure)"
    r"|(?:please )?(?:verify|confirm|prove) (?:that )?you(?:'re| are) (?:a |not a )?(?:human|robot|bot)"
    r"|verifying (?:that )?you are human|making sure you're not a bot|are you a (?:human|robot)\b"
    r"|(?:please )?(?:enable|turn on) (?:javascript|js)(?: and|,) (?:cookies|disable any ad ?blocker)"
    r"|(?:please )?(?:complete|solve|enter) (?:the|this) (?:captcha|security check|characters)"
    r"|press (?:&|and) hold\b|attention required!|access to this page has been denied|human verification"
    r"|(?:our systems|we)(?: have|'ve)? detected unusual (?:traffic|activity)|pardon our interruption",
    re.IGNORECASE,
)
_LOGIN_WORDS = re.compile(
    r"(?:please )?(?:sign|log) ?in (?:or \w+(?: \w+)? )?to (?:continue|read|view|see|access)\b"
    r"|you (?:must|need to|have to) (?:be (?:logged|signed) in|log in|sign in)\b|join linkedin\b"
    r"|(?:subscribe|upgrade|become a (?:paid )?(?:member|subscriber)) to (?:continue|keep|read the|unlock)"
    r"|member-only story\b|already a (?:paid )?(?:subscriber|member)\?|this (?:article|content) is for "
    r"(?:paid |paying |our )?(?:subscribers|members)",
    re.IGNORECASE,
)
_QUOTED = frozenset({"blockquote", "pre", "code"})
_AROUND = frozenset({"noscript", "nav", "header", "footer", "aside", "a"})
_SENTENCE = re.compile(r"(?<=[.!?…])\s+")


def wall(page_text_or_html: str) -> tuple[Reason, str] | None:
    """What keeps a reader out of a page, BOT_WALL or LOGIN_PAGE with what to mend; None for an article.

    A text that opens with a tag is read as HTML, any other as plain text or Markdown.
    """
    text = body = page_text_or_html
    if text.lstrip("\ufeff \t\r\n").startswith("<"):
        if marked := _marked(page_text_or_html):
            return marked
        text, body = shown_text(page_text_or_html, _QUOTED), shown_text(page_text_or_html, _AROUND)
    lines = [" ".join(line.replace("’", "'").split()) for line in text.splitlines()]
    if any(_PAYWALL.fullmatch(line.strip("#*_ .")) for line in lines):
        return _login("a paywall ends it early")
    return _worded(lines, len(body.split()))


def _marked(page: str) -> tuple[Reason, str] | None:
    for marks, refusal in ((_BOT_MARKS, _bot), (_LOGIN_MARKS, _login)):
        for maker, mark in marks.items():
            if re.search(mark, page[:_HEAD], re.IGNORECASE):
                return refusal(f"it holds the mark of {maker}")
    return None


def _worded(lines: list[str], length: int) -> tuple[Reason, str] | None:
    """A wall told by its words, each of which opens a sentence, in a page of `length` words."""
    for words, refusal in ((_BOT_WORDS, _bot), (_LOGIN_WORDS, _login)):
        said = next((found[0] for line in lines if (found := words.search(line))), None)
        opens = any(words.match(each) for line in lines for each in _SENTENCE.split(line))
        if said and (length < TINY or (length < SHORT and opens)):
            return refusal(f"it says little but {said!r}")
    return None


def _bot(why: str) -> tuple[Reason, str]:
    mend = "read the author's feed or export, or save the page in a browser and read that as a folder"
    return Reason.BOT_WALL, f"the site keeps crawlers out ({why}): {mend}"


def _login(why: str) -> tuple[Reason, str]:
    mend = "read the author's own export, or save the page where you are signed in and read that as a folder"
    return Reason.LOGIN_PAGE, f"the site shows it to members only ({why}): {mend}"
