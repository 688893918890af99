import random
import re
import string
import sys
from itertools import pairwise
from re import _constants, _parser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llm_twin_assets.documents import emails, personal_data, phones, secret_values, secrets_found
from llm_twin_assets.documents.finding import Finding
from llm_twin_assets.documents.redaction import findings, redact

KEY = "ghp_" + "".join(random.Random(7).choices(string.ascii_letters + string.digits, k=36))
PIECES = {
    "ann@letters.org": "EMAIL",
    "+44 20 7946 0958": "PHONE",
    "DE89 3704 0044 0532 0130 00": "IBAN",
    "4111 1111 1111 1111": "CARD",
    "93.184.215.14": "IP",
    KEY: "KEY",
}
# What stands next to each other in documents, and what patterns begin and end with.
MARKS = [*PIECES, *(f"<{kind}>" for kind in PIECES.values()), *"@.:/=+-_<>\"'`(){}[]\\,; \n0123789aBz"]
MARKS += [
    "password",
    "token=",
    "://",
    "sk-",
    "eyJ",
    "-----BEGIN PRIVATE KEY-----",
    "-----END PRIVATE KEY-----",
]
TEXTS = st.lists(st.sampled_from(MARKS), max_size=25).map("".join) | st.text(max_size=60)


@pytest.mark.parametrize(("words", "kind"), PIECES.items())
def test_each_kind_is_replaced_by_its_placeholder(words, kind):
    redacted = redact(f"Before, {words}, after.")
    assert redacted.text == f"Before, <{kind}>, after."
    assert redacted.counts == {kind: 1}


def test_findings_are_counted_by_kind():
    text = "ann@letters.org, ben@letters.org and 93.184.215.14"
    assert redact(text).counts == {"EMAIL": 2, "IP": 1}
    assert redact("A quiet day.").counts == {}


def test_code_keeps_every_other_character():
    code = "```python\ndef f(x):\n\treturn get('ann@letters.org',  token=\"{}\")\r\n```\n\n    x = 1  \n"
    assert redact(code.format(KEY)).text == code.format("<KEY>").replace("ann@letters.org", "<EMAIL>")


def test_secrets_in_addresses_leave_the_address():
    assert redact("https://ann:q7Rt-pl0m@letters.org/a").text == "https://<KEY>@letters.org/a"


def test_a_finding_inside_a_wider_one_is_counted_once():
    text = f'token = "{KEY}"\nIBAN DE89 3704 0044 0532 0130 00'
    assert redact(text).counts == {"IBAN": 1, "KEY": 1}


def test_findings_are_in_order_and_apart():
    text = f"93.184.215.14 {KEY} ann@letters.org"
    assert [finding.kind for finding in findings(text)] == ["IP", "KEY", "EMAIL"]


def test_what_shows_only_beside_a_placeholder_is_found_too():
    redacted = redact(f"AIza{KEY[4:39]}4111111111111111")
    assert redacted.text == "<KEY><CARD>"
    assert redacted.counts == {"CARD": 1, "KEY": 1}


def test_what_the_author_publishes_stays():
    text = "ann@letters.org, ben@Letters.Org, eve@other.org, +44 20 7946 0958"
    assert redact(text, ["ANN@letters.org"]).counts == {"EMAIL": 2, "PHONE": 1}
    assert redact(text, ["ben@letters.org"]).counts == {"EMAIL": 2, "PHONE": 1}
    assert redact(text, ["@letters.org"]).counts == {"EMAIL": 1, "PHONE": 1}
    assert redact(text, ["+44-20-7946-0958", "eve@other.org"]).counts == {"EMAIL": 2}
    assert redact("ann@sub.letters.org", ["@letters.org"]).counts == {"EMAIL": 1}


def test_a_key_is_never_public():
    assert redact(KEY, [KEY]).counts == {"KEY": 1}


def test_a_further_search_counts_where_none_of_ours_stands():
    def names(text):
        return [Finding("NAME", *match.span()) for match in re.finditer("[Aa]nn", text)]

    redacted = redact("Ann is ann@letters.org", more=names)
    assert redacted.text == "<NAME> is <EMAIL>"
    assert findings(redacted.text, more=names) == []


def test_a_further_search_cannot_find_placeholders_for_ever():
    def capitals(text):
        return [Finding("WORD", *match.span()) for match in re.finditer("[A-Z]+", text)]

    assert redact("AB <EMAIL>", more=capitals).text == "<WORD> <EMAIL>"


@given(TEXTS)
@example("ann@letters.organn@letters.org")
@example(f"{KEY}@letters.org+44 20 7946 0958")
def test_nothing_is_found_after_redaction_and_a_second_one_changes_nothing(text):
    once = redact(text)
    assert findings(once.text) == []
    assert redact(once.text).text == once.text
    assert redact(once.text).counts == {}


@given(TEXTS)
def test_nothing_outside_the_findings_changes(text):
    kept = re.split("<[A-Z_]{2,40}>", redact(text).text)
    assert re.search(".*".join(re.escape(part) for part in kept) + r"\Z", text, re.DOTALL)
    found = findings(text)
    assert all(one.end <= after.start for one, after in pairwise(found))
    assert all(0 <= one.start < one.end <= len(text) for one in found)


@given(st.lists(st.sampled_from(sorted(set(PIECES.values()))), max_size=8), st.text("ab .,\n", max_size=5))
def test_placeholders_are_never_findings(kinds, between):
    text = between.join(f"<{kind}>" for kind in kinds)
    assert redact(text).text == text


@given(st.lists(st.sampled_from(sorted(PIECES)), max_size=8))
def test_every_piece_among_words_is_found(pieces):
    redacted = redact(" and then ".join(["", *pieces, ""]))
    assert redacted.text == " and then ".join(["", *(f"<{PIECES[piece]}>" for piece in pieces), ""])


MODULES = (emails, personal_data, phones, secret_values, secrets_found)
PATTERNS = {
    f"{module.__name__.rpartition('.')[2]}{name}": value
    for module in MODULES
    for name, value in vars(module).items()
    if isinstance(value, re.Pattern)
}
# Matched against one short value or domain only, never searched for in a document.
ON_VALUES = {"emails_RESERVED", "phones_MADE_UP", "secret_values_WORD", "secret_values_VARIABLE"}
ON_VALUES |= {"secret_values_PLACEHOLDER", "secret_values_PATH", "secrets_found_ATTRIBUTE"}


def open_repeats(items):
    """The repeats without an upper bound that may give characters back, at any depth of a pattern."""
    for operation, argument in items:
        unbounded = argument[1] is _constants.MAXREPEAT if "REPEAT" in str(operation) else False
        if unbounded and operation is not _constants.POSSESSIVE_REPEAT:
            yield operation
        yield from nested(argument)


def nested(argument):
    if isinstance(argument, _parser.SubPattern):
        yield from open_repeats(argument)
    elif isinstance(argument, (tuple, list)):
        for part in argument:
            yield from nested(part)


@pytest.mark.parametrize("name", sorted(PATTERNS.keys() - ON_VALUES))
def test_no_pattern_for_documents_can_go_back_without_bound(name):
    pattern = PATTERNS[name]
    assert list(open_repeats(_parser.parse(pattern.pattern, pattern.flags))) == []


def test_the_check_of_patterns_sees_an_open_repeat():
    assert list(open_repeats(_parser.parse("(?:x|(a+)){2}b")))
    assert not list(open_repeats(_parser.parse("(?:a{1,9}|b)++")))


ADVERSARIAL = ["a", "a.", "@", "@a.b", "a@b.", "x.com@", "=a", "token=", "password: 'a", "://a:", "1 ", "1."]
ADVERSARIAL += ["+1 2", "0044 20 ", "2001:", "DE12 ", "sk-", "eyJaaaaaaaaa.", "-----BEGIN PRIVATE KEY-----\n"]
ADVERSARIAL += ["(0", "ssh -a ", "\\", "<", "phone: 1 ", "A1b2", "' : ", "ann@letters.org", f"{KEY} "]


def calls(text):
    """How many functions run while a text is redacted, and how many passes it takes."""
    counted, passes = 0, 0

    def count(frame, event, argument):
        nonlocal counted
        counted += event in ("call", "c_call")

    def one_pass(text):
        nonlocal passes
        passes += 1
        return []

    sys.setprofile(count)
    try:
        redact(text, more=one_pass)
    finally:
        sys.setprofile(None)
    return counted, passes


@pytest.mark.parametrize("piece", ADVERSARIAL)
def test_work_grows_no_faster_than_the_text(piece):
    redact("+44 20 7946 0958")
    short, few = calls(piece * 300)
    long, many = calls(piece * 1200)
    assert long <= 5 * short + 500
    assert few <= 3 and many <= 3
