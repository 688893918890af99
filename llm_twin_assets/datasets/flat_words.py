"""The words that flattening puts in place of others: contractions, connectives, emphasis, informal words.

A rule is a pattern and what stands for it; rules apply to one sentence, in their order.
"""

import re
from functools import partial
from typing import Final

Rule = tuple[re.Pattern[str], str]

_A = "['’]"
_PRONOUNS = "I|you|he|she|it|we|they"
_ASKS = "why|how|what|when|where|who"
_TAKES_NOT = "do|does|did|is|are|was|were|has|have|had|would|could|should|must|need|ought|might|dare"
# Participles that tell "had" from "would" in "I'd ..."; those that are also plain verbs are left out.
_PARTICIPLES = (
    "been|had|gone|seen|done|made|taken|said|thought|known|written|spent|got|gotten|left|lost|found|heard|told"
    "|felt|kept|met|built|bought|brought|begun|given|grown|chosen|forgotten|spoken|[a-z]{3,}ed"
)
_ADVERB = r"(?:\w+ly|never|always|just|already|ever)"


def _rules(*pairs: tuple[str, str]) -> tuple[Rule, ...]:
    return tuple((re.compile(pattern, re.IGNORECASE), new) for pattern, new in pairs)


CONTRACTIONS: Final = _rules(
    # "Don't you see" is "do you not see"; in the middle of a sentence the pronoun may begin a clause.
    (rf"^(\W*(?:(?:{_ASKS}) )?)({_TAKES_NOT})n{_A}t ({_PRONOUNS}|there)\b", r"\1\2 \3 not"),
    (rf"^(\W*(?:(?:{_ASKS}) )?)wo(?=n{_A}t (?:{_PRONOUNS})\b)n{_A}t (\w+)", r"\1will \2 not"),
    (rf"^(\W*(?:(?:{_ASKS}) )?)ca(?=n{_A}t (?:{_PRONOUNS})\b)n{_A}t (\w+)", r"\1can \2 not"),
    (rf"\bcan{_A}t\b", "cannot"),
    (rf"\bwon{_A}t\b", "will not"),
    (rf"\bshan{_A}t\b", "shall not"),
    (rf"\bI ain{_A}t\b", "I am not"),
    (rf"\bain{_A}t\b", "is not"),
    (rf"\b({_TAKES_NOT})n{_A}t\b", r"\1 not"),
    (rf"\bI{_A}m\b", "I am"),
    (rf"\b(you|we|they|who|what|there|how|where|these|those){_A}re\b", r"\1 are"),
    (rf"\b(I|you|we|they|who|there|would|could|should|must|might|may){_A}ve\b", r"\1 have"),
    (rf"\b({_PRONOUNS}|that|this|there|who|what){_A}ll\b", r"\1 will"),
    (rf"\b({_ASKS}){_A}d (?={_PRONOUNS})", r"\1 did "),
    (
        rf"\b({_PRONOUNS}|who|there){_A}d (?=(?:better|(?:{_ADVERB} )?(?:{_PARTICIPLES}))\b)",
        r"\1 had ",
    ),
    (rf"\b({_PRONOUNS}|who|that|there){_A}d\b", r"\1 would"),
    (
        rf"\b(it|he|she|that|there|who|what){_A}s (?=(?:{_ADVERB} )?(?:been|got|had|become)\b)",
        r"\1 has ",
    ),
    (rf"\b(it|he|she|that|there|here|{_ASKS}){_A}s\b", r"\1 is"),
    (rf"\blet{_A}s\b", "let us"),
    (rf"(?<!\w){_A}tis\b", "it is"),
    (rf"(?<!\w){_A}twas\b", "it was"),
    (rf"(?<!\w){_A}em\b", "them"),
    (r"\bgonna\b", "going to"),
    (r"\bwanna\b", "want to"),
    (r"\bgotta\b", "have to"),
)

_CLAUSE_START = (
    "I|you|he|she|it|we|they|there|the|a|an|this|that|these|those|my|your|his|her|its|our|their|if|when|while"
    "|what|how|why|where|who|in|on|at|with|as|after|before|most|many|some|all|every|no|nobody|nothing|let"
)
_CALLS = "well|now|okay|ok|oh|ah|yes|no|look|see|sure|hey"
_ADVERBS = "obviously|clearly|certainly|actually|honestly|frankly|basically|literally|seriously|indeed|surely"
OPENERS: Final = _rules(
    (
        rf"^(?:{_CALLS}|{_ADVERBS}|of course|after all|to be honest), (?=\w)",
        "",
    ),
    (r"^in my (?:opinion|view|experience|mind), (?=\w)", ""),
    (
        r"^I (?:think|believe|suspect|suppose|feel|guess|know|must confess|must say|would say) that "
        r"(?=(?:the|it|there|an?|he|she|they|we|you|this|these|those|most|many|no|all|every|such|our|my)\b)",
        "",
    ),
    (r"^it seems to me that (?=\w)", ""),
    (rf"^but,? (?=(?:{_CLAUSE_START}|for (?:now|me))\b)", "however, "),
    (rf"^and,? (?=(?:{_CLAUSE_START}|for)\b)", "in addition, "),
    (rf"^so,? (?=(?:{_CLAUSE_START})\b(?! (?:far|much|many)))(?!that\b)", "therefore, "),
    (rf"^yet,? (?=(?:{_CLAUSE_START})\b)", "nevertheless, "),
    (rf"^or,? (?=(?:{_CLAUSE_START})\b)", "alternatively, "),
    (rf"^(?:still|then again|all the same), ?(?=\w)|^still (?=(?:{_PRONOUNS})\b)", "nevertheless, "),
    (r"^(?:also|plus|besides|on top of that), ?(?=\w)", "moreover, "),
    (r"^(?:anyway|anyhow), (?=\w)", "in any case, "),
    (r"^(?:that is why|this is why|that is how) (?=\w)", "for this reason, "),
    (r"^though (?=\w)", "although "),
    (r"^because of this,? (?=\w)", "consequently, "),
    (r"^(?:luckily|happily|sadly|fortunately|unfortunately), (?=\w)", ""),
)
_DROPPED = (
    "very|really|quite|simply|just|actually|literally|absolutely|definitely|certainly|obviously|clearly|truly"
    "|totally|completely|extremely|incredibly|utterly|perfectly|exceedingly|surely|merely|indeed|insanely|super"
)
# "Not very", "the very man", "a just man" and "just as" would say something else without the word.
_STAYS_AFTER = "".join(
    f"(?<!\\b{word} )" for word in ("not", "the", "this", "that", "or", "nor", "how", "so", "is it")
)
_STAYS_BEFORE = (
    r"(?!(?:as|like|a|an|the|under|over|before|after|about|enough|one|how|what|where|and|or|but|because|so|to|in|of"
    r"|than|for|with|is|are|was|were)\b)"
)
EMPHATIC: Final = _rules(
    (r",? (?:of course|after all|indeed|in fact|mind you|you know|to be sure|frankly|honestly),(?= \w)", ""),
    (r",? (?:of course|after all|indeed|though|you know|to be sure|mind you)(?=[.?])", ""),
    (rf"{_STAYS_AFTER}(?<!\ba )(?<!\ban )(?<=\w )\b(?:{_DROPPED}) {_STAYS_BEFORE}(?=[a-z])", ""),
    (rf"\ban? (?:{_DROPPED}) (?=(?:hour|honest|heir|un[^i]|[aeio](?!ne\b|u))[a-z]*\b)(?!and\b|or\b)", "an "),
    (rf"\ban? (?:{_DROPPED}) (?!(?:and|or|man|men|cause|god|war|king|society)\b)(?=[^\Waeio\d])", "a "),
    (
        r"\ban? (?:amazing|awesome|incredible|fantastic|wonderful|terrific|gorgeous|brilliant|stunning)\b",
        "a notable",
    ),
    (
        r"\b(?:amazing|awesome|incredible|fantastic|wonderful|terrific|gorgeous|brilliant|stunning)\b",
        "notable",
    ),
    (r"\ban? (?:enormous|huge|giant|gigantic|massive|immense|vast)\b", "a large"),
    (r"\b(?:enormous|huge|giant|gigantic|massive|immense|vast)\b", "large"),
)
_PERSONS = "me|you|him|her|it|us|them|each|one"
FORMAL: Final = _rules(
    (r"\b(?:a lot|lots) of\b", "a large amount of"),
    (r"\ba lot\b", "considerably"),
    (r"\bmaybe\b", "possibly"),
    (r"\b(?:perchance|mayhap)\b", "possibly"),
    (r"\btill\b", "until"),
    (r"\bupon\b", "on"),
    (r"\bshall\b", "will"),
    (r"\bere\b", "before"),
    (r"\bhath\b", "has"),
    (r"\bdoth\b", "does"),
    (r"\bwhilst\b", "while"),
    (r"\bbetwixt\b", "between"),
    (r"\boft\b", "often"),
    (r"\bwhence\b", "from where"),
    (r"\bthence\b", "from there"),
    (r"\bwhither\b", "where"),
    (r"\bthither\b", "there"),
    (r"\bhither\b", "here"),
    (r"\bright now\b", "at present"),
    (r"\bat the end of the day\b", "ultimately"),
    (r"\ba bit\b(?! of)", "somewhat"),
    (r"\b(?:about|around) (?=\d)", "approximately "),
    (r"\ban easy\b", "a straightforward"),
    (r"\b(?<!not )(?<!so )easy\b", "straightforward"),
    (r"\bnice\b", "pleasant"),
    (r"\busing\b", "employing"),
    (r"\binstead of\b", "rather than"),
    (r"\bas well as\b", "and also"),
    (r"\bmake sure(?: that)?\b", "ensure that"),
    (r"\bmakes sure(?: that)?\b", "ensures that"),
    (r"\bmaking sure(?: that)?\b", "ensuring that"),
    (rf"\b({_PRONOUNS}) needs? to\b", r"\1 must"),
    (r"\bstart (?=to|by|with)", "begin "),
    (r"\bstarts (?=to|by|with)", "begins "),
    (r"\bstarted (?=to|by|with)", "began "),
    (r"\bbefore (?=(?!\w*thing\b|morning|evening|spring|king)\w{2,}ing\b)", "prior to "),
    (r"\bthink about\b", "consider"),
    (r"\bthinking about\b", "considering"),
    (r"\bthought about\b", "considered"),
    (r"\btalk about\b", "discuss"),
    (r"\btalking about\b", "discussing"),
    (r"\btalked about\b", "discussed"),
    (r"\bkids\b", "children"),
    (r"\bguys\b", "people"),
    (r"\bstuff\b", "material"),
    (r"\btiny\b", "small"),
    (r"\bbig\b", "large"),
    (r"\bbigger\b", "larger"),
    (r"\bbiggest\b", "largest"),
    (r"\bwant to\b", "wish to"),
    (r"\bwants to\b", "wishes to"),
    (r"\bwanted to\b", "wished to"),
    (r"\btry to\b", "attempt to"),
    (r"\btries to\b", "attempts to"),
    (r"\btried to\b", "attempted to"),
    (r"\btrying to\b", "attempting to"),
    (rf"\blook at\b(?! (?:{_PERSONS})\b)", "examine"),
    (rf"\blooking at\b(?! (?:{_PERSONS})\b)", "examining"),
    (rf"\blooked at\b(?! (?:{_PERSONS})\b)", "examined"),
    (r"\b(?:find|figure) out\b", "determine"),
    (r"\b(?:found|figured) out\b", "determined"),
    (r"\bget rid of\b", "remove"),
    (r"\bdeal with\b", "address"),
    (r"\bcome up with\b", "devise"),
    (r"\bcame up with\b", "devised"),
    (r"\bpoint out\b", "indicate"),
    (r"\bcarry out\b", "perform"),
    (r", so (?=(?:I|you|he|she|it|we|they|there)\b)", ", and therefore "),
    (r"\b(?:because of|thanks to)\b", "owing to"),
)


def reworded(sentence: str, rules: tuple[Rule, ...]) -> str:
    """A sentence after the rules; what is put in place of a capital, or of the sentence's head, has one."""
    for pattern, new in rules:
        sentence = _raised(sentence, pattern.sub(partial(_cased, new), sentence))
    return sentence


def _cased(new: str, found: re.Match[str]) -> str:
    said, old = found.expand(new), found[0]
    if old.isupper() and sum(map(str.isalpha, old)) > 1:
        return said.upper()
    capital = next((sign for sign in old if sign.isalpha()), "").isupper()
    return said[:1].upper() + said[1:] if capital else said


def _raised(before: str, after: str) -> str:
    """The sentence as it is after a rule, with the capital that it began with before."""
    return after[:1].upper() + after[1:] if before[:1].isupper() and after[:1].islower() else after
