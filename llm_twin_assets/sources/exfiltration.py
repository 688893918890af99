"""Images and links that would carry data out, and orders to make such ones.

A model that writes an image whose address holds the conversation sends it to the host, with no click:
Rehberger 2023 (embracethered.com), Greshake et al. 2023 (arXiv 2302.12173).
"""

import re
from urllib.parse import unquote

from llm_twin_assets.sources.instructions import excerpt, is_discussion, order_starts, sentences
from llm_twin_assets.sources.order_channels import fold

_MARKDOWN_URL = re.compile(
    r"(!?)\[[^\]\n]{0,500}\]\(\s{0,3}<?([^\n)]{1,2000})|^ "
    r"{0,3}()\[[^\]\n]{1,80}\]:\s{1,4}(<?(?:https?:)?//[^\n]{1,2000})",
    re.M,
)
_DATA = (
    r"conversations?|chats?|chat[_ -]?history|histor(?:y|ies)|messages?|secrets?|(?:user|private|personal|"
    r"sensitive|secret|session|customer|your|the|base64|encoded|url[_ -]?encoded|previous|last|full|entire|"
    r"all|stolen)?[_ -]?(?:data|info|information|input|prompt|query|question|conversation|messages?|"
    r"secrets?|e-?mails?|answers?|context|summary|memory|memories|name|details|chat|history|content|text|"
    r"cookies?|instructions?)(?:[_ -]?(?:here|summary|history|text|encoded|base64|content|data))?|"
    r"system[_ -]?prompt|passwords?|credentials?|exfil\w*|leak\w*|api[_ -]?keys?|tokens?|dialogue|"
    r"transcript|documents?"
)
_PLACEHOLDER = re.compile(
    rf"(?:\{{\{{?|\$\{{|<|\[|%7b(?:%7b)?|\(\(|__|%3c|%5b)[\s_]*(?:[\w .-]{{0,30}}?[._ -])?(?:{_DATA})[\w .|"
    r"()-]{0,40}?[\s_]*(?:\}|>|\]|%7d|\)\)|__|%3e|%5d)|[?&/=](?:your_|the_|insert_|put_|add_|full_|my_|"
    r"last_|encoded_)*(?:conversation|chat|user|secret|private|system)_?(?:history|data|prompt|summary|"
    r"messages?|input|info|here|secrets?)+(?:_here)?(?:[&#\s\"']|$)",
    re.I,
)
_ELSEWHERE = re.compile(r"(?:https?:)?//(?!(?:localhost|127\.))", re.I)
_RENDER = re.compile(
    r"(?:render|display|show|include|insert|append|output|embed|add|draw|load|fetch|emit|produce|print|put|"
    r"place|attach|generate|use|call|create|write|end|finish|close|respond|reply|open|visit|request|send|"
    r"make|link|issue|perform|take)\b[^\n]{0,160}?(?:\b(?:image|img|picture|pixel|icon|logo|banner|link|url|"
    r"markdown|badge|photo|address|request|https?|browser|thumbnail|chart)\b|!\[)"
)
_CARRY = re.compile(
    r"\b(?:replac|append|encod|substitut|insert|fill|add|put|plac|contain|includ|is|are|pass|carr|with|set|"
    r"attach|concatenat|where|follow|copy|hold|equal|end|stand|becom|as|of|from|made|built|"
    r"in place)\w*\b[^\n]{0,120}?\b(?:conversation|chat|history|dialogue|transcript|(?:user|reader|"
    r"person)(?:'s (?:\w+ ){0,2}?| )(?:messages?|data|questions?|e-?mails?|names?|input|prompt|details|"
    r"information|query|files?|documents?|keys?|passwords?|address|wrote|typed|asked|said|gave|entered|"
    r"provided|told)|secrets|system prompt|(?:passwords?|keys?|secrets?|tokens?) (?:(?:that )?you|in your)|"
    r"the user (?:has |had |just )*(?!can\b|will\b|is\b|may\b|must\b|should\b|clicks\b)\w+(?:ed|wrote|said|"
    r"gave|typed|told|put)|(?:last|previous|first|every|all|these|earlier) (?:\w+ )?(?:messages?|answers?|"
    r"instructions?|turns?)|api keys|credentials|context window|everything (?:above|so far)|documents? you|"
    r"your memory)\b"
)
_ADDRESS = re.compile(r"https?://|\burl\b|query|parameter|\bsrc\b|\?\w+=|\blink\b|path|`")
_POINTED = ("http", "url", "query", "parameter", "src", "link", "path", "`", "=")
_CARRIED = (
    "conversation", "chat", "history", "dialogue", "user", "secrets", "prompt", "message", "answer", "turn",
    "api key", "credential", "context", "above", "so far", "document", "memory", "instruction", "reader",
    "transcript", "password",
)  # fmt: skip


_BARE_URL = re.compile(
    r"https?://[^\s\"'`)\]]{0,300}?[<{\[](?:[\w-]+ ){0,3}?(?:conversation|chat|history|system[ _]prompt|"
    r"secrets?|(?:user|last|previous)[ _](?:messages?|input|data|prompt))\b[^\n>}\]]{0,40}[>}\]]",
    re.I,
)


def carries_data(text: str, urls: list[str]) -> str | None:
    """An address with a placeholder for data, in a text's Markdown or among `urls`; else None."""
    if "](" in text or "]:" in text:
        urls = urls + [match[2] or match[4] for match in _MARKDOWN_URL.finditer(text)]
    bare = _BARE_URL.search(text) if "http" in text else None
    if bare:
        return excerpt(bare[0])
    for url in urls:
        if _ELSEWHERE.search(url) and _PLACEHOLDER.search(url):
            return excerpt(unquote(url))
    return None


def order_to_render(block: str) -> str | None:
    """The passage of a block that orders to make an address out of the conversation; else None."""
    lower = block.lower()
    if not any(word in lower for word in _POINTED) or not any(word in lower for word in _CARRIED):
        return None
    written = sentences(block)
    for position, sentence in enumerate(written):
        folded = fold(sentence)
        if not any(_RENDER.match(folded, at) for at in order_starts(folded)):
            continue
        near = fold(" ".join(written[position : position + 3]))
        about = " ".join(written[max(position - 1, 0) : position + 3])
        if _ADDRESS.search(near) and _CARRY.search(near) and not is_discussion(about):
            return excerpt(" ".join(written[position : position + 3]))
    return None
