"""Bank accounts, payment cards and network addresses: a pattern and a validator for each."""

import re
from collections.abc import Iterator
from ipaddress import ip_address

from llm_twin_assets.documents.finding import Finding

_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?:[ \u00a0]?[A-Z0-9]{4}){2,7}(?:[ \u00a0]?[A-Z0-9]{1,3})?"
)
# Characters of an account number by country: the IBAN registry of SWIFT (ISO 13616).
_COUNTRIES = """AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27
    DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26
    IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18
    NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23
    TN24 TR26 UA29 VA22 VG24 XK20 YE30"""
_IBAN_LENGTHS = {entry[:2]: int(entry[2:]) for entry in _COUNTRIES.split()}
_CARD = re.compile(
    r"(?<![\w./#-])[0-9]{4}(?:([ -]?)[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?:\1[0-9]{3})?|([ -]?)[0-9]{6}\2[0-9]{4,5})"
    r"(?![\w/-]|\.[0-9])",
    re.ASCII,
)
# First digits and lengths of Visa, Mastercard, American Express, Discover, Diners, JCB and UnionPay.
_ISSUED = re.compile(
    r"4[0-9]{15}|5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}"
    r"|3[47][0-9]{13}|6(?:011|5[0-9]{2}|4[4-9][0-9])[0-9]{12}|3(?:0[0-5]|[68][0-9])[0-9]{11}"
    r"|35(?:2[89]|[3-8][0-9])[0-9]{12}|62[0-9]{14}(?:[0-9]{3})?"
)
_FOUR = re.compile(r"(?<![\w.-])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w-]|\.[0-9a-z])", re.ASCII)
# Global unicast is 2000::/3 (RFC 4291), so that `std::abs` and `a[::2]` are no addresses.
_SIX = re.compile(r"(?<![\w:.])[23][0-9a-f]{3}(?::[0-9a-f]{0,4}){2,7}(?![\w:])", re.ASCII | re.IGNORECASE)
_VERSION = re.compile(
    r"(?:\bv(?:er(?:sions?)?)?\.?|\breleases?|\bbuild|[=<>~!]=|\^|[a-z]/)\s{0,2}\Z", re.IGNORECASE
)
_ADDRESS = re.compile(
    r"(?:\bIPs?|address(?:es)?|\bhosts?|servers?|\bping|\bcurl|\bDNS|gateway|proxy|connect(?:s|ed)? to)"
    r"(?: (?:is|at|on))?[ :=\"'`]{1,4}\Z|//\Z",
    re.IGNORECASE,
)
_SMALL = 32


def ibans(text: str) -> Iterator[Finding]:
    """The international bank account numbers: the length of their country, and ISO 7064 mod 97."""
    for match in _IBAN.finditer(text):
        end = match.start() + _iban_length(match.group())
        if end > match.start() and not text[end : end + 1].isalnum():
            yield Finding("IBAN", match.start(), end)


def cards(text: str) -> Iterator[Finding]:
    """The payment card numbers: an issuer's first digits and length, its grouping, Luhn's check digit."""
    for match in _CARD.finditer(text):
        digits = re.sub("[ -]", "", match.group())
        if _ISSUED.fullmatch(digits) and _luhn(digits):
            yield Finding("CARD", *match.span())


def ips(text: str) -> Iterator[Finding]:
    """The network addresses that the whole Internet can reach; versions and sections are none."""
    for match in (*_FOUR.finditer(text), *_SIX.finditer(text)):
        before = text[max(0, match.start() - 24) : match.start()]
        if _is_global(match.group()) and not _is_version(match.group(), before):
            yield Finding("IP", *match.span())


def _iban_length(words: str) -> int:
    """How many characters of the match, blanks included, are an account number; 0 where none are."""
    length, taken = _IBAN_LENGTHS.get(words[:2], 0), 0
    for position, letter in enumerate(words):
        taken += letter not in " \u00a0"
        if taken == length:
            return position + 1 if _mod_97(words[: position + 1]) else 0
    return 0


def _mod_97(number: str) -> bool:
    compact = re.sub("[ \u00a0]", "", number)
    return int("".join(str(int(letter, 36)) for letter in compact[4:] + compact[:4])) % 97 == 1


def _luhn(digits: str) -> bool:
    doubled = [int(digit) * (1 + position % 2) for position, digit in enumerate(reversed(digits))]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0


def _is_global(words: str) -> bool:
    try:
        address = ip_address(words)
    except ValueError:
        return False
    return address.is_global and not address.is_multicast


def _is_version(words: str, before: str) -> bool:
    """Whether a version is meant: it says so, or four small numbers stand where no address is named."""
    parts = words.split(".")
    small = len(parts) == 4 and all(int(part) < _SMALL for part in parts) and len(set(parts)) > 1
    return bool(_VERSION.search(before)) or (small and not _ADDRESS.search(before))
