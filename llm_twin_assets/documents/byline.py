"""Who wrote a document, where its own page names somebody else than the author it is stored under.

Only places where a page names its writer are read: the lines above a newsletter's date, the line
above Medium's Follow button, lines such as "By NAME", and sentences that announce a guest.
A name in the prose is no by-line.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from llm_twin_assets.sources.dates import MONTHS, as_date
from llm_twin_assets.sources.markdown import lines, plain

_HEAD, _TAIL = 6000, 3000
_SENTENCE, _BEGUN = 20, 60
_LINK = re.compile(r"!\[[^\]]*\]\([^)]*\)|\[([^\]]*)\]\([^)]*\)")
_END = re.compile(r"^(?:#+ )?(?:Discussion about this (?:post|episode|video)|Recommended from Medium)", re.M)
_FURNITURE = re.compile(
    r"\W*|[\d.,]+[KM]?|[\w-]+(?:\.[\w-]+)+|.*[’']s avatar|Subscribe ?(?:Sign in)?|Sign in"
    r"|Share(?: this post)?|Copy link|Facebook|Email|Notes?|Other|More|LinkedIn|X|Twitter|Listen|Paid"
)

_NEWSLETTER = re.compile(r"Subscribe\s*Sign in|Share this post|Discussion about this post|\.substack\.com")
_MASTHEAD = re.compile(r"\A\s*# ([^\n]+)\n\s*Subscribe")
_SITE = re.compile(r"\b([\w-]+)\.(?:substack\.com|beehiiv\.com|ghost\.io|medium\.com)")
_DAY = re.compile(rf"(?:{'|'.join(MONTHS)})[a-z]*\.? \d{{1,2}}", re.IGNORECASE)
_JOIN = re.compile(r",|,? ?(?:and|&|with)", re.IGNORECASE)

_FOLLOW = re.compile(r"\W*Follow\s*(?=\W*(?:Published\s*in|\d+ min read))")
_STORY_FOOT = re.compile(r"Written by\s+([^\n\d·]{2,50}?)\s*\d[\d.,]*[KM]?\s[Ff]ollowers")
_GLUED = re.compile(
    r"(?<=[^\W\d_A-Z][.!?…])(?=[A-Z])|(?<=[\d:)”\"?!])(?=[A-Z])|(?<=[a-z])(?<!\bMc)(?<!\bMac)(?=[A-Z])"
)

_GUEST = (
    r"guest[ -](?:blog post|post|article|essay|issue|edition|piece|newsletter|column|lesson|contribution)"
)
_WORK = r"(?:blog post|article|post|issue|edition|newsletter|piece|essay|lesson|guide|tutorial|story|chapter)"
_WROTE = r"(?:(?:kindly |entirely |originally )?(?:written |authored |contributed |co-written |penned ))"
_LABEL = re.compile(
    rf"(?:(?P<weak>by)|(?:words|text|story|authored|written) by|(?:an? )?{_GUEST} (?:{_WROTE})?by"
    r"|guest (?:author|writer|contributor|blogger)(?=:|$)|authors?(?=:|$))(?::? +|$)",
    re.IGNORECASE,
)
_NOW = r"(?:this|today[’']s|this week[’']s|the following)"
_THEIRS = r"(?:(?:our|my)(?-i:(?: [a-z]+){1,4}),? )?"
_START = r"(?:^|(?<=[.!?:—] ))"
_ANNOUNCED = re.compile(
    rf"{_START}(?:{_NOW}|below|what follows)(?: [\w’']+){{0,2}} (?:is|was|comes as) (?:an?|another|our|the)"
    rf"(?: \w+){{0,2}}? {_GUEST} (?:{_WROTE})?(?:by|from) {_THEIRS}"
    rf"|{_START}{_NOW} {_GUEST} (?:is|was|comes|has been) (?:{_WROTE})?(?:by|from) {_THEIRS}"
    rf"|{_START}in {_NOW} {_GUEST}, {_THEIRS}"
    rf"|^{_NOW} {_WORK} (?:is|was|has been) {_WROTE}by {_THEIRS}"
    rf"|{_START}(?:today[’']s|this week[’']s) guest (?:author|writer|contributor|blogger)(?: is|,|:) ",
    re.IGNORECASE | re.MULTILINE,
)

_PARTICLE = re.compile(r"de|da|del|della|der|den|di|dos|du|van|von|la|le|el|al|bin|ibn|ter|y|e")
_NO_PERSON = re.compile(
    r"a|an|the|this|that|our|your|my|their|me|us|you|i|and|or|by|in|on|at|for|from|with|how|what|why|who"
    r"|when|team|staff|editors|editor|guest|anonymous|admin|author|authors|newsletter|weekly|daily|monthly"
    r"|magazine|blog|media|press|journal|review|times|post|posts|news|digest|club|community|group|company"
    r"|labs|lab|research|institute|academy|university|school|college|foundation|studio|studios|network"
    r"|project|inc|ltd|llc|gmbh|corp|co|ai|ml|mlops|llmops|llm|llms|data|science|learning|engineering"
    r"|engineers|tech|technology|code|coding|software|hub|system|systems|introduction|summary|contents"
    r"|chapter|part|lesson|date|monday|tuesday|wednesday|thursday|friday|saturday|sunday|new|san|santa|los"
    r"|las|fort|mount|port|hong|north|south|east|west|lake|pond|street|park|city|hill|road|hello|hi|dear"
    r"|thanks|image|photo|engineer|founder|ceo|cto|head|director|manager|senior|lead|scientist|researcher"
    r"|developer|architect|consultant|writer|robotics|technologies",
    re.IGNORECASE,
)
_TITLE = re.compile(r"(?:dr|prof|professor|mr|mrs|ms|sir|st|ph\.?d|md|msc|mba|jr|sr)\.?", re.IGNORECASE)
_TOKEN = re.compile(r"[^\W\d_][\w’'-]*\.?")
_CAMEL = re.compile(r"(?<!^Mc)(?<!^Mac)(?<!^De)(?<!^Di)(?<!^Le)(?<!^La)(?<!^Van)(?<=[a-z])[A-Z]")
_ALIKE = 0.9


@dataclass(frozen=True)
class _Row:
    """One line of a page without marks; `first` where a paragraph begins with it."""

    text: str
    heading: bool
    first: bool


def guest(text: str, title: str, author: str) -> str | None:
    """The other person whom a raw document names as its writer, else None ("A and B" for several).

    None also where the author is one of several writers, and where a publication is named.
    """
    own = _names_in(author) or [author]
    known = {_squashed(title), *(_squashed(site) for site in _sites(text))}
    for names in _bylines(text):
        others = [name for name in names if not any(_same_person(name, each) for each in own)]
        strangers = [name for name in others if _squashed(name) not in known]
        if strangers:
            return None if len(others) < len(names) else " and ".join(dict.fromkeys(strangers))
    return None


def _bylines(text: str) -> Iterator[list[str]]:
    """The writers that each kind of by-line names, the most certain kind first."""
    end = _END.search(text)
    body = text[: end.start()] if end else text
    top, bottom = _rows(body[:_HEAD]), _rows(body[-_TAIL:])
    yield _above_date(_opening(top), bool(_NEWSLETTER.search(text)))
    yield _above_follow(text)
    yield _labelled(top, bottom)
    yield _announced([*top, *bottom])


def _sites(text: str) -> Iterator[str]:
    """What a page calls the publication it stands in; no guest has that name."""
    masthead = _MASTHEAD.match(text)
    yield from [_LINK.sub(r"\1", masthead[1])] if masthead else []
    yield from _SITE.findall(text[:_HEAD])


def _rows(text: str) -> list[_Row]:
    """The lines that are not code, empty or furniture, without marks and link targets."""
    rows: list[_Row] = []
    found = lines(text)
    heading, filled = False, False
    for line in found:
        heading, first = line.text.startswith("#") or (heading and filled), not filled
        filled = bool(line.text.strip("> "))
        words = "" if line.code else plain(_LINK.sub(r"\1", line.text)).lstrip("#> ")
        parts = (part.strip() for part in re.split(r"[∙·•|]", words))
        rows += [_Row(part, heading, first or heading) for part in parts if part and not _is_furniture(part)]
    return rows


def _is_furniture(words: str) -> bool:
    return _FURNITURE.fullmatch(words) is not None and _JOIN.fullmatch(words) is None


def _above_date(top: list[_Row], newsletter: bool) -> list[str]:
    """The names between title and date; without a newsletter's marks, only full names below a heading."""
    dates = (place for place, row in enumerate(top) if not row.heading and _is_date(row.text))
    end = next(dates, 0)
    start = end
    while start and not top[start - 1].heading and _continues(top, start, end):
        start -= 1
    names = _names_in(" ".join(row.text for row in top[start:end]))
    titled = start > 0 and top[start - 1].heading
    return names if newsletter or (titled and all(" " in name for name in names)) else []


def _is_date(words: str) -> bool:
    return not words.isdigit() and (as_date(words) is not None or _DAY.fullmatch(words) is not None)


def _continues(top: list[_Row], start: int, end: int) -> bool:
    """Whether the row above `start` still belongs to the names that end above the date."""
    row, above = top[start - 1].text, top[start - 2].text if start > 1 else ""
    if _JOIN.fullmatch(row):
        return start < end
    named = bool(_names_in(row)) or _JOIN.fullmatch(above) is not None
    return named and (start == end or _JOIN.match(top[start].text) is not None)


def _above_follow(text: str) -> list[str]:
    """The name that stands before the Follow button of a Medium page, glued to what precedes it or not."""
    head = _LINK.sub(r"\1", text[:_HEAD])
    button = _FOLLOW.search(head)
    if button is None:
        return []
    before = head[: button.start()][-80:]
    foot = _STORY_FOOT.search(text)
    if foot and _squashed(before).endswith(_squashed(foot[1])):
        return _names_in(foot[1])
    words = _GLUED.split(before.rpartition("\n")[2])[-1].split()
    tails = (" ".join(words[start:]) for start in range(max(0, len(words) - 3), len(words)))
    return next(([name] for name in tails if _is_person(name)), [])


def _labelled(top: list[_Row], bottom: list[_Row]) -> list[str]:
    """Who stands behind "By", "Author:" and the like, where no second one does: that would be a list."""
    strong = [label for label in _labels(bottom) if not label[0]]
    found = [names for _, names in (*_labels(_opening(top)), *strong)]
    listed = {_squashed(names[0]) for _, names in (*_labels(top), *_labels(bottom))}
    return found[0] if found and len(listed) < 2 else []


def _labels(rows: list[_Row]) -> Iterator[tuple[bool, list[str]]]:
    """The names behind every label, and whether the label is a bare "by"."""
    for position, row in enumerate(rows):
        label = _LABEL.match(row.text)
        if label is None or not row.first or row.text[-1] in ".!?;," or len(row.text) > 100:
            continue
        after = row.text[label.end() :] or next((each.text for each in rows[position + 1 : position + 2]), "")
        names = _names_in(after)
        single = "guest" in label.group().lower()
        if names and _is_person(_leading_names(after)[0]) and (single or " " in names[0]):
            yield label["weak"] is not None, names


def _opening(rows: list[_Row]) -> list[_Row]:
    """The rows before a page's text has properly begun, or goes on below a heading."""
    seen = 0
    for position, row in enumerate(rows):
        seen += 0 if row.heading else len(row.text.split())
        if seen > _BEGUN or (row.heading and seen > _SENTENCE):
            return rows[:position]
    return rows


def _announced(rows: list[_Row]) -> list[str]:
    """Whom a sentence near the top or the end announces as the guest who wrote the text."""
    prose = "".join(("\n" if row.first else " ") + row.text for row in rows)
    found = (_leading_names(prose[match.end() :][:80]) for match in _ANNOUNCED.finditer(prose))
    return next((names for names in found if names), [])


def _leading_names(words: str) -> list[str]:
    """The names that a text begins with: "Ann Lee and Bo Diaz from ..." holds two."""
    found: list[str] = []
    tokens = words.replace("&", "and").split()
    while tokens:
        taken = _leading_tokens(tokens)
        name = " ".join(token.strip("(),;:!?…") for token in taken)
        if not _is_person(name):
            break
        found.append(name)
        joined = tokens[len(taken) : len(taken) + 1] == ["and"]
        tokens = tokens[len(taken) + 1 :] if joined else []
    return found


def _leading_tokens(tokens: list[str]) -> list[str]:
    """The tokens up to the first that cannot belong to a name, or that ends with a mark."""
    for position, token in enumerate(tokens):
        bare = token.strip("(),;:!?…")
        part = _TOKEN.fullmatch(bare) and (not bare[0].islower() or (position and _PARTICLE.fullmatch(bare)))
        if not part or bare.endswith(("'s", "’s")):
            return tokens[:position]
        initial = len(bare) == 2 or _TITLE.fullmatch(bare)
        if token[-1] in ",;:!?…" or (bare.endswith(".") and not initial):
            return [*tokens[:position], token.rstrip(".")]
    return tokens


def _names_in(words: str) -> list[str]:
    """The persons in a list such as "Ann Lee, PhD, Head of Sales, and Acme Labs": here one."""
    parts = [part.strip() for part in re.split(r",?\s+(?:and|with)\s+|[,;&]", words)]
    persons = [part for part in parts if part and not _TITLE.fullmatch(part)]
    return [name for part in persons if _is_person(name := " ".join(part.strip("()* .").split()))]


def _is_person(name: str) -> bool:
    """Whether words can be a person's name: one to five, capitalised, none of them a common noun."""
    tokens = [token.strip("()") for token in name.split()]
    spelled = all(_TOKEN.fullmatch(token) for token in tokens)
    if not 1 <= len(tokens) <= 5 or not spelled or len(name) > 50:
        return False
    if any(_NO_PERSON.fullmatch(token.strip(".")) or _CAMEL.search(token) for token in tokens):
        return False
    acronyms = [token for token in tokens if len(token) > 2 and token.isupper() and "." not in token]
    capital = all(
        not token[0].islower() or (place and _PARTICLE.fullmatch(token)) for place, token in enumerate(tokens)
    )
    return capital and (not acronyms or (name.isupper() and len(tokens) > 1))


def _same_person(one: str, other: str) -> bool:
    """Whether two names are spellings of one: case, accents, order, middle names, initials, a slip."""
    first, second = _parts(one), _parts(other)
    if not first or not second:
        return False
    if set(first) <= set(second) or set(second) <= set(first):
        return True
    ends = first[-1] == second[-1] and (first[0][0] == second[0][0])
    initial = ends and 1 in (len(first[0]), len(second[0]))
    middle = ends and first[0] == second[0]
    return initial or middle or SequenceMatcher(None, "".join(first), "".join(second)).ratio() > _ALIKE


def _parts(name: str) -> list[str]:
    folded = unicodedata.normalize("NFKD", name).casefold()
    bare = "".join(letter for letter in folded if not unicodedata.combining(letter))
    return [word for word in re.findall(r"[^\W\d_]+", bare) if not _TITLE.fullmatch(word)]


def _squashed(name: str) -> str:
    return "".join(_parts(name))
