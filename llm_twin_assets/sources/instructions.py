"""Whether a text orders a language model about, or only talks about such orders.

The phrases are those of published attacks: Perez & Ribeiro 2022 (arXiv 2211.09527), Greshake et al. 2023
(arXiv 2302.12173), Liu et al. 2023 (arXiv 2310.12815), and chat templates that are common knowledge.
"""

import re
from functools import cache
from itertools import chain

from llm_twin_assets.sources.order_channels import (
    ADDRESSED,
    OPEN,
    Channel,
    Kind,
    at_most,
    fold,
    possible,
)
from llm_twin_assets.sources.order_signals_translated import TRANSLATED_VERBS
from llm_twin_assets.sources.order_words import AI, NOW, REPLY, VERBS, Signal

_NEAR = 4
_EXCERPT = 120
_POLITE = (
    r"(?:(?:please|kindly|now|then|so|and|instead|simply|immediately|just|also|first|next|important|okay|ok|"
    r"hey|hi|hello|always|dear|only|must|(?:ai |virtual )?assistants?|ais?|llms?|(?:language )?models?|"
    r"chatbots?|bots?|reviewers?)\W{1,4}){0,5}"
)
_YOU = (
    rf"\b(?:your {REPLY} (?:must|should|shall|has to|needs to)|"
    r"(?:you (?:must|should|shall|will|need to|have to|are to|ought to)|you (?:are|"
    r"have been)(?: \w+)? (?:instructed|required|asked|ordered|told|authori[sz]ed|directed) to|"
    r"i (?:hereby )?(?:order|command|instruct|authori[sz]e|ask|urge) you to|(?:could|would|"
    r"can) you(?: please)?|be so kind as to|(?:unless|until) you|(?:want|need|like) you to|(?:be|"
    r"make) sure (?:to|you)|(?:task|job|goal|duty|purpose|mission) is to|please|kindly|always)) "
)
_WITHIN = rf"\b(?:in|at|to|with|after|before|for) [^,.;:!?]{{0,40}}\b(?:{REPLY}|message),? "
_AFTER = rf"[^\w<\[{{]*(?:{_WITHIN}|{NOW},? )?{_POLITE}"
_FIRST = re.compile(_AFTER)
_BEGIN = re.compile(rf"[.!?:;>)\]|—–*•#\"-](?: |$){_AFTER}")
_BEGIN_YOU = re.compile(rf"{_YOU}{_POLITE}")
_SIGNS_OF_YOU = ("you ", "please ", "kindly ", "always ", "is to ", "sure to ", "kind as to ", "your ")
_JOINT = re.compile(rf"(?:[,–—] |\b(?:and|then|but|or) ){_POLITE}")
_ORDERED = re.compile(r"(?:(?:do not|don't|never|not|only|always|ever)\W+)*([\w-]+)")
_TRANSLATED_VERBS = re.compile(TRANSLATED_VERBS)
# A sentence that opens so may come to an order after a comma.
_OPENS = re.compile(
    r"\W{0,3}(?:when|whenever|if|before|once|after|as|at|in|for|from|to|instead|regardless|because|since|"
    r"while|during|with|by|under|any ?time|every time|each time|should|attention|note|dear|hey|hi|hello|"
    r"this)\b"
)
_DUTY = re.compile(
    rf"\b(?:{AI}|whoever|whatever|any (?:system|tool|software|program))\b[^.!?]{{0,80}}? (?:must|shall|"
    r"should|(?:has|have|is|are|required|asked|instructed|requested|directed|obliged|"
    r"expected) to) (?:(?:also|always|never|not|only|first|now|then|immediately) )*(?:be \w+ed|"
    r"(?P<verb>\w+))"
)
_DISCUSSED = re.compile(
    r"(?<![\w./@-])(?:attack\w*|payloads?|adversar\w+|malicious\w*|researchers?|phrases? (?:such|like|"
    r"[\"'“(])|e\.g\b|for (?:example|instance)|such as|(?:prompt|indirect|code|sql)[- ]injections?|"
    r"injections?|injected|injecting|jail ?break\w*|trick(?:s|ed|ing)?|red[- ]team\w*|victims?|exploit\w*|"
    r"vulnerab\w+|classifiers?|detect(?:s|ed|or|ors|ion|ing)|looks like this|(?:could|might|would|may|can|"
    r"will|people|someone|who) (?:write|type|paste|slip|plant|insert)|(?:he|she|they|someone|somebody|"
    r"attackers?|visitors?|i|we) (?:\w+ )?(?:wrote|typed|pasted|planted)|example|sentences? like|"
    r"strings? (?:such|like|[`\"'“(])|(?:lines?|text|words) like|notorious|hackers?|spammers?|poison(?:ed|"
    r"ing)|defen[cs]es?|mitigat\w+|threats?|angreifer\w*|angriff\w*|beispiel|z\. ?b\.|attaquants?|attaques?|"
    r"exemple|atacantes?|ataques?|ejemplo|inyección|decodes to|which (?:reads|means|says)|spells|owasp|"
    r"so-called|known as|template|headline|tutorials?|documentation|convention)\b"
)
_OWN_CASE = re.compile(
    r"\b(?:if|unless|when|in case|where) (?:you (?:use|have|are on|run|install\w*|already|prefer|bought|own|"
    r"work|don't|do not|only|want)|you're (?:on|using)|your|the (?:package|box|part|kit|oven|printer))|"
    r"\b(?:on|for|in) (?:windows|mac\w*|linux|ubuntu|debian|python|version|older|chapter|section|step|"
    r"the (?:box|package|manual|recipe))"
)
_STAFF = re.compile(
    r"\b(?:customers?|guests?|interview\w*|callers?|visitors?|patients?|teachers?|students?|reporters?|"
    r"journalists?|staff|colleagues?|child(?:ren)?|court|witness\w*|mother|father|parents?|neighbou?rs?|"
    r"employees?|waiters?|clerks?)\b"
)  # fmt: skip
# A pattern that begins with one set of characters is searched for quickly.
_STOP = re.compile(r"[.!?…。！？\n](?:(?<=\n)\n*|(?<=[。！？])|[\"'”»)*_]{0,3}\s+)")


def order(text: str, channel: Channel = OPEN) -> str | None:
    """The passage of a prose text (no code) that orders a model about, at most 120 characters; else None.

    What stands within four sentences adds up and has to reach what the channel asks for. Where talk of
    attacks excuses, a sentence that holds it counts nothing, and one beside it half. Costs time linear
    in the text.
    """
    kinds = possible(fold(text), channel)
    if at_most(kinds) < channel.least:
        return None
    written = sentences(text)
    folded = [fold(sentence) for sentence in written]
    candidates = [possible(sentence, channel, kinds) for sentence in folded]
    found = [
        _signals(sentence, candidates[position], channel) if _near(candidates, position, channel) else {}
        for position, sentence in enumerate(folded)
    ]
    if not any(found):
        return None
    if channel.excused:
        found = [_discounted(weights, position, folded) for position, weights in enumerate(found)]
    for position, weights in enumerate(found):
        near = slice(position, position + _NEAR)
        if weights and _total(found[near], folded[near]) >= channel.least:
            return excerpt(" ".join(written[near]))
    return None


def sentences(text: str) -> list[str]:
    """The sentences and lines of a text that are not empty."""
    found, start = [], 0
    for stop in _STOP.finditer(text):
        found.append(text[start : stop.start() + 1])
        start = stop.end()
    return [sentence for sentence in (*found, text[start:]) if sentence.strip()]


def is_discussion(text: str) -> bool:
    """Whether a text talks about attacks, examples or phrases."""
    return _DISCUSSED.search(text.casefold()) is not None


def excerpt(text: str) -> str:
    """The beginning of a text on one line, at most 120 characters."""
    return " ".join(text.split())[:_EXCERPT]


def order_starts(sentence: str) -> list[int]:
    """Where in a folded sentence clauses begin that are orders by their first word."""
    first = _FIRST.match(sentence)
    begins = [first.end() if first else 0, *(match.end() for match in _BEGIN.finditer(sentence))]
    if any(sign in sentence for sign in _SIGNS_OF_YOU):
        begins += (match.end() for match in _BEGIN_YOU.finditer(sentence))
    starts = [at for at in begins if _is_verb(sentence, at)]
    if starts or any(_OPENS.match(sentence, at) for at in (0, *begins)):
        joints = (match.end() for match in _JOINT.finditer(sentence))
        starts += [at for at in joints if _is_verb(sentence, at)]
    return starts


def _is_due(sentence: str) -> bool:
    """Whether a sentence says that a model has to do something, or orders it in another language."""
    return any(match["verb"] is None or match["verb"] in VERBS for match in _DUTY.finditer(sentence)) or (
        _TRANSLATED_VERBS.search(sentence) is not None
    )


def _is_verb(sentence: str, at: int) -> bool:
    word = _ORDERED.match(sentence, at)
    return word is not None and word[1] in VERBS


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def may_order(text: str, channel: Channel = OPEN) -> bool:
    """Whether the words of a text allow that `order` finds one; cheap, and never wrong about a no."""
    return at_most(possible(fold(text), channel)) >= channel.least


def _near(possible: list[list[Kind]], position: int, channel: Channel) -> bool:
    """Whether the sentences about a position can add up to what a channel asks for."""
    if not possible[position]:
        return False
    near = possible[max(position - _NEAR + 1, 0) : position + _NEAR]
    return at_most(chain.from_iterable(near)) >= channel.least


def _signals(sentence: str, possible: list[Kind], channel: Channel) -> dict[str, float]:
    """The weight of every kind of order in a sentence."""
    starts = order_starts(sentence) if any(signal.opens for _, signal in possible) else []
    found: dict[str, float] = {}
    for _, signal in possible:
        if signal.weight > found.get(signal.name, 0) and _occurs(signal, sentence, starts):
            found[signal.name] = signal.weight
    return _lowered(found, sentence) if found else found


def _occurs(signal: Signal, sentence: str, starts: list[int]) -> bool:
    pattern = _compiled(signal.pattern)
    if signal.opens:
        return any(pattern.match(sentence, at) for at in starts)
    return pattern.search(sentence) is not None


def _lowered(found: dict[str, float], sentence: str) -> dict[str, float]:
    """Less for what is said to people: a reader's own case, and what staff should tell customers."""
    if "override" in found and _OWN_CASE.search(sentence) and "address" not in found:
        found["override"] -= 2
    if "steering" in found and _STAFF.search(sentence.split(",")[0]):
        found["steering"] -= 1.5
        found.pop("insist", None)
    return found


def _discounted(signals: dict[str, float], position: int, sentences: list[str]) -> dict[str, float]:
    if not signals or _DISCUSSED.search(sentences[position]):
        return {}
    beside = sentences[max(position - 1, 0) : position] + sentences[position + 1 : position + 2]
    share = 0.5 if any(_DISCUSSED.search(sentence) for sentence in beside) else 1.0
    return {name: weight * share for name, weight in signals.items()}


def _total(near: list[dict[str, float]], sentences: list[str]) -> float:
    """The heaviest signals of each kind added up, and one more where a model is told to act."""
    best: dict[str, float] = {}
    for signals in near:
        for name, weight in signals.items():
            best[name] = max(best.get(name, 0), weight)
    addressed = not best.keys().isdisjoint(ADDRESSED)
    acts = addressed and any(order_starts(one) or _is_due(one) for one in sentences)
    return sum(best.values()) + (1.0 if acts else 0.0)
